package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"hookctl/logs/jsonscan"
)

// Sources of a record.
const (
	SourceDelivery = "delivery" // a POST of GitHub
	SourceCatchup  = "catchup"  // fetched from GitHub's list of deliveries
	SourceReplay   = "replay"   // an earlier record, sent through again
	SourceTest     = "test"     // a sample
	SourceSelf     = "hookctl"  // what the receiver says of itself
	SourceRelay    = "relay"    // GitHub's development relay
)

// States of a notification.
const (
	StatusPending = "pending" // not delivered yet
	StatusSent    = "sent"
	StatusFailed  = "failed" // tried too often; can be resent
)

// Record is what is kept of one delivery: the content of one file.
//
// EventType, ReceivedAt, Source, DeliveryID and Payload are the caller's;
// Append fills Timestamp, File and, where zero, ReceivedAt and Source.
type Record struct {
	EventType     string            `json:"event_type"`
	Timestamp     string            `json:"timestamp"` // YYYYMMDD_HHMMSS, UTC
	Result        string            `json:"result"`    // one line for people
	Summary       Summary           `json:"payload_summary"`
	DeliveryID    string            `json:"delivery_id"` // GitHub's GUID, the same in every attempt
	ReceivedAt    time.Time         `json:"received_at"`
	HookID        int64             `json:"hook_id"`
	Source        string            `json:"source"`
	Signature     Signature         `json:"signature"`
	Headers       map[string]string `json:"headers"`
	Notifications []Notification    `json:"notifications"`
	Sync          *Sync             `json:"sync"` // what project sync made of it; nil for nothing
	Payload       json.RawMessage   `json:"-"`    // the bytes that came, unchanged; nil in the old handler's files

	File string `json:"-"` // the file's name in the log directory

	proved json.RawMessage // the payload that Open found to be JSON
}

// Summary is the little of a payload that lists show and filters ask for. An
// absent value is null in the file.
type Summary struct {
	Action     string `json:"action"`
	Sender     string `json:"sender"`
	Repository string `json:"repository"`
	Title      string `json:"title"`
	Branch     string `json:"branch"`
	Conclusion string `json:"conclusion"`
	Number     *int64 `json:"number"`
	URL        string `json:"url"`

	Run
}

// Signature says whether the payload's signature was checked, and by the
// fingerprint with which secret.
type Signature struct {
	Verified bool   `json:"verified"`
	Secret   string `json:"secret"`
}

