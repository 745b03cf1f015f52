package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hookctl/logs"
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

	payload []byte
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
		Conclusion: e.Conclusion, Number: e.Number, URL: e.URL,
	}
}

// ErrNotObject says that a payload is no JSON object, or is torn.
var ErrNotObject = errors.New("the payload is not a JSON object")

var (
	eventName   = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	repository  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$`)
	hexadecimal = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	closing     = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d{1,18})\b`)
)

// EventName returns name if it is fit for a file name, else "unknown".
func EventName(name string) string {
	if eventName.MatchString(name) {
		return name
	}
	return "unknown"
}

// NewEvent reads what routing needs of a payload. A field that is missing, null or of another
// type than GitHub documents stays empty: a delivery is never refused for it.
// The only error is [ErrNotObject].
func NewEvent(name string, payload []byte) (Event, error) {
	trimmed := bytes.TrimLeft(payload, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return Event{}, ErrNotObject
	}
	var p payloadFields
	if err := json.Unmarshal(trimmed, &p); err != nil {
		if mismatch := (*json.UnmarshalTypeError)(nil); !errors.As(err, &mismatch) {
			return Event{}, fmt.Errorf("%w: %w", ErrNotObject, err)
		}
	}
	e := Event{
		Name:    EventName(name),
		Action:  line(string(p.Action), 64),
		Sender:  line(string(p.Sender.Login), 64),
		Label:   line(string(p.Label.Name), 100),
		payload: payload,
	}
	if repository.MatchString(string(p.Repository.FullName)) {
		e.Repository = string(p.Repository.FullName)
	}
	p.fill(&e)
	return e, nil
}

// text is a string that forgives: whatever else stands in its place leaves it empty.
type text string

// UnmarshalJSON takes a string and ignores anything else.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &s) == nil {
		*t = text(s)
	}
	return nil
}

// integer is a 64-bit number that forgives. GitHub's ids are larger than 2^53, so it never
// passes through a float.
type integer int64

// UnmarshalJSON takes a whole number and ignores anything else.
func (i *integer) UnmarshalJSON(b []byte) error {
	var n int64
	if json.Unmarshal(b, &n) == nil {
		*i = integer(n)
	}
	return nil
}

type (
	named struct {
		Name  text `json:"name"`
		Login text `json:"login"`
	}
	ciRun struct {
		ID           integer `json:"id"`
		RunID        integer `json:"run_id"`
		RunAttempt   integer `json:"run_attempt"`
		Name         text    `json:"name"`
		HeadBranch   text    `json:"head_branch"`
		HeadSHA      text    `json:"head_sha"`
		Conclusion   text    `json:"conclusion"`
		URL          text    `json:"html_url"`
		DisplayTitle text    `json:"display_title"`
		CheckSuite   struct {
			HeadBranch text `json:"head_branch"`
		} `json:"check_suite"`
	}
	topic struct {
		Number   integer `json:"number"`
		Title    text    `json:"title"`
		Name     text    `json:"name"`
		TagName  text    `json:"tag_name"`
		Body     text    `json:"body"`
		URL      text    `json:"html_url"`
		Merged   bool    `json:"merged"`
		MergeSHA text    `json:"merge_commit_sha"`
		Base     struct {
			Ref text `json:"ref"`
		} `json:"base"`
		Head struct {
			Ref text `json:"ref"`
			SHA text `json:"sha"`
		} `json:"head"`
	}
	payloadFields struct {
		Action     text `json:"action"`
		Sender     named
		Repository struct {
			FullName text `json:"full_name"`
			URL      text `json:"html_url"`
		}
		Label       named
		WorkflowRun *ciRun `json:"workflow_run"`
		WorkflowJob *ciRun `json:"workflow_job"`
		CheckRun    *ciRun `json:"check_run"`
		CheckSuite  *ciRun `json:"check_suite"`
		PullRequest *topic `json:"pull_request"`
		Issue       *topic `json:"issue"`
		Discussion  *topic `json:"discussion"`
		Release     *topic `json:"release"`
		Comment     *topic `json:"comment"`

		Ref        text       `json:"ref"`
		Before     text       `json:"before"`
		After      text       `json:"after"`
		Deleted    bool       `json:"deleted"`
		Compare    text       `json:"compare"`
		Commits    []struct{} `json:"commits"`
		HeadCommit *struct {
			Message text `json:"message"`
		} `json:"head_commit"`
		Pusher named

		SHA       text `json:"sha"`
		State     text `json:"state"`
		TargetURL text `json:"target_url"`
	}
)

