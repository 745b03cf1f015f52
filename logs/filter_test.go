package logs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var filterNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func filterEntries() []Entry {
	number := int64(42)
	records := []*Record{
		{File: "a.json", EventType: "push", ReceivedAt: filterNow.Add(-30 * time.Minute), DeliveryID: "AA-1", Source: SourceDelivery,
			Summary: Summary{Repository: "octo-org/Api", Sender: "dependabot[bot]", Title: "Bump x [security]", Branch: "main"}},
		{File: "b.json", EventType: "workflow_run", ReceivedAt: filterNow.Add(-2 * time.Hour), DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Source: SourceCatchup, HookID: 7,
			Summary:       Summary{Action: "completed", Repository: "octo-org/web", Sender: "octocat", Title: "CI Tests", Branch: "feature/Ä", Conclusion: "failure"},
			Result:        "ci_failure: CI Tests failed",
			Signature:     Signature{Verified: true},
			Notifications: []Notification{{Type: "ci_failure", Priority: "high", Status: StatusFailed}, {Type: "ci_failure", Priority: "high", Status: StatusPending}}},
		{File: "c.json", EventType: "issues", ReceivedAt: filterNow.Add(-100 * time.Hour), Source: SourceTest,
			Summary:       Summary{Action: "labeled", Repository: "other/web", Sender: "hubot", Title: "Ärger * with ?\nnew line", Number: &number},
			Notifications: []Notification{{Type: "task_blocked", Priority: "high", Status: StatusSent}}},
	}
	var list []Entry
	for _, r := range records {
		list = append(list, r.Entry(0))
	}
	return list
}

// filterCases is shared with the test that asks the index the same.
var filterCases = []struct{ text, want string }{
	{"", "abc"},
	{"event:push", "a"},
	{"EVENT:Push", "a"},
	{"event:push,issues", "ac"},
	{"!event:push", "bc"},
	{"repo:octo-org/*", "ab"},
	{"repo:*/web", "bc"},
	{"repo:octo-org/api", "a"},
	{"repo:*/w?b", "bc"},
	{"repo:octo", ""},
	{"!sender:*[bot]", "bc"},
	{"sender:*[bot]", "a"},
	{"title:*[security]", "a"},
	{"status:failed", "b"},
	{"status:pending", "b"},
	{"status:sent", "c"},
	{"status:none", "a"},
	{"status:failed,none", "ab"},
	{"type:ci_*", "b"},
	{"priority:high", "bc"},
	{"priority:*", "abc"},
	{"since:1h", "a"},
	{"since:3d", "ab"},
	{"until:1h", "bc"},
	{"since:2026-03-01", "ab"},
	{"since:2026-03-01T11:00:00Z", "a"},
	{"until:2026-03-01T11:00", "bc"},
	{"tests", "b"},
	{"TESTS", "b"},
	{`"ci tests"`, "b"},
	{`"with ?"`, "c"},
	{`"* with"`, "c"},
	{"[security]", "a"},
	{"ärger", "c"},
	{"ÄRGER", "c"},
	{"!web", "a"},
	{"web octocat", "b"},
	{"#42", "c"},
	{"number:42", "c"},
	{"hook:7", "b"},
	{"hook:0", "ac"},
	{"id:aa-1", "a"},
	{"72D3162E-cc78-11e3-81ab-4c9367dc0958", "b"},
	{"!72d3162e-cc78-11e3-81ab-4c9367dc0958", "ac"},
	{"source:catchup", "b"},
	{"verified:yes", "b"},
	{"verified:no", "ac"},
	{"conclusion:failure action:completed", "b"},
	{"branch:feature/Ä", "b"},
	{"result:ci_failure*", "b"},
	{"octo-orgoctocat", ""},
}

func TestFilterMatch(t *testing.T) {
	entries := filterEntries()
	for _, tc := range filterCases {
		f, err := ParseFilter(tc.text, filterNow)
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		got := ""
		for _, e := range entries {
			if f.Match(e) {
				got += e.File[:1]
			}
		}
		if got != tc.want {
			t.Errorf("%s: matches %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestFilterErrorsPointAtTheCharacter(t *testing.T) {
	for _, tc := range []struct {
		text   string
		offset int
	}{
		{"event:", 6},
		{"event:push,", 11},
		{"event:push evnt:x", 11},
		{"status:done", 7},
		{"status:sent,done", 12},
		{"since:yesterday", 6},
		{"since:-1h", 6},
		{"since:1h,2h", 8},
		{"until:2026-13-01", 6},
		{`push "open`, 5},
		{`title:"open`, 6},
		{`""`, 0},
		{"! push", 0},
		{"push !", 5},
		{"number:x", 7},
		{"source:mail", 7},
		{"verified:maybe", 9},
		{"fix: bug", 0},
	} {
		_, err := ParseFilter(tc.text, filterNow)
		var fe *FilterError
		if !errors.As(err, &fe) {
			t.Errorf("%s: error %v, want a FilterError", tc.text, err)
		} else if fe.Offset != tc.offset {
			t.Errorf("%s: %v at %d, want %d", tc.text, err, fe.Offset, tc.offset)
		}
	}
	if _, err := ParseFilter("Виджеты 圆形 number:x", filterNow); err == nil || !strings.HasPrefix(err.Error(), "filter, character 19: ") {
		t.Errorf("%v, want character 19", err)
	}
}

func TestFilterText(t *testing.T) {
	f, err := ParseFilter("  event:push  web ", filterNow)
	if err != nil || f.String() != "event:push  web" || f.IsZero() {
		t.Errorf("%q, zero %v, %v", f, f.IsZero(), err)
	}
	if f, err := ParseFilter(" ", filterNow); err != nil || !f.IsZero() {
		t.Errorf("blank text: %v, %v", f, err)
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, tc := range filterCases {
		f.Add(tc.text)
	}
	f.Add(`a:"b\"c" !"d`)
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text, filterNow)
		var fe *FilterError
		if err != nil {
			if !errors.As(err, &fe) || fe.Offset < 0 || fe.Offset > len(text) || fe.Msg == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		for _, e := range filterEntries() {
			filter.Match(e)
		}
		again, err := ParseFilter(filter.String(), filterNow)
		if err != nil || len(again.terms) != len(filter.terms) {
			t.Fatalf("its own text %q does not parse the same: %v", filter, err)
		}
	})
}
