package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hookctl/logs/text"
)

// Change is a value that differs between two records. One that is missing on a side is nil there.
type Change struct {
	Path string          `json:"path"` // as jq writes it: .payload.pull_request.title
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

// Diff compares two records: what GitHub sent, its headers, and what became of it. What differs between any two deliveries
// (ids, times, signatures) is left out. Objects of a list that have an id are compared with the one of the same id, all else
// with what stands in the same place. Numbers are compared as they are written.
func Diff(a, b *Record) ([]Change, error) {
	var d differ
	sides := [2]map[string]any{}
	for i, r := range []*Record{a, b} {
		parts, err := diffParts(r)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", r.File, err)
		}
		sides[i] = parts
	}
	for _, part := range []string{"event", "result", "payload", "headers", "notifications", "sync"} {
		d.member("."+part, sides[0], sides[1], part)
	}
	return d.changes, nil
}

// diffParts are the parts of a record that can be compared, nil for those that are missing.
func diffParts(r *Record) (map[string]any, error) {
	headers := maps.Clone(r.Headers)
	maps.DeleteFunc(headers, func(name, _ string) bool {
		name = strings.ToLower(name)
		return name == "x-github-delivery" || name == "content-length" || strings.HasPrefix(name, "x-hub-signature")
	})
	notifications := slices.Clone(r.Notifications)
	for i, n := range notifications {
		notifications[i] = Notification{Type: n.Type, Priority: n.Priority, Sink: n.Sink, To: n.To, Status: n.Status, Error: n.Error}
	}
	parts := map[string]any{"event": r.EventType, "result": r.Result, "headers": headers, "notifications": notifications}
	if r.Sync != nil {
		parts["sync"] = r.Sync.Status + " " + r.Sync.Text
	}
	if len(r.Payload) > 0 {
		parts["payload"] = r.Payload
	}
	encoded, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	return out, dec.Decode(&out)
}

// differ gathers changes.
type differ struct{ changes []Change }

// value compares two values of one place.
func (d *differ) value(path string, a, b any) {
	switch old := a.(type) {
	case map[string]any:
		if now, ok := b.(map[string]any); ok {
			keys := maps.Clone(old)
			maps.Copy(keys, now)
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				d.member(path+text.JQKey(key), old, now, key)
			}
			return
		}
	case []any:
		if now, ok := b.([]any); ok {
			d.list(path, old, now)
			return
		}
	default:
		if a == b {
			return
		}
	}
	d.add(path, a, b, true, true)
}

// member compares a key of two objects, which may lack it.
func (d *differ) member(path string, a, b map[string]any, key string) {
	old, had := a[key]
	now, has := b[key]
	switch {
	case had && has:
		d.value(path, old, now)
	case had || has:
		d.add(path, old, now, had, has)
	}
}

// list compares two lists: by id where all have one, else by place.
func (d *differ) list(path string, a, b []any) {
	olds, news := ids(a), ids(b)
	at := func(list []any, known []string, other []string, i int) int {
		switch {
		case olds != nil && news != nil:
			return slices.Index(known, other[i])
		case i < len(list):
			return i
		}
		return -1
	}
	for i, old := range a {
		if at(b, news, olds, i) < 0 {
			d.add(fmt.Sprintf("%s[%d]", path, i), old, nil, true, false)
		}
	}
	for i, now := range b {
		place := fmt.Sprintf("%s[%d]", path, i)
		if was := at(a, olds, news, i); was >= 0 {
			d.value(place, a[was], now)
		} else {
			d.add(place, nil, now, false, true)
		}
	}
}

// ids are the ids of the objects of a list, nil unless each has one of its own.
func ids(list []any) []string {
	var out []string
	for _, v := range list {
		object, _ := v.(map[string]any)
		id := fmt.Sprint(object["id"])
		if object["id"] == nil || slices.Contains(out, id) {
			return nil
		}
		out = append(out, id)
	}
	return out
}

func (d *differ) add(path string, a, b any, had, has bool) {
	encode := func(v any, there bool) json.RawMessage {
		if !there {
			return nil
		}
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // it was decoded from JSON
		return bytes.TrimSpace(buf.Bytes())
	}
	d.changes = append(d.changes, Change{path, encode(a, had), encode(b, has)})
}
