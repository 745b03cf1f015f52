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
