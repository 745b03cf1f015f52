package route

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"hookctl/logs"
	"hookctl/logs/jsonscan"
)

// Trust says whose words may reach an agent. A notification about what anybody else wrote is recorded in full and shown to
// people, but a sink that wakes an agent gets it as fixed words, numbers and links: a title or a branch name is then no way to
// speak to an agent. The zero value trusts everybody.
type Trust struct {
	On      bool
	Authors []string // author associations of GitHub: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR…
	Logins  []string // users who are trusted whatever their association
	Bots    []string // apps, as "dependabot[bot]"
}

// voice is somebody whose words a payload carries.
type voice struct{ association, login, kind string }

// origin is what a payload says about where its words come from.
type origin struct {
	voices []voice // authors of the issue, pull request, comment, review…
	sender voice
	head   string // workflow_run: full name of the repository that the commit is in
	pulls  int    // check_run: pull requests that the commit is the head of,
	within int    // and of them those whose branch is in the repository itself
	home   string // the repository's page
}

// voiced are the objects of a payload that name the author of their words.
var voiced = []string{"issue", "pull_request", "comment", "review", "discussion", "answer", "sub_issue", "parent_issue", "blocked_issue", "blocking_issue"}

func originOf(p jsonscan.Fields) (o origin) {
	for _, name := range voiced {
		if v := p.Get(name); v != nil {
			o.voices = append(o.voices, voice{p.Text(name, "author_association"), p.Text(name, "user", "login"), p.Text(name, "user", "type")})
		}
	}
	if p.Get("thread") != nil {
		o.voices = append(o.voices, voice{}) // of several people
	}
	o.sender = voice{login: p.Text("sender", "login"), kind: p.Text("sender", "type")}
	o.home = address(p.Text("repository", "html_url"))
	o.head = p.Text("workflow_run", "head_repository", "full_name")
	repository := jsonscan.Integer(p.Get("repository", "id"))
	jsonscan.Elements(p.Get("check_run", "pull_requests"), func(v []byte) {
		o.pulls++
		if head := jsonscan.Integer(jsonscan.At(v, "head", "repo", "id")); head != 0 && head == repository {
			o.within++
		}
	})
	return o
}

// byWriters are events that only people with write access cause: what they carry is no outsider's word.
var byWriters = []string{
	"branch_protection_configuration", "branch_protection_rule", "create", "delete", "deploy_key", "deployment", "label", "member", "milestone",
	"ping", "public", "push", "release", "repository", "repository_dispatch", "repository_ruleset", "team_add", "workflow_dispatch",
}

// trusts reports whether every word of an event was written by somebody who is trusted. Where no author is named, an event is
// trusted if its commit is known to be in the repository itself (a fork's names and branches are its owner's), or if only
// people with write access can cause it.
func (t Trust) trusts(e Event, o origin) bool {
	switch {
	case len(o.voices) > 0:
		return !slices.ContainsFunc(o.voices, func(v voice) bool { return !t.trustsVoice(v) })
	case slices.Contains(byWriters, e.Name),
		o.head != "" && strings.EqualFold(o.head, e.Repository),
		o.pulls > 0 && o.pulls == o.within:
		return true
	}
	return t.trustsVoice(o.sender)
}

func (t Trust) trustsVoice(v voice) bool {
	fold := func(s string) func(string) bool { return func(x string) bool { return strings.EqualFold(s, x) } }
	switch {
	case v.association != "" && slices.ContainsFunc(t.Authors, fold(v.association)):
		return true
	case v.login != "" && slices.ContainsFunc(t.Logins, fold(v.login)):
		return true
	}
	return v.kind == "Bot" && slices.ContainsFunc(t.Bots, fold(v.login))
}

// withheld stands in the place of an outsider's words.
const withheld = "left out"

// knownConclusions are GitHub's own words. Every other one stays out of what an agent gets.
var knownConclusions = []string{
	"success", "failure", "timed_out", "startup_failure", "cancelled", "skipped", "neutral", "stale", "action_required", "error", "pending",
	"changes_requested", "approved", "commented", "dismissed",
}

