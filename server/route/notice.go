package route

import (
	"cmp"
	"fmt"
	"strings"

	"hookctl/logs/text"
)

// The notices of the default table. A reader of the message alone must learn everything that
// matters; the context says the same as fields. Subjects are typed into a terminal, so they hold
// nothing that an outsider chose: repository names are checked, numbers and hashes are ours.

func baseContext(e Event, kind string) map[string]any {
	return map[string]any{
		"source": "hookctl", "notification_type": kind, "event": e.Name, "action": OrNil(e.Action),
		"repository": OrNil(e.Repository), "sender": OrNil(e.Sender), "url": OrNil(e.URL),
	}
}

func ciNotice(e Event, kind string) Notice {
	what := cmp.Or(map[string]string{"check_run": "check", "status": "status"}[e.Name], "workflow")
	ctx := baseContext(e, kind)
	ctx[what] = OrNil(e.Title)
	ctx["run_id"], ctx["run_attempt"] = OrNil(e.RunID), OrNil(e.RunAttempt)
	ctx["branch"], ctx["sha"], ctx["conclusion"] = OrNil(e.Branch), OrNil(e.SHA), OrNil(e.Conclusion)

	verb := ended(kind)
	var m sentence
	m.add("CI %s: the %s %s of %s ended with %s", verb, what, quote(e.Title), Place(e), orNobody(e.Conclusion))
	m.addIf(e.Branch, " on branch %s", quote(e.Branch))
	m.addIf(e.SHA, " at commit %s", e.SHA)
	if e.RunID != 0 {
		m.add(" (run %d", e.RunID)
		if e.RunAttempt != 0 {
			m.add(", attempt %d", e.RunAttempt)
		}
		m.add(")")
	}
	m.addIf(e.Sender, ", started by %s", e.Sender)
	if kind == "ci_failure" {
		m.addFailure(e, ctx)
	}
	brief := quote(e.Title) + " " + verb
	if e.Branch != "" {
		brief += " on branch " + quote(e.Branch)
	}
	subject := fmt.Sprintf("CI %s in %s", verb, Place(e))
	if e.RunID != 0 {
		subject += fmt.Sprintf(" (%s %d)", strings.Replace(what, "workflow", "run", 1), e.RunID)
	}
	return Notice{Type: kind, Subject: subject, Message: m.end(e.URL), Context: ctx, brief: brief}
}

// addFailure adds who pushed the commit that failed, and what a check says about it.
func (m *sentence) addFailure(e Event, ctx map[string]any) {
	who := cmp.Or(e.at("workflow_run.actor.login"), e.at("workflow_run.head_commit.author.name"))
	if who != "" {
		ctx["pushed_by"] = text.Cut(who, 64)
	}
	if who != "" && who != e.Sender {
		m.add(", pushed by %s", quote(text.Cut(who, 64)))
	}
	said := cmp.Or(e.at("check_run.output.summary"), e.at("check_run.output.title"))
	if said != "" {
		ctx["summary"] = text.Cut(said, 500)
		m.add(". The check says: %s", quote(text.Cut(said, 500)))
	}
}

func pullRequestNotice(e Event, kind string) Notice {
	ctx := baseContext(e, kind)
	ctx["number"], ctx["title"] = orNilNumber(e), OrNil(e.Title)
	ctx["base"], ctx["head"], ctx["merge_sha"], ctx["closes"] = OrNil(e.Base), OrNil(e.Head), OrNil(e.MergeSHA), append([]int64{}, e.Closes...)

	verb := cmp.Or(map[string]string{"closed": "merged", "reopened": "reopened", "ready_for_review": "made ready for review"}[e.Action], "opened")
	var m sentence
	m.add("Pull request #%s of %s, %s, was %s", number(e), Place(e), quote(e.Title), verb)
	m.addIf(e.Sender, " by %s", e.Sender)
	m.addIf(e.Head, ": from branch %s", quote(e.Head))
	m.addIf(e.Base, " into %s", quote(e.Base))
	if kind == "pr_merged" {
		m.addIf(e.MergeSHA, " as commit %s", e.MergeSHA)
	}
	if len(e.Closes) > 0 {
		m.add(". It closes ")
		for i, n := range e.Closes {
			if i > 0 {
				m.add(", ")
			}
			m.add("#%d", n)
		}
	}
	return Notice{
		Type: kind, Subject: fmt.Sprintf("Pull request #%s %s in %s", number(e), verb, Place(e)),
		Message: m.end(e.URL), Context: ctx, brief: fmt.Sprintf("#%s %s was %s", number(e), quote(e.Title), verb),
	}
}

