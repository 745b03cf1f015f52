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
	members fields // of the payload
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

// ReadEvent is NewEvent for a payload that was taken apart. A comment on an issue or a pull request keeps the title of what it
// comments on and its own address.
func ReadEvent(name string, payload []byte, members []jsonscan.Member) Event {
	p := fields(members)
	e := Event{
		Name: logs.SafeEvent(name), Action: text.Line(p.text("action"), 64), Sender: text.Line(p.text("sender", "login"), 64),
		Label: text.Line(p.text("label", "name"), 100), payload: payload, members: p,
	}
	repository, _ := jsonscan.Object(p.get("repository"))
	home := fields(repository)
	if full := home.text("full_name"); text.IsRepository(full) {
		e.Repository = full
	}
	e.URL = address(home.text("html_url"))
	for _, name := range []string{"release", "discussion", "issue", "pull_request"} { // the last says most
		if v := p.get(name); v != nil {
			e.topic(v)
		}
	}
	e.URL = cmp.Or(address(p.text("comment", "html_url")), e.URL)
	var run fields
	for _, name := range []string{"check_suite", "check_run", "workflow_job", "workflow_run"} { // likewise
		if v := p.get(name); v != nil {
			members, _ := jsonscan.Object(v)
			run = members
			e.ciRun(run)
		}
	}
	switch e.Name {
	case "push":
		e.push(p)
	case "status":
		e.SHA, e.Conclusion = sha(p.text("sha")), text.Line(p.text("state"), 64)
		e.URL = cmp.Or(address(p.text("target_url")), e.URL)
	case "create", "delete":
		e.Ref = text.Line(p.text("ref"), 255)
		e.Branch = e.Ref
	}
	e.complete()
	e.readRun(p, home, run)
	return e
}

func (e *Event) ciRun(r fields) {
	e.RunID, e.RunAttempt = cmp.Or(integerOf(r.get("run_id")), integerOf(r.get("id"))), integerOf(r.get("run_attempt"))
	e.Title = text.Line(r.text("name"), 200)
	e.Branch = cmp.Or(text.Line(r.text("head_branch"), 255), text.Line(r.text("check_suite", "head_branch"), 255))
	e.SHA = sha(r.text("head_sha"))
	e.Conclusion = text.Line(r.text("conclusion"), 64)
	e.URL = cmp.Or(address(r.text("html_url")), e.URL)
}

// readRun fills in what the state of CI is derived from. See https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func (e *Event) readRun(p, home, run fields) {
	switch r := &e.run; e.Name {
	case "workflow_run":
		*r = logs.Run{ID: integerOf(run.get("id")), Attempt: integerOf(run.get("run_attempt")), SHA: run.text("head_sha")}
		if from := run.text("head_repository", "full_name"); from == "" || strings.EqualFold(from, home.text("full_name")) {
			r.Workflow = cmp.Or(run.text("name"), p.text("workflow", "name"), run.text("path"))
		}
	case "check_run":
		*r = logs.Run{ID: integerOf(run.get("id")), SHA: run.text("head_sha")}
		if run.text("app", "slug") != "github-actions" {
			r.Workflow = run.text("name")
		}
	case "status":
		*r = logs.Run{Workflow: p.text("context"), ID: integerOf(p.get("id")), SHA: p.text("sha")}
		var branch string // the default branch, if it is among them
		jsonscan.Elements(p.get("branches"), func(v []byte) {
			if name, ok := jsonscan.Text(jsonscan.At(v, "name")); ok && (branch == "" || name == home.text("default_branch")) {
				branch = name
			}
		})
		e.Branch = cmp.Or(e.Branch, text.Line(branch, 255))
	case "push":
		*r = logs.Run{SHA: p.text("after"), Deleted: p.is("deleted")}
	case "delete":
		r.Deleted = p.text("ref_type") == "branch"
	}
	e.run.Workflow, e.run.SHA = text.Line(e.run.Workflow, 200), sha(e.run.SHA)
}

func (e *Event) topic(v []byte) {
	members, _ := jsonscan.Object(v)
	t := fields(members)
	if n := integerOf(t.get("number")); n != 0 {
		e.Number = &n
	}
	for _, name := range []string{"tag_name", "name", "title"} {
		e.Title = cmp.Or(text.Line(t.text(name), 200), e.Title)
	}
	e.URL = cmp.Or(address(t.text("html_url")), e.URL)
	e.Merged, e.MergeSHA = t.is("merged"), sha(t.text("merge_commit_sha"))
	e.Base, e.Head = text.Line(t.text("base", "ref"), 255), text.Line(t.text("head", "ref"), 255)
	e.Branch = cmp.Or(e.Head, e.Branch)
	e.SHA = cmp.Or(sha(t.text("head", "sha")), e.SHA)
	e.Closes = closes(t.text("body"))
}

func (e *Event) push(p fields) {
	e.Ref = text.Line(p.text("ref"), 300)
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		e.Branch = branch
	}
	e.SHA, e.Before, e.Deleted = sha(p.text("after")), sha(p.text("before")), p.is("deleted")
	e.Commits, e.Pusher = count(p.get("commits")), text.Line(p.text("pusher", "name"), 64)
	first, _, _ := strings.Cut(strings.TrimLeft(p.text("head_commit", "message"), "\r\n"), "\n")
	e.Title = text.Line(first, 200)
	e.URL = cmp.Or(address(p.text("compare")), e.URL)
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

func sha(s string) string {
	if text.MadeOf(s, 7, 64, func(c byte) bool { return text.IsDigit(c) || 'a' <= c && c <= 'f' }) && strings.Trim(s, "0") != "" {
		return s
	}
	return ""
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