// links are addresses below a repository that hold no word of an outsider.
var links = regexp.MustCompile(`^/(issues|pull|discussions|actions/runs|runs|commit)/[0-9a-f]+(/(job|attempts)/[0-9]+)?(#[a-z_-]+-?[0-9]+)?$`)

// fixed is the event without a word that an outsider could have chosen: GitHub's own words, numbers, hashes and links remain.
// A template of the settings finds no payload in it.
func (e Event) fixed(o origin) Event {
	f := Event{
		Name: e.Name, Repository: e.Repository, Number: e.Number, SHA: e.SHA, RunID: e.RunID, RunAttempt: e.RunAttempt, Merged: e.Merged,
		MergeSHA: e.MergeSHA, Closes: e.Closes, Before: e.Before, Deleted: e.Deleted, Commits: e.Commits, Title: withheld,
	}
	if logs.SafeEvent(e.Action) == e.Action {
		f.Action = e.Action
	}
	if strings.EqualFold(e.Label, "blocked") {
		f.Label = "blocked"
	}
	if slices.Contains(knownConclusions, strings.ToLower(e.Conclusion)) {
		f.Conclusion = e.Conclusion
	}
	home, err := url.Parse(o.home)
	if err != nil || e.Repository == "" || home.Path != "/"+e.Repository || home.RawQuery != "" || home.Fragment != "" || home.User != nil {
		return f
	}
	f.URL = o.home
	if below, ok := strings.CutPrefix(e.URL, o.home); ok && links.MatchString(below) {
		f.URL = e.URL
	}
	return f
}

// withheldNote ends the message about an event whose words are left out.
const withheldNote = "\nTitles and names are left out: not everybody who wrote them is trusted (trust in hookctl.yaml)."

// withhold makes the notice for agents of one that was made of [Event.fixed].
func withhold(n Notice) *Notice {
	for key, value := range n.Context {
		if value == withheld {
			n.Context[key] = nil
		}
	}
	n.Context["trusted"] = false
	n.Message += withheldNote
	return &n
}

// For is the notice as a sink gets it, by whether it wakes an agent.
func (n Notice) For(agent bool) Notice {
	if n.forAgents == nil || !agent {
		return n
	}
	agents := *n.forAgents
	agents.Priority, agents.Sinks = n.Priority, n.Sinks
	return agents
}

// Plain is the notice of an event for which the settings have no words, or none any more.
func (t Trust) Plain(ev Event, kind string) Notice {
	plain := func(e Event) Notice { return plainNotice(e, kind) }
	return t.also(plain(ev), ev, plain)
}

// also adds to a notice what agents get of it, where the event's words, or those of others that it has, are not to be trusted. Again makes the notice of
// another event.
func (t Trust) also(n Notice, e Event, again func(Event) Notice, others ...voice) Notice {
	if !t.On {
		return n
	}
	if o := originOf(e.members); !t.trusts(e, o) || slices.ContainsFunc(others, func(v voice) bool { return !t.trustsVoice(v) }) {
		n.forAgents = withhold(again(e.fixed(o)))
	}
	return n
}

// syncFacts are the fields of sync's notices that hold no word of an outsider.
var syncFacts = []string{"blocked_since", "change", "pull_request", "reminder", "run_id", "task_id"}

// Sync is a notice of sync about an event as the queue knows notices. Its subject is fixed words, numbers and the repository's
// name; that and the facts are what agents get where the event's words are not to be trusted.
func (t Trust) Sync(n logs.SyncNotice, ev Event) Notice {
	notice := Notice{Type: n.Type, Priority: n.Priority, Subject: n.Subject, Message: n.Message, Context: n.Context, Sinks: n.Sinks}
	var others []voice
	for login, association := range n.Authors {
		who := voice{association: association, login: login}
		if strings.HasSuffix(login, "[bot]") {
			who.kind = "Bot"
		}
		others = append(others, who)
	}
	return t.also(notice, ev, func(fixed Event) Notice {
		short := Notice{Type: n.Type, Subject: n.Subject, Message: strings.TrimSpace(n.Subject + ". " + fixed.URL), Context: baseContext(fixed, n.Type)}
		short.Context["number"] = orNilNumber(fixed)
		for _, key := range syncFacts {
			if value, there := n.Context[key]; there {
				short.Context[key] = value
			}
		}
		return short
	}, others...)
}
