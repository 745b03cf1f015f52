package logs

import (
	"encoding/json"
	"strconv"
	"time"

	"hookctl/logs/jsonscan"
)

// Entry is a record as a list shows it: everything but headers and payload.
// Its text comes from outside; show it through [Clean].
type Entry struct {
	File         string             `json:"file"`
	Event        string             `json:"event"`
	Action       string             `json:"action"`
	Repository   string             `json:"repository"`
	Sender       string             `json:"sender"`
	Title        string             `json:"title"`
	Branch       string             `json:"branch"`
	Conclusion   string             `json:"conclusion"`
	Number       *int64             `json:"number"`
	URL          string             `json:"url"`
	Result       string             `json:"result"`
	ReceivedAt   time.Time          `json:"received_at"`
	DeliveryID   string             `json:"delivery_id"`
	HookID       int64              `json:"hook_id"`
	Source       string             `json:"source"`
	Verified     bool               `json:"verified"`
	Secret       string             `json:"secret"` // fingerprint of the secret that verified it
	Size         int64              `json:"size"`   // of the file, in bytes
	Notification *EntryNotification `json:"notification"`
	Path         string             `json:"-"` // name of the path that it came to, see [PathHeader]
	Pending      int                `json:"-"` // how many of its notifications are pending
	Failed       int                `json:"-"` // and how many failed for good
	Syncing      bool               `json:"-"` // its sync is pending

	run      Run
	key      int64 // place in the order, see Cursor
	came     int64 // place in the order of arrival, see Mark
	modified time.Time
}

// EntryNotification is the most urgent of a record's notifications: one that
// failed before one that is pending before one that is sent, and among those
// the one of the highest priority.
type EntryNotification struct {
	Type     string `json:"type"`
	Priority string `json:"priority"`
	Status   string `json:"status"`
}

// MarshalJSON writes null for what the record does not have.
func (e Entry) MarshalJSON() ([]byte, error) {
	out := struct {
		File         string             `json:"file"`
		Event        string             `json:"event"`
		Action       *string            `json:"action"`
		Repository   *string            `json:"repository"`
		Sender       *string            `json:"sender"`
		Title        *string            `json:"title"`
		Branch       *string            `json:"branch"`
		Conclusion   *string            `json:"conclusion"`
		Number       *int64             `json:"number"`
		URL          *string            `json:"url"`
		Result       *string            `json:"result"`
		ReceivedAt   *time.Time         `json:"received_at"`
		DeliveryID   *string            `json:"delivery_id"`
		HookID       *int64             `json:"hook_id"`
		Source       *string            `json:"source"`
		Verified     bool               `json:"verified"`
		Secret       *string            `json:"secret"`
		Size         int64              `json:"size"`
		Notification *EntryNotification `json:"notification"`
	}{
		File: e.File, Event: e.Event, Action: orNull(e.Action), Repository: orNull(e.Repository), Sender: orNull(e.Sender),
		Title: orNull(e.Title), Branch: orNull(e.Branch), Conclusion: orNull(e.Conclusion), Number: e.Number, URL: orNull(e.URL),
		Result: orNull(e.Result), ReceivedAt: orNull(e.ReceivedAt), HookID: orNull(e.HookID), DeliveryID: orNull(e.DeliveryID), Source: orNull(e.Source),
		Verified: e.Verified, Secret: orNull(e.Secret), Size: e.Size, Notification: e.Notification,
	}
	return json.Marshal(out)
}

// Entry returns the record's line in a list. size is that of its file.
func (r *Record) Entry(size int64) Entry {
	e := Entry{
		File: r.File, Event: r.EventType, Action: r.Summary.Action, Repository: r.Summary.Repository,
		Sender: r.Summary.Sender, Title: r.Summary.Title, Branch: r.Summary.Branch, Conclusion: r.Summary.Conclusion,
		Number: r.Summary.Number, URL: r.Summary.URL, Result: r.Result, ReceivedAt: r.ReceivedAt,
		DeliveryID: r.DeliveryID, HookID: r.HookID, Source: r.Source,
		Verified: r.Signature.Verified, Secret: r.Signature.Secret, Size: size, Path: r.Path(), Syncing: r.Sync.pending(), run: r.Summary.Run,
	}
	e.key = orderKey(e.ReceivedAt)
	var best *Notification
	for i := range r.Notifications {
		n := &r.Notifications[i]
		e.count(n)
		if best == nil || urgency(n) > urgency(best) {
			best = n
		}
	}
	if best != nil {
		e.Notification = &EntryNotification{Type: best.Type, Priority: best.Priority, Status: best.Status}
	}
	return e
}

