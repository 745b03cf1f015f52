package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// reposStep chooses repositories and organisations, many at once.
type reposStep struct {
	w    *wizard
	pick *picker
	top  int // line of the list in the last view
	busy bool
	err  error
	have *hooks.Client // whose list is shown
}

type reposFound struct {
	of     *wizard
	client *hooks.Client
	list   []hooks.Repository
	err    error
}

func newReposStep(w *wizard) *reposStep {
	s := &reposStep{w: w, pick: newPicker(w.a.theme, "type to search, or any owner/repo")}
	s.pick.extra = func(words string) (pickItem, bool) {
		t, err := hooks.ParseTarget(words)
		if err != nil {
			return pickItem{}, false
		}
		if t.IsOrg() {
			if !s.offersOrg(t.Owner) {
				return pickItem{}, false
			}
			return pickItem{id: t.String(), text: "organisation " + t.String(), right: "all its repositories", off: noOrg(s.w.user)}, true
		}
		if s.w.client != nil {
			if _, err := s.w.client.ParseTarget(words); err != nil { // its namesake here is another repository
				return pickItem{id: text.Clean(words), right: "on another host", off: "it is on another host; " + text.Clean(cureOf(err))}, true
			}
		}
		return pickItem{id: t.String(), right: "as typed"}, true
	}
	for _, r := range w.a.cfg.Setup.Repositories {
		if t, err := hooks.ParseTarget(r); err == nil {
			s.pick.on[t.String()] = true
		}
	}
	s.pick.set(nil)
	return s
}

// offersOrg reports whether what is typed is meant as an organisation: it owns
// a listed repository, or nothing else matches.
func (s *reposStep) offersOrg(name string) bool {
	for _, it := range s.pick.items {
		if owner, _, ok := strings.Cut(it.id, "/"); ok && strings.EqualFold(owner, name) {
			return !strings.EqualFold(name, s.w.user.Login)
		}
	}
	return len(s.pick.shown) == 0
}

func (s *reposStep) name() string { return "Repositories" }

func (s *reposStep) open() tea.Cmd {
	if s.w.client == nil || s.busy || s.have == s.w.client && s.err == nil {
		return nil
	}
	return s.load()
}

func (s *reposStep) load() tea.Cmd {
	s.busy, s.err = true, nil
	w, ctx, c := s.w, s.w.a.ctx, s.w.client
	return func() tea.Msg {
		list, err := c.Repositories(ctx, hooks.RepositoryQuery{AnyRole: true, Archived: true})
		return reposFound{w, c, list, err}
	}
}

func (s *reposStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case reposFound:
		if msg.of != s.w || msg.client != s.w.client {
			return nil
		}
		s.busy, s.err = false, msg.err
		if msg.err == nil {
			s.have = msg.client
			s.pick.set(repoItems(msg.list))
		}
	case tea.KeyPressMsg, tea.PasteMsg, wheel:
		return s.pick.update(msg)
	case click:
		msg.y -= s.top
		return s.pick.update(msg)
	}
	return nil
}

// repoItems are the lines: what can be chosen comes first.
func repoItems(list []hooks.Repository) []pickItem {
	var can, cannot []pickItem
	for _, r := range list {
		it := pickItem{id: text.Clean(r.FullName)}
		switch {
		case r.Archived:
			it.off = "archived: its hooks cannot be changed"
			it.right = "archived"
		case !r.Admin:
			it.off = "you are not an administrator of " + it.id
			it.right = "not an administrator"
		case r.Private:
			it.right = "private"
		}
		if it.off != "" {
			cannot = append(cannot, it)
			continue
		}
		can = append(can, it)
	}
	return append(can, cannot...)
}

func (s *reposStep) next() (bool, tea.Cmd) {
	if len(s.pick.picked()) == 0 {
		it, ok := s.pick.under()
		switch {
		case s.err != nil && !ok:
			return false, s.load()
		case !ok:
			return false, s.w.a.warn("type a repository as owner/repo, or wait for the list")
		case it.off != "":
			return false, s.w.a.warn(it.off)
		}
		s.pick.toggle()
	}
	return true, nil
}

func (s *reposStep) label() string {
	if s.err != nil && len(s.pick.picked()) == 0 && s.pick.size() == 0 {
		return "try again"
	}
	return "continue"
}

func (s *reposStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.a.theme
	out := s.w.intro("Which repositories? "+t.key.Render("space")+" chooses as many as you like, typing searches, "+t.key.Render("enter")+" goes on.",
		"Which repositories? space chooses.", w, h)
	if s.err != nil {
		out = append(out, s.w.trouble(s.err, w)...)
	}
	n := len(s.pick.picked())
	foot := t.faint.Render(fmt.Sprintf(" none chosen: enter takes the marked line; %s listed", text.Thousands(len(s.pick.items))))
	switch {
	case n > 0:
		foot = " " + t.good.Render(t.sym.ok) + " " + fmt.Sprintf("%d chosen: ", n) + strings.Join(s.pick.picked(), ", ")
	case s.busy:
		foot = s.w.doing("asking GitHub for your repositories")
	}
	s.top = len(out)
	top := s.top
	out = append(out, strings.Split(s.pick.view(w, max(2, h-top-1)), "\n")...)
	caret := s.pick.place()
	if caret != nil {
		caret.Y += top
	}
	return append(out, t.cut(foot, w)), caret
}

func (s *reposStep) actions() []action {
	again := action{id: "wizard.reload", keys: []string{"ctrl+r"}, text: "Ask GitHub for the list again.", run: s.load}
	return append(s.pick.steps(s.w.a, "wizard"), again)
}
