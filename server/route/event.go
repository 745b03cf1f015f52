package route

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hookctl/logs"
	"hookctl/logs/jsonscan"
	"hookctl/logs/text"
)

// Event is what routing knows of a delivery: the fields of GitHub's payload that matter, cleaned
// and capped, so that none of them can move a cursor, end a line or end a quotation.
type Event struct {
	Name       string // event type, as push; [a-z0-9_]{1,64} or unknown
	Action     string
	Sender     string
	Repository string // owner/name, or "" where the payload has no such name
	Title      string // of a pull request, issue, workflow, check or commit
	Branch     string // without refs/heads/
	Conclusion string
	Number     *int64
	URL        string // http(s) only
	SHA        string // of the commit that the event is about; hexadecimal
	Label      string

	RunID, RunAttempt int64  // workflow_run, check_run
	Merged            bool   // pull_request
	Base, Head        string // pull_request: branches
	MergeSHA          string // pull_request
	Closes            []int64
	Ref               string // push: the whole ref
	Before            string // push: the commit before
	Deleted           bool   // push: the branch is gone
	Commits           int    // push
	Pusher            string // push

	run     logs.Run
	payload []byte
	members jsonscan.Fields // of the payload
}

// Payload is the decoded payload with numbers as [json.Number], for templates and jq; nil
// where it cannot be decoded. Its text is as GitHub sent it, not cleaned.
func (e Event) Payload() map[string]any {
	d := json.NewDecoder(bytes.NewReader(e.payload))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	return m
}

// Summary is the event as the record's payload_summary.
func (e Event) Summary() logs.Summary {
	return logs.Summary{
		Action: e.Action, Sender: e.Sender, Repository: e.Repository, Title: e.Title, Branch: e.Branch,
		Conclusion: e.Conclusion, Number: e.Number, URL: e.URL, Run: e.run,
	}
}

// ErrNotObject says that a payload is no JSON object, or is torn.
var ErrNotObject = errors.New("the payload is not a JSON object")

