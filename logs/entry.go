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
	for _, n := range r.Notifications {
		e.notify(EntryNotification{Type: n.Type, Priority: n.Priority, Status: n.Status})
	}
	return e
}

// notify takes one of the record's notifications into account.
func (e *Entry) notify(n EntryNotification) {
	switch n.Status {
	case StatusPending:
		e.Pending++
	case StatusFailed:
		e.Failed++
	}
	if e.Notification == nil || n.urgency() > e.Notification.urgency() {
		e.Notification = &n
	}
}

func (n *EntryNotification) urgency() int {
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
// payload. It takes what a Writer writes, in a third of the time that
// encoding/json takes; ok is false for anything else, which [Record.decodeHead]
// is for.
func readEntryHead(head []byte) (e Entry, ok bool) {
	h, ok := jsonscan.Object(head)
	s, _ := jsonscan.Object(h.Get("payload_summary"))
	r := strict{ok}
	e = Entry{
		Event: r.text(h.Get("event_type")), Result: r.text(h.Get("result")), DeliveryID: r.text(h.Get("delivery_id")), HookID: r.number(h.Get("hook_id")),
		Source: r.text(h.Get("source")), Verified: string(h.Get("signature", "verified")) == "true", Secret: r.text(h.Get("signature", "secret")),
		Path: r.text(h.Get("headers", PathHeader)), Syncing: r.text(h.Get("sync", "status")) == StatusPending,
		Action: r.text(s.Get("action")), Sender: r.text(s.Get("sender")), Repository: r.text(s.Get("repository")), Title: r.text(s.Get("title")),
		Branch: r.text(s.Get("branch")), Conclusion: r.text(s.Get("conclusion")), URL: r.text(s.Get("url")),
		run: Run{Workflow: r.text(s.Get("workflow")), ID: r.number(s.Get("run_id")), Attempt: r.number(s.Get("run_attempt")),
			SHA: r.text(s.Get("sha")), Deleted: s.Is("deleted")},
	}
	if v := s.Get("number"); !isNull(v) {
		n := r.number(v)
		e.Number = &n
	}
	jsonscan.Elements(h.Get("notifications"), func(v []byte) {
		e.notify(EntryNotification{r.text(jsonscan.At(v, "type")), r.text(jsonscan.At(v, "priority")), r.text(jsonscan.At(v, "status"))})
	})
	var err error
	stamp := r.text(h.Get("timestamp"))
	if at := r.text(h.Get("received_at")); at != "" {
		e.ReceivedAt, err = time.Parse(time.RFC3339Nano, at)
	} else if at, err := time.Parse(timeLayout, stamp); err == nil {
		e.ReceivedAt = at
	}
	e.key = orderKey(e.ReceivedAt)
	return e, r.ok && err == nil && (e.Event != "" || stamp != "")
}

// strict reads values that are strings, numbers or missing; anything else clears ok.
type strict struct{ ok bool }

func isNull(v []byte) bool { return v == nil || string(v) == "null" }

func (r *strict) text(v []byte) string {
	if isNull(v) {
		return ""
	}
	s, ok := jsonscan.Text(v)
	r.ok = r.ok && ok
	return s
}

// number reads a whole number.
func (r *strict) number(v []byte) int64 {
	if isNull(v) {
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	r.ok = r.ok && err == nil
	return n
}
