package tasks

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"hookctl/hooks"
)

// reference is an issue that a pull request says it closes.
type reference struct {
	repo   hooks.Target
	number int64
}

// closesRef is GitHub's closing keyword with #n, owner/repo#n or the address of an issue.
var closesRef = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:(?:([A-Za-z0-9_-]+)/([A-Za-z0-9_.-]+))?#(\d{1,15})|https?://([^\s/]+)/([A-Za-z0-9_-]+)/([A-Za-z0-9_.-]+)/issues/(\d{1,15}))\b`)

// maxReferences is how many issues one pull request may close.
const maxReferences = 20

// references reads texts for issues that they close, each once.
func references(home repository, texts ...string) []reference {
	var list []reference
	seen := map[string]bool{}
	for _, text := range texts {
		for _, m := range closesRef.FindAllStringSubmatch(text, 200) {
			r := reference{repo: home.target()}
			number := m[3]
			switch {
			case m[4] != "":
				if !strings.EqualFold(m[4], home.host) {
					continue
				}
				r.repo, number = hooks.Target{Owner: m[5], Repo: m[6]}, m[7]
			case m[1] != "":
				r.repo = hooks.Target{Owner: m[1], Repo: m[2]}
			}
			var err error
			if r.number, err = strconv.ParseInt(number, 10, 64); err != nil || r.number == 0 {
				continue
			}
			id := strings.ToLower(r.repo.String()) + "#" + number
			if !seen[id] && len(list) < maxReferences {
				list = append(list, r)
			}
			seen[id] = true
		}
	}
	return list
}

// planPull plans for a pull request that was opened, merged or closed: for the issues that it says it closes.
func (s *Sync) planPull(ctx context.Context, w *work) error {
	p := w.t.pull
	w.title = fmt.Sprintf("Pull request #%d", w.t.number)
	w.url = p.url
	w.why = fmt.Sprintf("pull request #%d was %s", w.t.number, map[bool]string{true: "merged into " + quoted(p.base), false: strings.ReplaceAll(p.action, "_", " ")}[p.merged])
	texts := []string{p.title, p.body}
	if p.merged {
		messages, err := w.commits(ctx)
		if err != nil {
			return err
		}
		texts = append(texts, messages...)
	}
	refs := references(w.t.repo, texts...)
	column := map[string]string{"opened": s.cfg.Board.InReview, "reopened": s.cfg.Board.InReview, "ready_for_review": s.cfg.Board.InReview, "closed": s.cfg.Board.InProgress}[p.action]
	if p.merged {
		column = s.cfg.Board.DoneName
	}
	closed := 0
	for _, r := range refs {
		if elsewhere(w, r.repo) != "" {
			known, err := s.known(ctx, r.repo)
			if err != nil {
				return err
			}
			if !known {
				continue
			}
		}
		if p.closes {
			done, err := w.closeReference(ctx, r)
			if err != nil {
				return err
			}
			if done {
				closed++
			}
		}
		s.onBoard(w, move{repo: r.repo, issue: r.number, column: column})
	}
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	if w.stillOwed(l); w.owes == nil && closed > 0 { // what an interrupted attempt owes names also what that one closed
		w.updated("closed", w.summary())
	}
	if len(w.steps) == 0 {
		w.skip = "the pull request closes no open issue of a known repository"
		return nil
	}
	w.keep = func(e *entry) { e.State = "closed" }
	w.url = p.url
	return nil
}

// commits are the messages of the pull request's commits, at most 250.
func (w *work) commits(ctx context.Context) ([]string, error) {
	type commit struct {
		Commit struct{ Message string }
	}
	call := w.issues().call("list the commits of the pull request", "GET", fmt.Sprintf("/pulls/%d/commits?per_page=100", w.t.number), nil)
	call.Permission = "Pull requests: read"
	list, err := hooks.All[commit](ctx, w.client, call, 250)
	var messages []string
	for _, c := range list {
		messages = append(messages, c.Commit.Message)
	}
	return messages, err
}

// closeReference adds the steps that close one issue, and reports whether there are any: not for one that is closed, gone or a
// pull request itself.
func (w *work) closeReference(ctx context.Context, r reference) (bool, error) {
	issue, err := issues{w.client, r.repo}.get(ctx, r.number)
	switch {
	case err != nil && !lasting(err):
		return false, err
	case err != nil, issue == nil, !issue.open(): // not ours to see, gone or closed
		return false, nil
	}
	number, name := r.number, elsewhere(w, r.repo)
	p := w.t.pull
	body := fmt.Sprintf("Closed by the merge of %s into %s", md(w.t.repo.name)+link(fmt.Sprintf("#%d", w.t.number), p.url), md(p.base))
	if p.mergeSHA != "" {
		body += " as " + md(p.mergeSHA)
	}
	body += ".\n"
	other := *w
	other.issue, other.t = number, &trigger{kind: w.t.kind, repo: w.t.repo}
	other.t.repo.name = r.repo.String()
	if w.s.cfg.Merged.Comment {
		w.add(step{Action: Action{Action: "comment", Issue: &number, Body: body}, did: fmt.Sprintf("commented on %s#%d", name, number),
			do: other.noteOnce(fmt.Sprintf("merge-%d", w.t.number), body)})
	}
	w.add(step{Action: Action{Action: "close", Issue: &number, Title: line(issue.Title, 200)}, did: fmt.Sprintf("closed %s#%d", name, number),
		do: other.end("completed")})
	return true, nil
}
