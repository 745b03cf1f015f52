package logs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hookctl/logs/text"
)

// Completion is one way to go on with a filter.
type Completion struct {
	Text  string // the whole filter with its last word completed; a value that needs quotes has them
	About string // a few words about the field or the value, "" for none; clean
}

// completeRecords is how many of the newest records values are taken from.
const completeRecords = 1000

// CompleteFilter returns how the last word of a filter may go on: fields by name, then values, those that begin with what is
// typed or else contain it, the most frequent first. Values come from the newest 1,000 records of l, which may be
// nil; events are offered for event: after those of the records. What cannot be read offers nothing.
func CompleteFilter(ctx context.Context, l *Log, typed string, events []Completion) []Completion {
	word := typed[lastWord(typed):]
	before := typed[:len(typed)-len(word)]
	if rest, negated := strings.CutPrefix(word, "!"); negated {
		before, word = before+"!", rest
	}
	name, value, valued := strings.Cut(word, ":")
	var out []Completion
	if !valued {
		for _, f := range fields() {
			if strings.HasPrefix(f.name, strings.ToLower(name)) {
				out = append(out, Completion{before + f.name + ":", f.about})
			}
		}
		return out
	}
	f, known := fieldNamed(name)
	if !known {
		return nil
	}
	done := value[:strings.LastIndexByte(value, ',')+1]
	part := asciiLower(strings.TrimPrefix(value[len(done):], `"`))
	var within []Completion
	for _, v := range offeredValues(ctx, l, f, events) {
		c := Completion{before + name + ":" + done + QuoteFilter(v.Text), v.About}
		switch v := asciiLower(v.Text); {
		case strings.HasPrefix(v, part):
			out = append(out, c)
		case strings.Contains(v, part):
			within = append(within, c)
		}
	}
	if len(out) == 0 {
		return within
	}
	return out
}

// lastWord is where the last word of a filter begins. A blank in quotes ends no word.
func lastWord(typed string) int {
	at, quoted := 0, false
	for i := 0; i < len(typed); i++ {
		switch c := typed[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			at = i + 1
		}
	}
	return at
}

// offeredValues are the values to offer for a field, each with a few words.
func offeredValues(ctx context.Context, l *Log, f field, events []Completion) []Completion {
	var out []Completion
	for _, c := range f.choices {
		out = append(out, Completion{c.text, c.about})
	}
	seen := map[string]int{}
	if l != nil && !f.closed && !f.open {
		page, _ := l.Page(ctx, Query{Limit: completeRecords}) //nolint:errcheck // offers nothing then
		for _, e := range page.Entries {
			if v := text.Clean(f.value(&e)); v != "" && (f.name != "hook" || e.HookID != 0) {
				seen[v]++
			}
		}
	}
	if f.name == "event" {
		out = slices.DeleteFunc(slices.Clone(events), func(c Completion) bool { return seen[c.Text] > 0 })
	}
	for _, known := range out {
		delete(seen, known.Text)
	}
	var found []Completion
	for _, v := range slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b)) }) {
		found = append(found, Completion{v, fmt.Sprintf("%s lately", text.Count(seen[v], "record"))})
	}
	if f.name == "event" {
		return append(found, out...)
	}
	return append(out, found...)
}

// QuoteFilter writes a value as the filter grammar reads it back.
func QuoteFilter(v string) string {
	if v == "" || strings.ContainsAny(v, " \t\n\r,\"\\") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	return v
}