// taskNotice says that a task is blocked, or no longer is.
func taskNotice(e Event, kind string) Notice {
	ctx := baseContext(e, kind)
	ctx["task_id"], ctx["number"], ctx["title"] = "GH-"+number(e), orNilNumber(e), OrNil(e.Title)
	state, what := "blocked", fmt.Sprintf("is blocked: the issue %s was labeled \"blocked\"", quote(e.Title))
	if kind == "task_unblocked" {
		state, what = "no longer blocked", fmt.Sprintf("is no longer blocked: the label \"blocked\" was removed from the issue %s", quote(e.Title))
	}
	var m sentence
	m.add("Task GH-%s of %s %s", number(e), Place(e), what)
	m.addIf(e.Sender, " by %s", e.Sender)
	return Notice{
		Type: kind, Subject: fmt.Sprintf("Task GH-%s %s in %s", number(e), state, Place(e)),
		Message: m.end(e.URL), Context: ctx, brief: fmt.Sprintf("GH-%s %s", number(e), quote(e.Title)),
	}
}

func pushNotice(e Event) Notice {
	ctx := baseContext(e, "push")
	ctx["branch"], ctx["commits"], ctx["compare"] = OrNil(e.Branch), e.Commits, OrNil(e.URL)
	ctx["pusher"], ctx["sha"] = OrNil(e.Pusher), OrNil(e.SHA)
	var m sentence
	m.add("%s pushed to branch %s of %s", text.Count(e.Commits, "commit"), quote(e.Branch), Place(e))
	m.addIf(e.Pusher, " by %s", e.Pusher)
	m.addIf(e.SHA, "; it is now at %s", e.SHA)
	m.addIf(e.Title, ", whose message begins %s", quote(e.Title))
	return Notice{
		Type: "push", Subject: fmt.Sprintf("%s pushed to a watched branch of %s", text.Count(e.Commits, "commit"), Place(e)),
		Message: m.end(e.URL), Context: ctx,
		brief: fmt.Sprintf("%s to %s by %s", text.Count(e.Commits, "commit"), quote(e.Branch), orNobody(e.Pusher)),
	}
}

// reviewNotice says what a review came to. Its text is for people at GitHub; an agent gets the verdict.
func reviewNotice(e Event, kind, verdict string) Notice {
	ctx := baseContext(e, kind)
	ctx["number"], ctx["title"], ctx["verdict"] = orNilNumber(e), OrNil(e.Title), OrNil(e.Conclusion)
	ctx["base"], ctx["head"], ctx["sha"] = OrNil(e.Base), OrNil(e.Head), OrNil(e.SHA)
	var m sentence
	m.add("The review of pull request #%s of %s, %s, %s", number(e), Place(e), quote(e.Title), verdict)
	m.addIf(e.Sender, ", by %s", e.Sender)
	return Notice{
		Type: kind, Subject: fmt.Sprintf("Review of pull request #%s in %s %s", number(e), Place(e), verdict),
		Message: m.end(e.URL), Context: ctx, brief: fmt.Sprintf("#%s %s: the review %s", number(e), quote(e.Title), verdict),
	}
}

// plainNotice is for routes without a subject or message of their own, and for notifications
// whose route is no longer in the settings.
func plainNotice(e Event, kind string) Notice {
	ctx := baseContext(e, kind)
	for key, value := range map[string]string{"title": e.Title, "branch": e.Branch, "sha": e.SHA, "conclusion": e.Conclusion} {
		if value != "" {
			ctx[key] = value
		}
	}
	if e.Number != nil {
		ctx["number"] = *e.Number
	}
	var m sentence
	m.add("%s in %s", describe(e), Place(e))
	if e.Number != nil {
		m.add(", #%d", *e.Number)
	}
	m.addIf(e.Title, ", %s", quote(e.Title))
	m.addIf(e.Branch, ", branch %s", quote(e.Branch))
	m.addIf(e.Conclusion, ", conclusion %s", e.Conclusion)
	m.addIf(e.Sender, ", by %s", e.Sender)
	return Notice{
		Type: kind, Priority: "medium", Subject: fmt.Sprintf("%s (%s) in %s", kind, e.Name, Place(e)),
		Message: m.end(e.URL), Context: ctx,
	}
}

// sentence builds the words of a message.
type sentence struct{ strings.Builder }

func (s *sentence) add(format string, args ...any) { fmt.Fprintf(s, format, args...) }

func (s *sentence) addIf(value, format string, args ...any) {
	if value != "" {
		s.add(format, args...)
	}
}

func (s *sentence) end(url string) string {
	s.add(".")
	s.addIf(url, " %s", url)
	return s.String()
}

func quote(s string) string {
	if s == "" {
		return "(no name)"
	}
	return `"` + strings.ReplaceAll(s, `"`, `'`) + `"`
}

// Place is the name of an event's repository, or words for none.
func Place(e Event) string { return cmp.Or(e.Repository, "an unnamed repository") }

// OrNil is a value as a fact of a notification: null in place of nothing.
func OrNil[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func orNilNumber(e Event) any {
	if e.Number == nil {
		return nil
	}
	return *e.Number
}