var closing = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d{1,18})\b`)

// NewEvent reads what routing needs of a payload. A field that is missing, null or of another
// type than GitHub documents stays empty: a delivery is never refused for it.
// The only error is [ErrNotObject].
func NewEvent(name string, payload []byte) (Event, error) {
	members, ok := jsonscan.Object(payload)
	if !ok {
		return Event{}, ErrNotObject
	}
	return ReadEvent(name, payload, members), nil
}

// isEventName allows what a record's file may be called after.
func isEventName(s string) bool { return logs.SafeEvent(s) == s }

// Summarized is what is known of an event whose payload is not there, or cannot be read.
func Summarized(name string, sum logs.Summary) Event {
	e := Event{
		Name: logs.SafeEvent(name), Action: text.Line(sum.Action, 64), Sender: text.Line(sum.Sender, 64), Title: text.Line(sum.Title, 200),
		Branch: text.Line(sum.Branch, 255), Conclusion: text.Line(sum.Conclusion, 64), Number: sum.Number, URL: address(sum.URL),
	}
	if text.IsRepository(sum.Repository) {
		e.Repository = sum.Repository
	}
	return e
}

// ReadEvent is NewEvent for a payload that was taken apart: every delivery is read before it is acknowledged, and of 8 KiB routing
// wants a few hundred bytes, so only the members that matter are looked into. A comment on an issue or a pull request keeps the title of what it
// comments on and its own address.
func ReadEvent(name string, payload []byte, p jsonscan.Fields) Event {
	e := Event{
		Name: logs.SafeEvent(name), Action: text.Line(p.Text("action"), 64), Sender: text.Line(p.Text("sender", "login"), 64),
		Label: text.Line(p.Text("label", "name"), 100), payload: payload, members: p,
	}
	home, _ := jsonscan.Object(p.Get("repository"))
	if full := home.Text("full_name"); text.IsRepository(full) {
		e.Repository = full
	}
	e.URL = address(home.Text("html_url"))
	for _, name := range []string{"release", "discussion", "issue", "pull_request"} { // the last says most
		if v := p.Get(name); v != nil {
			e.topic(v)
		}
	}
	e.URL = cmp.Or(address(p.Text("comment", "html_url")), e.URL)
	for _, name := range []string{"check_suite", "check_run", "workflow_job", "workflow_run"} { // likewise
		if v := p.Get(name); v != nil {
			e.ciRun(v)
		}
	}
	switch e.Name {
	case "push":
		e.push(p)
	case "status":
		e.SHA, e.Conclusion = text.SHA(p.Text("sha")), text.Line(p.Text("state"), 64)
		e.URL = cmp.Or(address(p.Text("target_url")), e.URL)
	case "create", "delete":
		e.Ref = text.Line(p.Text("ref"), 255)
		e.Branch = e.Ref
	}
	e.complete()
	run, branch := logs.RunOf(e.Name, p)
	e.run, e.Branch = run, cmp.Or(e.Branch, branch)
	return e
}

func (e *Event) ciRun(v []byte) {
	r, _ := jsonscan.Object(v)
	e.RunID, e.RunAttempt = cmp.Or(jsonscan.Integer(r.Get("run_id")), jsonscan.Integer(r.Get("id"))), jsonscan.Integer(r.Get("run_attempt"))
	e.Title = text.Line(r.Text("name"), 200)
	e.Branch = cmp.Or(text.Line(r.Text("head_branch"), 255), text.Line(r.Text("check_suite", "head_branch"), 255))
	e.SHA = text.SHA(r.Text("head_sha"))
	e.Conclusion = text.Line(r.Text("conclusion"), 64)
	e.URL = cmp.Or(address(r.Text("html_url")), e.URL)
}

func (e *Event) topic(v []byte) {
	t, _ := jsonscan.Object(v)
	if n := jsonscan.Integer(t.Get("number")); n != 0 {
		e.Number = &n
	}
	for _, name := range []string{"tag_name", "name", "title"} {
		e.Title = cmp.Or(text.Line(t.Text(name), 200), e.Title)
	}
	e.URL = cmp.Or(address(t.Text("html_url")), e.URL)
	e.Merged, e.MergeSHA = t.Is("merged"), text.SHA(t.Text("merge_commit_sha"))
	e.Base, e.Head = text.Line(t.Text("base", "ref"), 255), text.Line(t.Text("head", "ref"), 255)
	e.Branch = cmp.Or(e.Head, e.Branch)
	e.SHA = cmp.Or(text.SHA(t.Text("head", "sha")), e.SHA)
	e.Closes = closes(t.Text("body"))
}

func (e *Event) push(p jsonscan.Fields) {
	e.Ref = text.Line(p.Text("ref"), 300)
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		e.Branch = branch
	}
	e.SHA, e.Before, e.Deleted = text.SHA(p.Text("after")), text.SHA(p.Text("before")), p.Is("deleted")
	e.Commits, e.Pusher = count(p.Get("commits")), text.Line(p.Text("pusher", "name"), 64)
	first, _, _ := strings.Cut(strings.TrimLeft(p.Text("head_commit", "message"), "\r\n"), "\n")
	e.Title = text.Line(first, 200)
	e.URL = cmp.Or(address(p.Text("compare")), e.URL)
}

// closes lists the issues of the same repository that a pull request's text closes, each
// once, at most twenty. The words are GitHub's closing keywords.
func closes(body string) []int64 {
	var numbers []int64
	for _, m := range closing.FindAllStringSubmatch(body, 100) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err == nil && !slices.Contains(numbers, n) && len(numbers) < 20 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func address(s string) string {
	if len(s) > 1000 || (!strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://")) {
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.ContainsAny(s, "<>\"'`\\") {
		return ""
	}
	return s
}
