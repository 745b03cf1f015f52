package logs

import (
	"strconv"
	"time"

	"hookctl/logs/jsonscan"
)

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
