package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// sink is a place that notifications go to. send returns the id that the place gave the message, if it
// gives one. An error of send is tried again unless it is a [*backoff.PermanentError]; a
// [*backoff.RetryAfterError] within it says how long to wait. check reports whether a message would
// arrive, without sending one.
type sink interface {
	send(ctx context.Context, m message) (id string, err error)
	check(ctx context.Context) error
}

// message is a notification on its way into a sink. All its text is clean.
type message struct {
	id         string // the same for every attempt
	kind       string
	priority   string
	subject    string
	text       string
	context    map[string]any
	event      string
	deliveryID string
	file       string
	received   time.Time
	payload    func(context.Context) (json.RawMessage, error)
}

const sinkTimeout = 10 * time.Second

func newSink(c SinkConfig) (sink, error) {
	if c.Timeout < 0 {
		return nil, errors.New("the timeout must not be negative")
	}
	def(&c.Timeout, sinkTimeout)
	if strings.HasPrefix(c.To, "-") {
		return nil, fmt.Errorf("not a valid recipient: %q", c.To)
	}
	switch c.Type {
	case "aimaestro":
		return newAIMaestro(c)
	case "amp-send":
		return newAMPSend(c)
	case "command":
		return newCommand(c)
	case "http":
		return newHTTP(c)
	case "chat":
		return newChat(c)
	}
	return nil, fmt.Errorf("unknown type %q: use aimaestro, amp-send, chat, command or http", c.Type)
}

// recipient is what a record shows as the one notified; never an address that may hold a password.
func recipient(c SinkConfig) string {
	switch c.Type {
	case "http":
		return hostOf(c.URL)
	case "chat":
		service, _, _ := strings.Cut(c.URL, ":") // The rest holds keys.
		return line(service, 40)
	case "command":
		if len(c.Command) > 0 {
			return line(c.Command[0], 200)
		}
	}
	return line(c.To, 200)
}

// SinkCheck is how one sink stands.
type SinkCheck struct {
	Name string `json:"name"`
	Type string `json:"type"`
	To   string `json:"to,omitempty"`
	Err  error  `json:"-"`
}

// CheckSinks asks every sink whether a notification would arrive, without sending one.
func CheckSinks(ctx context.Context, sinks []SinkConfig) []SinkCheck {
	var all []SinkCheck
	for _, c := range sinks {
		x := SinkCheck{Name: c.name(), Type: c.Type, To: recipient(c)}
		made, err := newSink(c)
		if err == nil {
			err = made.check(ctx)
		}
		x.Err = err
		all = append(all, x)
	}
	return all
}

// httpSinkClient is the client of a sink that speaks HTTP. It keeps as many connections open as there are attempts at once,
// and follows no redirects: a message would go to where nobody sent it.
func httpSinkClient(c SinkConfig) *http.Client {
	client := &http.Client{}
	if c.Client != nil {
		*client = *c.Client
	}
	if client.Transport == nil {
		keep := http.DefaultTransport.(*http.Transport).Clone()
		keep.MaxIdleConnsPerHost = keptConnections
		client.Transport = keep
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// keptConnections is enough for any Retry.PerSink that makes sense.
const keptConnections = 32

// answerOf reads at most 64 KiB of an answer.
func answerOf(r *http.Response) []byte {
	defer r.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // What came before an error still explains the status.
	return b
}

// statusError classes an answer that is no success. Busy and broken servers recover; a refusal stays one.
func statusError(r *http.Response, text string) error {
	err := fmt.Errorf("the answer is %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if text = line(text, 300); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	switch r.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if r.StatusCode < 500 {
			return backoff.Permanent(err)
		}
	}
	if seconds, bad := strconv.Atoi(r.Header.Get("Retry-After")); bad == nil && seconds > 0 {
		return &laterError{err: err, after: backoff.RetryAfterError{Duration: time.Duration(min(seconds, 3600)) * time.Second}}
	}
	return err
}

// laterError is an error that says when to try again.
type laterError struct {
	err   error
	after backoff.RetryAfterError
}

func (e *laterError) Error() string { return e.err.Error() }

func (e *laterError) Unwrap() []error { return []error{e.err, &e.after} }
