package tui

import (
	"fmt"
	"time"

	"hookctl/logs"
)

// fact is a label and a value; key is the filter field of the value.
type fact struct {
	label, value string
	key          string
	style        int // levelInfo.. for colour; -1 none
}

// factsOf says in words what a person asks first.
func factsOf(r *logs.Record, now time.Time) []fact {
	c := logs.Clean
	s := r.Summary
	what := c(r.EventType)
	if s.Action != "" {
		what += " " + c(s.Action)
	}
	out := []fact{{label: "event", value: what, key: "event", style: -1}}
	add := func(label, value, key string, style int) {
		if value != "" {
			out = append(out, fact{label, c(value), key, style})
		}
	}
	title := s.Title
	if s.Number != nil {
		title = fmt.Sprintf("#%d %s", *s.Number, title)
	}
	add("title", title, "title", -1)
	add("repository", s.Repository, "repo", -1)
	add("branch", s.Branch, "branch", -1)
	add("sender", s.Sender, "sender", -1)
	style := -1
	switch {
	case failed(s.Conclusion):
		style = levelError
	case s.Conclusion == "success":
		style = levelInfo
	}
	add("conclusion", s.Conclusion, "conclusion", style)
	add("result", r.Result, "", -1)
	add("url", s.URL, "", -1)
	received := ""
	if !r.ReceivedAt.IsZero() {
		received = r.ReceivedAt.Local().Format("2006-01-02 15:04:05 MST") + ", " + ago(now.Sub(r.ReceivedAt))
	}
	add("received", received, "", -1)
	source := r.Source
	if r.HookID != 0 {
		source += fmt.Sprintf(" by hook %d", r.HookID)
	}
	add("source", source, "source", -1)
	add("delivery", r.DeliveryID, "", -1)
	switch {
	case r.Signature.Verified:
		add("signature", "verified with secret "+r.Signature.Secret, "", levelInfo)
	case r.Source == logs.SourceDelivery || r.Source == "":
		add("signature", "not verified", "", levelWarn)
	default:
		add("signature", "not needed: "+r.Source, "", -1)
	}
	for _, n := range r.Notifications {
		text, style := story(n)
		out = append(out, fact{"notified", c(text), "type", style})
	}
	return out
}

// story tells what became of a notification.
func story(n logs.Notification) (string, int) {
	text := n.Type + " (" + n.Priority + ")"
	to := n.Sink
	if n.To != "" {
		to += " " + n.To
	}
	tries := fmt.Sprintf("%d attempts", n.Attempts)
	if n.Attempts == 1 {
		tries = "1 attempt"
	}
	switch n.Status {
	case logs.StatusSent:
		text += " sent to " + to
		if !n.At.IsZero() {
			text += " at " + n.At.Local().Format("15:04:05")
		}
		if n.Attempts > 1 {
			text += " after " + tries
		}
		if n.MessageID != "" {
			text += ", " + n.MessageID
		}
		if n.GatheredBy != "" {
			text += ", told by delivery " + n.GatheredBy
		}
		return text, levelInfo
	case logs.StatusFailed:
		text += " given up for " + to + " after " + tries
		if n.Error != "" {
			text += ": " + n.Error
		}
		return text, levelError
	}
	text += " waiting for " + to
	if n.Attempts > 0 {
		text += ", " + tries
	}
	if !n.NextAt.IsZero() {
		text += ", next at " + n.NextAt.Local().Format("15:04:05")
	}
	if n.Error != "" {
		text += ": " + n.Error
	}
	return text, levelWarn
}

// failed reports whether a conclusion is one that somebody must look at.
func failed(conclusion string) bool {
	switch conclusion {
	case "failure", "timed_out", "startup_failure", "action_required":
		return true
	}
	return false
}

// ago is a duration in the largest unit that says enough.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
