package wizard

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// reposStep chooses repositories and organizations, many at once.
type reposStep struct {
	pickStep
	loading bool          // names can be typed in the meantime
	have    *hooks.Client // whose list is shown
}

func newReposStep(w *Wizard) *reposStep {
	s := &reposStep{pickStep: pickStep{plain: plain{w: w}, pick: kit.NewPicker(w.shell.Theme, "type to search, or any owner/repo", 0)}}
	s.pick.Extra = func(words string) (kit.Choice, bool) {
		t, err := hooks.ParseTarget(words)
		if err != nil {
			return kit.Choice{}, false
		}
		if t.IsOrg() {
			if !s.offersOrg(t.Owner) {
				return kit.Choice{}, false
			}
			return kit.Choice{ID: t.String(), Text: "organization " + t.String(), Right: "all its repositories", Off: s.noOrg()}, true
		}
		if s.w.client != nil {
			if _, err := s.w.client.ParseTarget(words); err != nil { // one of that name here is another repository
				return kit.Choice{ID: text.Clean(words), Right: "on another host", Off: "it is on another host; " + text.Clean(s.w.shell.Cure(err))}, true
			}
		}
		return kit.Choice{ID: t.String(), Right: "as typed"}, true
	}
	for _, r := range w.cfg.Setup.Repositories {
		if t, err := hooks.ParseTarget(r); err == nil {
			s.pick.On[t.String()] = true
		}
	}
	s.pick.Set(nil)
	return s
}

// noOrg says why no organization can be chosen, "" where one can.
func (s *reposStep) noOrg() string {
	if err := s.w.signIn.who.Orgs(); err != nil {
		return err.Error()
	}
	return ""
}

// offersOrg reports whether what is typed is meant as an organization: it owns
// a listed repository, or nothing else matches.
func (s *reposStep) offersOrg(name string) bool {
	for _, it := range s.pick.Items {
		if owner, _, ok := strings.Cut(it.ID, "/"); ok && strings.EqualFold(owner, name) {
			return !strings.EqualFold(name, s.w.signIn.who.User.Login)
		}
	}
	return len(s.pick.Shown) == 0
}

func (s *reposStep) open() tea.Cmd {
	if s.w.client == nil || s.loading || s.have == s.w.client && s.err == nil {
		return nil
	}
	return s.load()
}

func (s *reposStep) load() tea.Cmd {
	s.loading, s.err = true, nil
	client := s.w.client
	return kit.Ask(s.w.shell, func(ctx context.Context) ([]hooks.Repository, error) {
		return client.Repositories(ctx, hooks.RepositoryQuery{AnyRole: true, Archived: true})
	}, func(list []hooks.Repository, err error) tea.Cmd { return s.found(client, list, err) })
}

// found takes up the list of who was signed in when it was asked for.
func (s *reposStep) found(client *hooks.Client, list []hooks.Repository, err error) tea.Cmd {
	if client != s.w.client {
		return nil
	}
	if s.loading, s.err = false, err; err == nil {
		s.have = client
		s.pick.Set(repoItems(list))
	}
	return nil
}

// repoItems are the lines: what can be chosen comes first.
func repoItems(list []hooks.Repository) []kit.Choice {
	var can, cannot []kit.Choice
	for _, r := range list {
		it := kit.Choice{ID: text.Clean(r.FullName), Off: r.Locked()}
		switch {
		case r.Archived:
			it.Right = "archived"
		case !r.Admin:
			it.Right = "not an administrator"
		case r.Private:
			it.Right = "private"
		}
		if it.Off != "" {
			cannot = append(cannot, it)
			continue
		}
		can = append(can, it)
	}
	return append(can, cannot...)
}

func (s *reposStep) next() (bool, tea.Cmd) {
	if len(s.pick.Picked()) == 0 {
		it, ok := s.pick.Under()
		switch {
		case s.err != nil && !ok:
			return false, s.load()
		case !ok:
			return false, s.w.shell.Warn("type a repository as owner/repo, or wait for the list")
		case it.Off != "":
			return false, s.w.shell.Warn(it.Off)
		}
		s.pick.Toggle()
	}
	return s.leave()
}

func (s *reposStep) label() string {
	if s.err != nil && len(s.pick.Picked()) == 0 && len(s.pick.Shown) == 0 {
		return "try again"
	}
	return "continue"
}

func (s *reposStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("Which repositories? "+t.Key.Render("space")+" chooses as many as you like, typing searches, "+t.Key.Render("enter")+" goes on.",
		"Which repositories? space chooses.", w, h)
	if s.err != nil {
		out = append(out, s.w.trouble(s.err, w)...)
	}
	n := len(s.pick.Picked())
	foot := t.Faint.Render(fmt.Sprintf(" none chosen: enter takes the marked line; %s listed", text.Thousands(len(s.pick.Items))))
	switch {
	case n > 0:
		foot = " " + t.Good.Render(t.Sym.OK) + " " + fmt.Sprintf("%d chosen: ", n) + strings.Join(s.pick.Picked(), ", ")
	case s.loading:
		foot = s.w.doing("asking GitHub for your repositories")
	}
	return s.list(out, foot, w, h)
}

func (s *reposStep) actions() []kit.Action {
	again := kit.Action{ID: "wizard.reload", Keys: []string{"ctrl+r"}, Text: "Ask GitHub for the list again.", Run: s.load}
	return append(s.pickStep.actions(), again)
}
