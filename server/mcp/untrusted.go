package mcp

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"hookctl/logs/text"
)

// untrusted is the key under which text from outside stands.
const untrusted = "untrusted"

// Bounds of a result. The same JSON is sent twice, as text and as structure.
const (
	maxString = 2_000     // characters of a text
	maxBytes  = 48 << 10  // of the rows of a list
	maxRows   = 200       // of a list
	maxPart   = 24 << 10  // bytes of a payload in one result
	maxDigits = 1<<53 - 1 // what a client may read as a float without a change
)

// own reports whether the value of a key is a word or a name of GitHub's own making. What other keys hold is not judged.
func own(key, s string) bool {
	switch key {
	case "action", "conclusion", "event", "event_type":
		return text.MadeOf(s, 0, 64, isWord)
	case "delivery_id":
		return s == "" || text.IsDeliveryID(s)
	case "repository": // or an organization
		return text.IsRepository(s) || text.MadeOf(s, 0, 100, text.IsWord)
	}
	return true
}

func isWord(c byte) bool { return text.IsWord(c) && c != '.' && c != '-' }

// isRecord reports whether s is what the file of a record is called. Everything else is refused before it is looked for.
func isRecord(s string) bool {
	name, is := strings.CutSuffix(s, ".json")
	return is && strings.Count(name, "_") >= 2 && text.MadeOf(name, 1, 115, isWord)
}

// marker makes of a result, as JSON has it, what an agent gets: what stands under one of the outside keys moves into an object
// "untrusted" beside it, ids become strings, and every text is clean and at most limit characters long.
type marker struct {
	limit   int
	outside []string
}

// keys is a marker for lists.
func keys(outside ...string) marker { return marker{maxString, outside} }

// of is the result of an operation, marked.
func (m marker) of(value any) (any, error) {
	out, err := plain(value)
	return m.walk("", out, true), err
}

// object is the result of an operation that gives an object, marked.
func (m marker) object(value any) (map[string]any, error) {
	out, err := m.of(value)
	object, _ := out.(map[string]any)
	return object, err
}

// rows are those of an operation that gives a list, marked.
func (m marker) rows(value any) ([]any, error) {
	out, err := m.of(value)
	rows, _ := out.([]any)
	return rows, err
}

// pages is the result of an operation that gives a list: under a name as many of its rows as the bounds allow, the cursor that leads
// to the rest, and how many there are.
func (m marker) pages(name string, value any, at page) (map[string]any, error) {
	rows, err := m.rows(value)
	if err != nil {
		return nil, err
	}
	from, err := offset(at.Cursor, len(rows))
	if err != nil {
		return nil, err
	}
	to, next := from+fitting(rows[from:], at.Limit), ""
	if to < len(rows) {
		next = strconv.Itoa(to)
	}
	return map[string]any{name: rows[from:to], "cursor": next, "total": len(rows)}, nil
}

// list is pages of what an operation returned, beside the error that it may have returned with a part.
func (m marker) list(name string, value any, at page, failed error) (any, error) {
	out, err := m.pages(name, value, at)
	if failed != nil && out["total"] == 0 {
		return nil, failed
	}
	return out, errors.Join(failed, err)
}

// walk goes through a value that stands under key. Within what has moved, nothing moves again.
func (m marker) walk(key string, value any, move bool) any {
	switch v := value.(type) {
	case map[string]any:
		out, moved := make(map[string]any, len(v)), map[string]any{}
		for k, inner := range v {
			text, _ := inner.(string)
			if move && (slices.Contains(m.outside, k) || !own(k, text)) {
				moved[clean(k)] = m.walk(k, inner, false)
			} else {
				out[clean(k)] = m.walk(k, inner, move)
			}
		}
		if len(moved) > 0 {
			out[untrusted] = moved
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = m.walk(key, inner, move)
		}
		return out
	case string:
		return text.ForAgent(v, m.limit)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); key == "id" || strings.HasSuffix(key, "_id") || err == nil && (n > maxDigits || n < -maxDigits) {
			return v.String()
		}
		return v
	}
	return value
}

// clean is a text of at most maxString characters for an agent.
func clean(s string) string { return text.ForAgent(s, maxString) }

// offset reads a cursor that is a number of at most that much.
func offset(cursor string, most int) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(cursor)
	if err != nil || n < 0 || n > most {
		return 0, usagef("not a cursor of an earlier result: %q", text.Cut(clean(cursor), 40))
	}
	return n, nil
}

// fitting is how many of rows a result takes.
func fitting(rows []any, limit int) int {
	if limit <= 0 || limit > maxRows {
		limit = maxRows
	}
	size := 0
	for i, row := range rows {
		data, err := encode(row)
		if size += len(data); i == limit || i > 0 && (err != nil || size > maxBytes) {
			return i
		}
	}
	return len(rows)
}

// page are the arguments of every tool that returns a list.
type page struct {
	Limit  int    `json:"limit,omitempty" jsonschema:"at most this many rows; at most 200"`
	Cursor string `json:"cursor,omitempty" jsonschema:"the cursor of the last result, for what follows"`
}