func (e *Entry) count(n *Notification) {
	switch n.Status {
	case StatusPending:
		e.Pending++
	case StatusFailed:
		e.Failed++
	}
}

func urgency(n *Notification) int {
	rank := 0
	switch n.Status {
	case StatusFailed:
		rank = 20
	case StatusPending:
		rank = 10
	}
	switch n.Priority {
	case "urgent":
		return rank + 4
	case "high":
		return rank + 3
	case "medium", "normal":
		return rank + 2
	case "low":
		return rank + 1
	}
	return rank
}

// readEntryHead makes an entry of a record's head: the object without its
// payload. It takes what a Writer writes, in a fifth of the time that
// encoding/json takes; ok is false for anything else, which [Record.decodeHead]
// is for.
func readEntryHead(head []byte) (e Entry, ok bool) {
	if !jsonscan.Valid(head) {
		return e, false
	}
	ok = true
	var stamp string
	var best *EntryNotification
	rank := -1
	jsonscan.Members(head, func(key, v []byte) {
		switch string(key) {
		case "event_type":
			e.Event = textOf(v, &ok)
		case "timestamp":
			stamp = textOf(v, &ok)
		case "result":
			e.Result = textOf(v, &ok)
		case "delivery_id":
			e.DeliveryID = textOf(v, &ok)
		case "received_at":
			if s := textOf(v, &ok); s != "" {
				t, err := time.Parse(time.RFC3339Nano, s)
				e.ReceivedAt, ok = t, ok && err == nil
			}
		case "hook_id":
			e.HookID = numberOf(v, &ok)
		case "source":
			e.Source = textOf(v, &ok)
		case "payload_summary":
			e.readSummary(v, &ok)
		case "signature":
			jsonscan.Members(v, func(key, v []byte) {
				switch string(key) {
				case "verified":
					e.Verified = string(v) == "true"
				case "secret":
					e.Secret = textOf(v, &ok)
				}
			})
		case "headers":
			jsonscan.Members(v, func(key, v []byte) {
				if string(key) == PathHeader {
					e.Path = textOf(v, &ok)
				}
			})
		case "notifications":
			jsonscan.Elements(v, func(v []byte) {
				n := Notification{}
				jsonscan.Members(v, func(key, v []byte) {
					switch string(key) {
					case "type":
						n.Type = textOf(v, &ok)
					case "priority":
						n.Priority = textOf(v, &ok)
					case "status":
						n.Status = textOf(v, &ok)
					}
				})
				e.count(&n)
				if u := urgency(&n); u > rank {
					rank, best = u, &EntryNotification{Type: n.Type, Priority: n.Priority, Status: n.Status}
				}
			})
		case "sync":
			jsonscan.Members(v, func(key, v []byte) {
				if string(key) == "status" {
					e.Syncing = textOf(v, &ok) == StatusPending
				}
			})
		}
	})
	if e.Event == "" && stamp == "" {
		return e, false
	}
	if e.ReceivedAt.IsZero() {
		if t, err := time.Parse(timeLayout, stamp); err == nil {
			e.ReceivedAt = t
		}
	}
	e.Notification, e.key = best, orderKey(e.ReceivedAt)
	return e, ok
}

func (e *Entry) readSummary(b []byte, ok *bool) {
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "action":
			e.Action = textOf(v, ok)
		case "sender":
			e.Sender = textOf(v, ok)
		case "repository":
			e.Repository = textOf(v, ok)
		case "title":
			e.Title = textOf(v, ok)
		case "branch":
			e.Branch = textOf(v, ok)
		case "conclusion":
			e.Conclusion = textOf(v, ok)
		case "url":
			e.URL = textOf(v, ok)
		case "workflow":
			e.run.Workflow = textOf(v, ok)
		case "run_id":
			e.run.ID = numberOf(v, ok)
		case "run_attempt":
			e.run.Attempt = numberOf(v, ok)
		case "sha":
			e.run.SHA = textOf(v, ok)
		case "deleted":
			e.run.Deleted = string(v) == "true"
		case "number":
			if n := numberOf(v, ok); string(v) != "null" {
				e.Number = &n
			}
		}
	})
}

// textOf reads a string or null; anything else clears ok.
func textOf(v []byte, ok *bool) string {
	if string(v) == "null" {
		return ""
	}
	s, isText := jsonscan.Text(v)
	*ok = *ok && isText
	return s
}

// numberOf reads a whole number or null; anything else clears ok.
func numberOf(v []byte, ok *bool) int64 {
	if string(v) == "null" {
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	*ok = *ok && err == nil
	return n
}
