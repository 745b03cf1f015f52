package sink

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"hookctl/logs/text"
)

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

// Label is the name, or the type where there is none.
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