// fill copies what the kind of event brings. A comment on an issue or a pull request keeps
// the title of what it comments on and its own address.
func (p *payloadFields) fill(e *Event) {
	e.URL = address(p.Repository.URL)
	for _, t := range []*topic{p.Release, p.Discussion, p.Issue, p.PullRequest} {
		if t != nil {
			e.topic(t)
		}
	}
	if p.Comment != nil && address(p.Comment.URL) != "" {
		e.URL = address(p.Comment.URL)
	}
	for _, r := range []*ciRun{p.CheckSuite, p.CheckRun, p.WorkflowJob, p.WorkflowRun} {
		if r != nil {
			e.run(r)
		}
	}
	switch e.Name {
	case "push":
		e.push(p)
	case "status":
		e.SHA, e.Conclusion = sha(p.SHA), line(string(p.State), 64)
		if u := address(p.TargetURL); u != "" {
			e.URL = u
		}
	case "create", "delete":
		e.Ref = line(string(p.Ref), 255)
		e.Branch = e.Ref
	}
}

func (e *Event) run(r *ciRun) {
	e.RunID, e.RunAttempt = int64(r.ID), int64(r.RunAttempt)
	if r.RunID != 0 {
		e.RunID = int64(r.RunID)
	}
	e.Title = line(string(r.Name), 200)
	e.Branch = line(string(r.HeadBranch), 255)
	if e.Branch == "" {
		e.Branch = line(string(r.CheckSuite.HeadBranch), 255)
	}
	e.SHA = sha(r.HeadSHA)
	e.Conclusion = line(string(r.Conclusion), 64)
	if u := address(r.URL); u != "" {
		e.URL = u
	}
}

func (e *Event) topic(t *topic) {
	if t.Number != 0 {
		n := int64(t.Number)
		e.Number = &n
	}
	for _, title := range []text{t.TagName, t.Name, t.Title} {
		if s := line(string(title), 200); s != "" {
			e.Title = s
		}
	}
	if u := address(t.URL); u != "" {
		e.URL = u
	}
	e.Merged, e.MergeSHA = t.Merged, sha(t.MergeSHA)
	e.Base, e.Head = line(string(t.Base.Ref), 255), line(string(t.Head.Ref), 255)
	if e.Head != "" {
		e.Branch = e.Head
	}
	if s := sha(t.Head.SHA); s != "" {
		e.SHA = s
	}
	e.Closes = closes(string(t.Body))
}

func (e *Event) push(p *payloadFields) {
	e.Ref = line(string(p.Ref), 300)
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		e.Branch = branch
	}
	e.SHA, e.Before, e.Deleted = sha(p.After), sha(p.Before), p.Deleted
	e.Commits, e.Pusher = len(p.Commits), line(string(p.Pusher.Name), 64)
	if p.HeadCommit != nil {
		first, _, _ := strings.Cut(strings.TrimLeft(string(p.HeadCommit.Message), "\r\n"), "\n")
		e.Title = line(first, 200)
	}
	if u := address(p.Compare); u != "" {
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

func sha(t text) string {
	if s := string(t); hexadecimal.MatchString(s) && strings.Trim(s, "0") != "" {
		return s
	}
	return ""
}

func address(t text) string {
	s := string(t)
	if len(s) > 1000 || (!strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://")) {
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.ContainsAny(s, "<>\"'`\\") {
		return ""
	}
	return s
}
