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
	members []jsonscan.Member // of the payload
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

// ReadEvent is NewEvent for a payload that was taken apart.
func ReadEvent(name string, payload []byte, members []jsonscan.Member) Event {
	p := readPayload(members)
	e := Event{
		Name: logs.SafeEvent(name), Action: text.Line(p.action, 64), Sender: text.Line(p.sender.login, 64), Label: text.Line(p.label, 100),
		payload: payload, members: members,
	}
	if text.IsRepository(p.repository.fullName) {
		e.Repository = p.repository.fullName
	}
	p.fill(&e)
	e.complete()
	e.readRun(&p)
	return e
}

// fill copies what the kind of event brings. A comment on an issue or a pull request keeps
// the title of what it comments on and its own address.
func (p *payloadFields) fill(e *Event) {
	e.URL = address(p.repository.url)
	for i := range p.topics {
		e.topic(&p.topics[i])
	}
	if u := address(p.comment); u != "" {
		e.URL = u
	}
	for i := range p.runs {
		e.ciRun(&p.runs[i])
	}
	switch e.Name {
	case "push":
		e.push(p)
	case "status":
		e.SHA, e.Conclusion = sha(p.sha), text.Line(p.state, 64)
		if u := address(p.targetURL); u != "" {
			e.URL = u
		}
	case "create", "delete":
		e.Ref = text.Line(p.ref, 255)
		e.Branch = e.Ref
	}
}

func (e *Event) ciRun(r *runObject) {
	e.RunID, e.RunAttempt = r.id, r.attempt
	if r.runID != 0 {
		e.RunID = r.runID
	}
	e.Title = text.Line(r.name, 200)
	e.Branch = text.Line(r.branch, 255)
	if e.Branch == "" {
		e.Branch = text.Line(r.suiteBranch, 255)
	}
	e.SHA = sha(r.sha)
	e.Conclusion = text.Line(r.conclusion, 64)
	if u := address(r.url); u != "" {
		e.URL = u
	}
}

// readRun fills in what the state of CI is derived from.
// See https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func (e *Event) readRun(p *payloadFields) {
	var o runObject
	if len(p.runs) > 0 {
		o = p.runs[len(p.runs)-1]
	}
	r := &e.run
	switch e.Name {
	case "workflow_run":
		*r = logs.Run{ID: o.id, Attempt: o.attempt, SHA: sha(o.sha)}
		if o.headRepository == "" || strings.EqualFold(o.headRepository, p.repository.fullName) {
			r.Workflow = cmp.Or(o.name, p.workflow, o.path)
		}
	case "check_run":
		*r = logs.Run{ID: o.id, SHA: sha(o.sha)}
		if o.app != "github-actions" {
			r.Workflow = o.name
		}
	case "status":
		*r = logs.Run{Workflow: p.context, ID: p.id, SHA: sha(p.sha)}
		branch := "" // the default branch, if it is among them
		for i, name := range p.branches {
			if i == 0 || name == p.repository.main {
				branch = name
			}
		}
		e.Branch = cmp.Or(e.Branch, text.Line(branch, 255))
	case "push":
		*r = logs.Run{SHA: sha(p.after), Deleted: p.deleted}
	case "delete":
		r.Deleted = p.refType == "branch"
	}
	r.Workflow = text.Line(r.Workflow, 200)
}

func (e *Event) topic(t *topic) {
	if t.number != 0 {
		n := t.number
		e.Number = &n
	}
	for _, title := range []string{t.tag, t.name, t.title} {
		if s := text.Line(title, 200); s != "" {
			e.Title = s
		}
	}
	if u := address(t.url); u != "" {
		e.URL = u
	}
	e.Merged, e.MergeSHA = t.merged, sha(t.mergeSHA)
	e.Base, e.Head = text.Line(t.base, 255), text.Line(t.head, 255)
	if e.Head != "" {
		e.Branch = e.Head
	}
	if s := sha(t.headSHA); s != "" {
		e.SHA = s
	}
	e.Closes = closes(t.body)
}

func (e *Event) push(p *payloadFields) {
	e.Ref = text.Line(p.ref, 300)
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		e.Branch = branch
	}
	e.SHA, e.Before, e.Deleted = sha(p.after), sha(p.before), p.deleted
	e.Commits, e.Pusher = p.commits, text.Line(p.pusher.name, 64)
	first, _, _ := strings.Cut(strings.TrimLeft(p.headMessage, "\r\n"), "\n")
	e.Title = text.Line(first, 200)
	if u := address(p.compare); u != "" {
		e.URL = u
	}
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
