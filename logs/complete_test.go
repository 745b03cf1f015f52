package logs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Completion offers fields with what they mean, and values with the most frequent first; what it offers is a filter.
func TestCompleteFilter(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	for i, branch := range []string{"main", "release 1.0", "main", "fix\u202e"} {
		r := &Record{EventType: "workflow_run", ReceivedAt: time.Unix(int64(1e9+i), 0), DeliveryID: fmt.Sprint("d", i), Source: SourceDelivery, Payload: json.RawMessage(`{}`),
			Summary: Summary{Repository: "octo-org/web", Branch: branch, Conclusion: "failure"}}
		mustAppend(t, w, r)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir)
	all := func(typed string) []string {
		var out []string
		for _, c := range CompleteFilter(t.Context(), l, typed, []Completion{{"workflow_run", "A run."}, {"workflow_job", "A job."}}) {
			out = append(out, strings.TrimSuffix(c.Text+"|"+c.About, "|"))
			if text := strings.TrimSuffix(c.Text, ":"); text == c.Text {
				if _, err := ParseFilter(c.Text, time.Unix(2e9, 0)); err != nil {
					t.Errorf("%q completes %q: %v", c.Text, typed, err)
				}
			}
		}
		return out
	}
	for typed, want := range map[string][]string{
		"st":                  {"status:|how the notification went: sent, failed"},
		"main !CONC":          {"main !conclusion:|how the CI run ended: success, failure"},
		"branch:":             {"branch:main|2 records lately", "branch:fix|1 record lately", `branch:"release 1.0"|1 record lately`},
		`branch:"rel`:         {`branch:"release 1.0"|1 record lately`},
		"repo:web":            {"repo:octo-org/web|4 records lately"},
		"conclusion:x,Suc":    {"conclusion:x,success|the run succeeded"},
		"status:f":            {"status:failed|the notification failed; a failed run is conclusion:failure"},
		"event:":              {"event:workflow_run|4 records lately", "event:workflow_job|A job."},
		`"st`:                 nil,
		"title:\"a b\" verif": {"title:\"a b\" verified:|whether the signature was right"},
		"colour:":             nil,
		"since:1":             {"since:15m|the last 15 minutes", "since:1h|the last hour"},
	} {
		if got := all(typed); !slices.Equal(got, want) {
			t.Errorf("%s completes to\n%q, want\n%q", typed, got, want)
		}
	}
	if got := all(""); len(got) != len(fields()) || slices.ContainsFunc(got, func(c string) bool { return !strings.Contains(c, "|") }) {
		t.Errorf("not every field is offered with its meaning: %q", got)
	}
	if got := CompleteFilter(t.Context(), nil, "status:p", nil); len(got) != 1 {
		t.Errorf("without a log: %q", got)
	}
}
