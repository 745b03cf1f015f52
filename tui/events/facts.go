package events

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// fact is a label and a value.
type fact struct {
	label, value string
	style        string // kit.LevelInfo… for colour, "" for none
}

// factsOf says in words what a person asks first.
func factsOf(r *logs.Record, now time.Time) []fact {
	s := r.Summary
	out := []fact{{"event", strings.TrimSpace(r.EventType + " " + s.Action), ""}}
	add := func(label, value, style string) {
		if value != "" {
			out = append(out, fact{label, value, style})
		}
	}
	title := s.Title
	if s.Number != nil {
		title = fmt.Sprintf("#%d %s", *s.Number, title)
	}
	add("title", title, "")
	add("repository", s.Repository, "")
	add("branch", s.Branch, "")
	add("sender", s.Sender, "")
	style := ""
	switch {
	case failed(s.Conclusion):
		style = kit.LevelError
	case s.Conclusion == "success":
		style = kit.LevelInfo
	}
	add("conclusion", s.Conclusion, style)
	add("result", r.Result, "")
	add("url", s.URL, "")
	add("received", received(r, now), "")
	add("source", r.Source+kit.When(r.HookID != 0, fmt.Sprintf(" by hook %d", r.HookID)), "")
	add("delivery", r.DeliveryID, "")
	switch {
	case r.Signature.Verified:
		add("signature", "verified with secret "+r.Signature.Secret, kit.LevelInfo)
	case r.Source == logs.SourceDelivery || r.Source == "":
		add("signature", "not verified", kit.LevelWarn)
	default:
		add("signature", "not needed: "+r.Source, "")
	}
	for _, n := range r.Notifications {
		text, style := story(n)
		out = append(out, fact{"notified", text, style})
	}
	return append(out, syncFacts(r.Sync)...)
}

// received says when a record came in, and how long ago that is.
func received(r *logs.Record, now time.Time) string {
	if r.ReceivedAt.IsZero() {
		return ""
	}
	return r.ReceivedAt.Local().Format("2006-01-02 15:04:05 MST") + ", " + kit.Ago(now.Sub(r.ReceivedAt))
}

// story says what became of a notification.
func story(n logs.Notification) (words, style string) {
	words, to, tries := n.Type+" ("+n.Priority+")", strings.TrimSpace(n.Sink+" "+n.To), text.Count(n.Attempts, "attempt")
	failed := kit.When(n.Error != "", ": "+n.Error)
	clock := func(at time.Time) string { return at.Local().Format("15:04:05") }
	switch n.Status {
	case logs.StatusSent:
		return words + " sent to " + to + kit.When(!n.At.IsZero(), " at "+clock(n.At)) + kit.When(n.Attempts > 1, " after "+tries) +
			kit.When(n.MessageID != "", ", "+n.MessageID) + kit.When(n.GatheredBy != "", ", part of the message of delivery "+n.GatheredBy), kit.LevelInfo
	case logs.StatusFailed:
		return words + " failed for " + to + " after " + tries + failed, kit.LevelError
	}
	return words + " waiting for " + to + kit.When(n.Attempts > 0, ", "+tries) + kit.When(!n.NextAt.IsZero(), ", next at "+clock(n.NextAt)) + failed, kit.LevelWarn
}

// failed reports whether a conclusion is one that somebody must look at.
func failed(conclusion string) bool {
	return slices.Contains([]string{"failure", "timed_out", "startup_failure", "action_required"}, conclusion)
}

// tidy is the boundary where the text of a record's line enters the interface.
func tidy(e logs.Entry) logs.Entry {
	for _, s := range []*string{&e.Event, &e.Action, &e.Repository, &e.Sender, &e.Title, &e.Branch, &e.Conclusion, &e.URL, &e.Result, &e.DeliveryID, &e.Source, &e.Secret} {
		*s = kit.Clean(*s)
	}
	if n := e.Notification; n != nil {
		e.Notification = &logs.EntryNotification{Type: text.Clean(n.Type), Priority: text.Clean(n.Priority), Status: text.Clean(n.Status)}
	}
	return e
}

// tidyAll is tidy for a page of entries, in place.
func tidyAll(list []logs.Entry) []logs.Entry {
	for i, e := range list {
		list[i] = tidy(e)
	}
	return list
}

// tidyRecord is the same boundary for a whole record; the payload is cleaned
// where its tree is built.
func tidyRecord(r *logs.Record) *logs.Record {
	c := *r
	s := &c.Summary
	for _, p := range []*string{&c.EventType, &c.Result, &c.DeliveryID, &c.Source, &c.Signature.Secret, &s.Action, &s.Sender, &s.Repository, &s.Title, &s.Branch, &s.Conclusion, &s.URL} {
		*p = text.Clean(*p)
	}
	c.Headers = make(map[string]string, len(r.Headers))
	for k, v := range r.Headers {
		c.Headers[text.Clean(k)] = text.Clean(v)
	}
	c.Sync = tidySync(r.Sync)
	c.Notifications = make([]logs.Notification, len(r.Notifications))
	for i, n := range r.Notifications {
		for _, p := range []*string{&n.Type, &n.Priority, &n.Sink, &n.To, &n.Status, &n.MessageID, &n.GatheredBy, &n.Error} {
			*p = text.Clean(*p)
		}
		c.Notifications[i] = n
	}
	return &c
}
