package fleet

import (
	"fmt"
	"log/slog"
)

// Choice is an answer that setup offers, as every face words it.
type Choice struct {
	Value  string // as it stands in the settings
	Label  string
	About  string
	Events []string // that hooks have to subscribe to for it
}

// SyncChoices are the modes of project sync, the proposed one first.
func SyncChoices() []Choice {
	return []Choice{
		{Value: "suggest", Label: "suggest", About: "plan, and do nothing before you agree"},
		{Value: "act", Label: "act", About: "do it at once, in your name"},
		{Value: "off", Label: "off", About: "leave issues alone"},
	}
}

// AboutSync says what project sync does.
const AboutSync = "Project sync keeps one issue for a CI failure, with the failing lines of the log, and closes it after a green run."

// AlsoChoices are the entries of notify_also, for events that hooks do not send at first.
func AlsoChoices() []Choice {
	return []Choice{
		{Value: "reviews", Label: "reviews", About: "approvals and requested changes", Events: []string{"pull_request_review"}},
		{Value: "statuses", Label: "statuses", About: "failures that other CI services report", Events: []string{"status"}},
	}
}

// AboutTrust says what of a stranger's text reaches an agent.
const AboutTrust = "An agent gets text of strangers only as fixed words, numbers and links."

// Notify is who is notified of what matters. It holds a secret: it prints itself without the URL of the chat.
type Notify struct {
	Sink, Agent string   // AI Maestro's address and its recipient; both empty for no agent
	Chat        bool     // people in a chat
	ChatURL     string   // of a new chat; "" keeps the one that is there
	Also        []string // entries of notify_also
}

// Events are what hooks have to subscribe to for it, besides what they are asked for.
func (n Notify) Events() (events []string) {
	for _, c := range AlsoChoices() {
		for _, name := range n.Also {
			if name == c.Value {
				events = append(events, c.Events...)
			}
		}
	}
	return events
}

// Nobody reports whether nobody is notified.
func (n Notify) Nobody() bool { return n.Sink == "" && !n.Chat }

// String leaves the URL of the chat out.
func (n Notify) String() string {
	return fmt.Sprintf("%s at %s, chat: %t, also %v", n.Agent, n.Sink, n.Chat, n.Also)
}

// GoString is String.
func (n Notify) GoString() string { return n.String() }

// LogValue is what log/slog prints.
func (n Notify) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalJSON is String as JSON.
func (n Notify) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", n.String()), nil }