// Notification is one message that a record causes, and what became of it.
type Notification struct {
	Type      string    `json:"type"`
	Priority  string    `json:"priority"`
	Sink      string    `json:"sink"`
	To        string    `json:"to,omitempty"`
	Status    string    `json:"status"`
	Attempts  int       `json:"attempts"`
	At        time.Time `json:"at,omitzero"`      // of the last attempt
	NextAt    time.Time `json:"next_at,omitzero"` // when the next attempt is due
	MessageID string    `json:"message_id,omitempty"`
	// GatheredBy is the delivery whose message names this one too; empty
	// when it has its own.
	GatheredBy string `json:"gathered_by,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Open takes the payload apart, see [Object]; an error wraps ErrNotJSON. Append does not check the same payload again, so it must not
// be changed in between.
func (r *Record) Open() ([]jsonscan.Member, error) {
	members, ok := jsonscan.Object(r.Payload)
	if !ok {
		return nil, fmt.Errorf("open the payload: %w", ErrNotJSON)
	}
	r.proved = r.Payload
	return members, nil
}

// isJSON says whether the payload is JSON.
func (r *Record) isJSON() bool {
	p := r.Payload
	if len(p) > 0 && len(p) == len(r.proved) && &p[0] == &r.proved[0] {
		return true
	}
	return jsonscan.Valid(p)
}

// The shadows below say what is null in the file.
type recordJSON struct {
	EventType     *string           `json:"event_type"`
	Timestamp     *string           `json:"timestamp"`
	Result        *string           `json:"result"`
	Summary       summaryJSON       `json:"payload_summary"`
	DeliveryID    *string           `json:"delivery_id"`
	ReceivedAt    *time.Time        `json:"received_at"`
	HookID        *int64            `json:"hook_id"`
	Source        *string           `json:"source"`
	Signature     Signature         `json:"signature"`
	Headers       map[string]string `json:"headers"`
	Notifications []Notification    `json:"notifications"`
	Sync          *Sync             `json:"sync,omitempty"`
}

type summaryJSON struct {
	Action     *string `json:"action"`
	Sender     *string `json:"sender"`
	Repository *string `json:"repository"`
	Title      *string `json:"title"`
	Branch     *string `json:"branch"`
	Conclusion *string `json:"conclusion"`
	Number     *int64  `json:"number"`
	URL        *string `json:"url"`
	Run
}

// Encode returns the content of the record's file: one JSON object with the
// payload last and byte for byte, and a newline. It is one line where the
// payload is, as GitHub's are; a payload with line breaks keeps them.
func (r *Record) Encode() ([]byte, error) { return r.appendTo(make([]byte, 0, r.room())) }

// room is about how many bytes Encode takes, rather more than fewer.
func (r *Record) room() int { return len(r.Payload) + 1536 }

// appendTo appends what Encode returns.
func (r *Record) appendTo(to []byte) ([]byte, error) {
	head := recordJSON{
		EventType: orNull(r.EventType), Timestamp: orNull(r.Timestamp), Result: orNull(r.Result),
		Summary: summaryJSON{
			Action: orNull(r.Summary.Action), Sender: orNull(r.Summary.Sender), Repository: orNull(r.Summary.Repository),
			Title: orNull(r.Summary.Title), Branch: orNull(r.Summary.Branch), Conclusion: orNull(r.Summary.Conclusion),
			Number: r.Summary.Number, URL: orNull(r.Summary.URL), Run: r.Summary.Run,
		},
		DeliveryID: orNull(r.DeliveryID), ReceivedAt: orNull(r.ReceivedAt.UTC()), HookID: orNull(r.HookID), Source: orNull(r.Source), Signature: r.Signature,
		Headers: r.Headers, Notifications: r.Notifications, Sync: r.Sync,
	}
	if head.Headers == nil {
		head.Headers = map[string]string{}
	}
	if head.Notifications == nil {
		head.Notifications = []Notification{}
	}
	b := bytes.NewBuffer(to)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	b.Truncate(b.Len() - len("}\n"))
	b.WriteString(`,"payload":`)
	if len(r.Payload) == 0 {
		b.WriteString("null")
	} else {
		b.Write(r.Payload)
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// MarshalJSON gives the record as it stands in its file, so that a program
// that prints records prints what is stored.
func (r Record) MarshalJSON() ([]byte, error) {
	b, err := r.Encode()
	return bytes.TrimSuffix(b, []byte("\n")), err
}

// UnmarshalJSON reads what Encode wrote, and the old handler's four keys.
// Unknown keys are passed over.
func (r *Record) UnmarshalJSON(data []byte) error {
	head, payload, err := splitPayload(data)
	if err != nil {
		return err
	}
	if err := r.decodeHead(head); err != nil {
		return err
	}
	r.Payload = nil
	if len(payload) > 0 && string(payload) != "null" {
		r.Payload = bytes.Clone(payload)
	}
	return nil
}

// decodeHead reads everything but the payload.
func (r *Record) decodeHead(head []byte) error {
	type plain Record
	var in plain
	if err := json.Unmarshal(head, &in); err != nil {
		return err
	}
	*r = Record(in)
	if r.EventType == "" && r.Timestamp == "" {
		return errNoRecord
	}
	if r.ReceivedAt.IsZero() {
		if t, err := time.Parse(timeLayout, r.Timestamp); err == nil {
			r.ReceivedAt = t
		}
	}
	return nil
}

// orNull is nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
