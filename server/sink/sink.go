// Package sink is where notifications go: an agent of AI Maestro, by its API or by amp-send; a chat of people; a program; or any
// address that takes HTTP.
//
// [New] makes a [Sink] of the settings' [Config]. A sink sends one message at a time and knows nothing of queues: it says whether
// another attempt is worth it, and the receiver makes it. What it holds of keys it shows nowhere: not in errors, not in logs.
package sink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hookctl/logs/text"
	"log/slog"
	"strings"
	"time"
)

// Sink is a place that notifications go to.
type Sink interface {
	// Send hands a message over and returns the id that the place gave it, "" where it gives none. An error is worth another
	// attempt unless it is a [*backoff.PermanentError]; a [*backoff.RetryAfterError] within it says how long to wait.
	Send(ctx context.Context, m Message) (id string, err error)
	// Check reports whether a message would arrive, without sending one.
	Check(ctx context.Context) error
}

// Message is a notification on its way into a sink. All its text is clean, the payload is as it was sent.
type Message struct {
	ID         string // the same for every attempt
	Kind       string // its type, such as ci_failure
	Priority   string // one of [Priorities]
	Subject    string
	Text       string
	Context    map[string]any // its facts by name: texts, numbers, lists
	Event      string         // as GitHub names it
	DeliveryID string
	File       string // of the record
	Received   time.Time
	Payload    func(context.Context) (json.RawMessage, error) // reads it from the log
}

// Field is a field of the context that holds text; "" for another.
func (m Message) Field(name string) string {
	s, _ := m.Context[name].(string)
	return s
}

// defaultTimeout is that of one attempt.
const defaultTimeout = 10 * time.Second

// New makes the sink that c describes, or says what is wrong with the description. It asks nobody.
func New(c Config) (Sink, error) {
	if c.Timeout < 0 {
		return nil, errors.New("the timeout must not be negative")
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
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

// Check reports whether a notification would arrive at a sink, without sending one.
func Check(ctx context.Context, c Config) error {
	s, err := New(c)
	if err != nil {
		return err
	}
	return s.Check(ctx)
}

// Config describes one place that notifications go to.
type Config struct {
	Name    string            // unique; empty takes the type
	Type    string            // aimaestro, amp-send, chat, command or http
	URL     string            // aimaestro: base of its API; http: where to POST; chat: shoutrrr's, which holds keys
	To      string            // aimaestro, amp-send: the recipient
	From    string            // aimaestro: the sender's name, empty is hookctl
	Command []string          // command: program and arguments; amp-send: empty is amp-send from PATH
	Env     map[string]string // command, amp-send: added to the environment
	Secret  string            // http: key of the signature header, empty sends none; openclaw: the token
	// Format of an http sink, one of the Format constants; empty is CloudEvents. Template is that of FormatTemplate: a
	// text/template with Subject, Message, Priority, Type, Repository, URL, Event, ID, DeliveryID, Time, Context and json.
	Format, Template string
	Timeout          time.Duration // of one attempt; 0 is 10 s
}

// String leaves the secret and the environment out.
func (c Config) String() string { return "sink " + c.Label() + " (" + c.Type + ")" }

// GoString is String, so that %#v shows no more.
func (c Config) GoString() string { return c.String() }

// LogValue is String, so that a log line shows no more.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON leaves the secret and the environment out.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"name": c.Label(), "type": c.Type, "to": c.Recipient()})
}

// Label is the name, or else the type.
func (c Config) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Type
}

// Recipient is what a record shows as the one notified; never an address that may hold a password.
func (c Config) Recipient() string {
	switch c.Type {
	case "http":
		return hostOf(c.URL)
	case "chat":
		service, _, _ := strings.Cut(c.URL, ":") // The rest holds keys.
		return text.Line(service, 40)
	case "command":
		if len(c.Command) > 0 {
			return text.Line(c.Command[0], 200)
		}
	}
	return text.Line(c.To, 200)
}

// WakesAgent says whether a sink's messages are read by an agent.
func (c Config) WakesAgent() bool {
	return c.Type == "aimaestro" || c.Type == "amp-send" || c.Type == "http" && c.Format == FormatOpenClaw
}

// Priorities are those that a notification can have, the least first.
func Priorities() []string { return []string{"low", "medium", "high", "urgent"} }
