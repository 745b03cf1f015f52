package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs/text"
)

// newClient is the client of a sink that speaks HTTP. It keeps as many connections open as there are attempts at once,
// and follows no redirects: a message would go to where nobody sent it.
func newClient() *http.Client {
	keep := http.DefaultTransport.(*http.Transport).Clone()
	keep.MaxIdleConnsPerHost = keptConnections
	return &http.Client{Transport: keep, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// keptConnections is enough for any Retry.PerSink that makes sense.
const keptConnections = 32

// answer is what came back: at most 64 KiB of its body.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

// ask sends a request and reads the answer. whom names the other side in errors, since the address may hold a
// password.
func ask(ctx context.Context, client *http.Client, whom, method, address string, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, backoff.Permanent(fmt.Errorf("ask %s: %w", whom, withoutURL(err)))
	}
	req.Header = header
	r, err := client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("cannot reach %s: %w", whom, withoutURL(err))
	}
	defer r.Body.Close()
	got, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // What came before an error still explains the status.
	return answer{r.StatusCode, r.Header, got}, nil
}

// withoutURL takes the address out of an error, since it may hold a password.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return text.Line(u.Host, 200)
}

// webAddress reads an address of http or https.
func webAddress(address string) (u *url.URL, ok bool) {
	u, err := url.Parse(address)
	return u, err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// statusError classes an answer that is no success. Busy and broken servers recover; a refusal stays one.
func statusError(r answer, words string) error {
	err := fmt.Errorf("the answer is %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if words = text.Line(words, 300); words != "" {
		err = fmt.Errorf("%w: %s", err, words)
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
