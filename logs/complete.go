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

// fieldWords explains the fields of the filter grammar to who completes one. A run and a notification both fail: their
// fields are easily confused.
func fieldWords() map[string]string {
	return map[string]string{
		"action": "what was done: opened, labeled", "branch": "the branch", "conclusion": "how the CI run ended: success, failure",
		"event": "what GitHub sent: push, workflow_run", "hook": "the hook's number at GitHub", "id": "the delivery's id (GUID)",
		"number": "number of the issue or pull request", "payload": "text anywhere in the payload; reads the files",
		"priority": "priority of the notification", "repo": "owner/name; * matches anything", "result": "the line that says what happened",
		"sender": "who caused it", "since": "received after: an age or a date", "source": "how it arrived: delivery, catchup, test",
		"status": "how the notification went: sent, failed", "title": "title of the issue, commit or run", "type": "type of the notification",
		"until": "received before: an age or a date", "verified": "whether the signature was right",
	}
}

// valueWords explains the values of a field that are known without a record, in the order to offer them; nil for a field that
// takes what the records have.
func valueWords(field string) []Completion {
	switch field {
	case "conclusion":
		return []Completion{{"failure", "the run failed"}, {"success", "the run succeeded"}, {"cancelled", "the run was cancelled"},
			{"timed_out", "the run took too long"}, {"action_required", "the run waits for someone"}, {"neutral", "the run ended without a verdict"},
			{"skipped", "the run was skipped"}, {"stale", "the run never ended"}, {"startup_failure", "the run could not start"}}
	case "status":
		return []Completion{{StatusFailed, "the notification failed; a failed run is conclusion:failure"}, {StatusPending, "the notification waits to be sent"},
			{StatusSent, "the notification was sent"}, {"none", "nobody was notified"}}
	case "source":
		return []Completion{{SourceDelivery, "delivered by GitHub"}, {SourceCatchup, "fetched by catchup"}, {SourceRelay, "arrived through the relay"},
			{SourceTest, "sent by hookctl test"}, {SourceReplay, "a record that was replayed"}, {SourceSelf, "written by hookctl itself"}}
	case "verified":
		return []Completion{{"yes", "the signature was right"}, {"no", "the signature was wrong or missing"}}
	case "priority":
		return []Completion{{"urgent", ""}, {"high", ""}, {"medium", ""}, {"low", ""}}
	case "since":
		return []Completion{{"15m", "the last 15 minutes"}, {"1h", "the last hour"}, {"24h", "the last day"}, {"7d", "the last week"}}
	case "until":
		return []Completion{{"15m", "older than 15 minutes"}, {"1h", "older than an hour"}, {"24h", "older than a day"}, {"7d", "older than a week"}}
	}
	return nil
}

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
		about := fieldWords()
		for _, field := range filterFields() {
			if strings.HasPrefix(field, strings.ToLower(name)) {
				out = append(out, Completion{before + field + ":", about[field]})
			}
		}
		return out
	}
	field := fieldNames()[strings.ToLower(name)]
	done := value[:strings.LastIndexByte(value, ',')+1]
	part := asciiLower(strings.TrimPrefix(value[len(done):], `"`))
	var within []Completion
	for _, v := range offeredValues(ctx, l, field, events) {
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
func offeredValues(ctx context.Context, l *Log, field string, events []Completion) []Completion {
	out := valueWords(field)
	seen := map[string]int{}
	if inRecords := closedValues(field) == nil && !slices.Contains([]string{"since", "until", "payload", "id"}, field); inRecords && l != nil {
		page, _ := l.Page(ctx, Query{Limit: completeRecords}) //nolint:errcheck // offers nothing then
		for _, e := range page.Entries {
			if v := text.Clean((&term{field: field}).value(&e)); v != "" && (field != "hook" || e.HookID != 0) {
				seen[v]++
			}
		}
	}
	if field == "event" {
		out = slices.DeleteFunc(slices.Clone(events), func(c Completion) bool { return seen[c.Text] > 0 })
	}
	for _, known := range out {
		delete(seen, known.Text)
	}
	var found []Completion
	for _, v := range slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b)) }) {
		found = append(found, Completion{v, fmt.Sprintf("%s lately", text.Count(seen[v], "record"))})
	}
	if field == "event" {
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
