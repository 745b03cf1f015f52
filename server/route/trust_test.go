package route

import "testing"

// What is left of an event is said exactly.
func TestMessageWithoutAnOutsidersWords(t *testing.T) {
	payload := `{"action":"opened","repository":{"id":1,"full_name":"o/r","html_url":"https://github.com/o/r"},"sender":{"login":"evil"},
		"pull_request":{"number":7,"title":"x","body":"fixes #3","author_association":"NONE","user":{"login":"evil"},
		"html_url":"https://github.com/o/r/pull/7","head":{"ref":"x","sha":"1a2b3c4d"},"base":{"ref":"main"}}}`
	table, err := NewTable(Rules{Trust: Trust{On: true}})
	if err != nil {
		t.Fatal(err)
	}
	ev, err := NewEvent("pull_request", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	n := Decide(table, ev).Notifications[0].For(true)
	if n.Subject != "Pull request #7 opened in o/r" || n.Priority != "medium" || n.Context["number"] != int64(7) || n.Context["title"] != nil || n.Context["trusted"] != false {
		t.Errorf("%+v", n)
	}
	want := `Pull request #7 of o/r, "left out", was opened. It closes #3. https://github.com/o/r/pull/7` + withheldNote
	if n.Message != want {
		t.Errorf("got  %s\nwant %s", n.Message, want)
	}
}

// A link is kept only where no word of an outsider can stand in it.
func TestLinksThatHoldNoWords(t *testing.T) {
	o := origin{home: "https://github.com/o/r"}
	for address, keep := range map[string]bool{
		"https://github.com/o/r/pull/7": true, "https://github.com/o/r/issues/3#issuecomment-12": true, "https://github.com/o/r/actions/runs/12/job/3": true,
		"https://github.com/o/r/commit/1a2b3c4d": true, "https://github.com/o/r/pull/7#pullrequestreview-5": true, "https://github.com/o/r/pull/7#discussion_r5": true,
		"https://github.com/o/r/compare/main...evil:ignore-this": false, "https://github.com/o/r/tree/ignore-this": false, "https://evil.example/o/r/pull/7": false,
		"https://github.com/o/r/pull/7?ignore=this": false, "https://github.com/o/r/pull/7#ignore-this": false, "https://github.com/o/ready/pull/7": false, "": false,
	} {
		want := o.home
		if keep {
			want = address
		}
		if got := (Event{Repository: "o/r", URL: address}).fixed(o).URL; got != want {
			t.Errorf("%q becomes %q, want %q", address, got, want)
		}
	}
	for _, home := range []string{"", "https://github.com/other/r", "https://x@github.com/o/r", "https://github.com/o/r?x", "javascript:o/r"} {
		if got := (Event{Repository: "o/r", URL: "https://github.com/o/r/pull/7"}).fixed(origin{home: home}).URL; got != "" && home != "" {
			t.Errorf("page %q: %q", home, got)
		}
	}
}
