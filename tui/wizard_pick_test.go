package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
)

func pickerOf(ids ...string) *picker {
	p := newPicker(newTheme(true, false), "")
	var items []pickItem
	for _, id := range ids {
		items = append(items, pickItem{id: id})
	}
	p.set(items)
	return p
}

func typeIn(p *picker, text string) {
	for _, c := range text {
		p.update(key(string(c)))
	}
}

// What was chosen stays chosen while the list is narrowed, and stands on top
// when the list comes anew.
func TestPickerKeepsWhatIsChosen(t *testing.T) {
	p := pickerOf("octo-org/api", "octo-org/web", "octocat/dotfiles")
	p.move(1)
	p.toggle()
	typeIn(p, "dot")
	if it, _ := p.under(); it.id != "octocat/dotfiles" {
		t.Fatalf("the best match is %q", it.id)
	}
	p.toggle()
	if got := p.picked(); !slices.Equal(got, []string{"octo-org/web", "octocat/dotfiles"}) {
		t.Errorf("chosen are %v", got)
	}
	for range 3 {
		p.update(key("backspace"))
	}
	if len(p.shown) != 3 {
		t.Errorf("%d lines are shown", len(p.shown))
	}
	p.set([]pickItem{{id: "octo-org/api"}, {id: "octo-org/web"}})
	if p.items[0].id == "octo-org/api" || len(p.items) != 3 {
		t.Errorf("the list is %v", p.items)
	}
}

func TestPickerSaysWhyNot(t *testing.T) {
	p := newPicker(newTheme(true, false), "")
	p.set([]pickItem{{id: "a/b", off: "archived"}})
	if why := p.toggle(); why != "archived" || len(p.picked()) != 0 {
		t.Errorf("it says %q and chose %v", why, p.picked())
	}
	typeIn(p, "nothing like it")
	if why := p.toggle(); why != "nothing matches" {
		t.Errorf("it says %q", why)
	}
}

// A thousand lines are searched and drawn with what a screen needs.
func TestPickerOfManyLines(t *testing.T) {
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprintf("octo-org/service-%03d", i))
	}
	p := pickerOf(ids...)
	typeIn(p, "777")
	if it, _ := p.under(); it.id != "octo-org/service-777" {
		t.Errorf("found is %q", it.id)
	}
	p.view(80, 20)
	if p.high != 19 {
		t.Errorf("%d rows", p.high)
	}
}

// An organisation is offered where it is meant, and needs a permission of its
// own.
func TestRepositoriesOffersOrganisations(t *testing.T) {
	s := hooked(t, 80, 24)
	w := at(s, stepRepositories)
	w.user = hooks.User{Login: "octocat", Scopes: []string{"repo", "admin:org_hook"}}
	s.typed("octo-org")
	s.shows("organisation octo-org")
	s.press("end", "space")
	if got := w.targets(); !slices.Contains(got, hooks.Target{Owner: "octo-org"}) {
		t.Errorf("chosen are %v", got)
	}
	s.typed("octo-or")
	s.lacks("organisation octo-or ")
	for range len("octo-or") {
		s.press("backspace")
	}
	w.user.Scopes = []string{"repo"}
	s.typed("hub-org")
	s.shows("organisation hub-org")
	s.press("space")
	s.shows("gh auth refresh -s admin:org_hook")
}

// A repository of another host is not taken for its namesake here.
func TestRepositoriesRefusesAnotherHost(t *testing.T) {
	r := newRig(t, "octo-org/api")
	r.start()
	r.shows("Welcome to hookctl")
	r.press("enter")
	r.shows("signed in to github.com as octocat")
	r.press("enter")
	r.shows("octo-org/api")
	r.typed("ghe.example.com/octo-org/api")
	r.shows("on another host")
	r.press("space")
	r.shows("GH_HOST=ghe.example.com")
	if got := r.wizard.targets(); len(got) != 0 {
		t.Errorf("chosen are %v", got)
	}
}

// A click chooses the line under it, in the wizard and in the checklist of a
// hook's events.
func TestClicksChoose(t *testing.T) {
	for name, open := range map[string]func(*screen) *picker{
		"repositories": func(s *screen) *picker { return at(s, stepRepositories).repos.pick },
		"events":       func(s *screen) *picker { return at(s, stepEvents).events.pick },
		"a hook's events": func(s *screen) *picker {
			listing(s)
			s.press("m")
			return s.top().(*hookEvents).pick
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := hooked(t, 80, 24)
			p := open(s)
			want := p.items[p.shown[2]]
			before := p.on[want.id]
			for y, line := range strings.Split(s.text(), "\n") {
				if strings.Contains(line, "] "+want.label()) {
					s.send(tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft})
				}
			}
			if it, _ := p.under(); it.id != want.id || p.on[want.id] == before {
				t.Errorf("the cursor is on %q, chosen: %v", it.id, p.on[want.id])
			}
		})
	}
}

// Of several hundred a word and one key choose those that match, and nothing
// that cannot be chosen.
func TestPickerChoosesAllThatMatch(t *testing.T) {
	p := newPicker(newTheme(true, false), "")
	var items []pickItem
	for i := range 400 {
		it := pickItem{id: fmt.Sprintf("acme-%d/identity-provider-integration-eu-west-%03d", i%4, i), right: "private"}
		if i%10 == 0 {
			it.off = "archived"
		}
		items = append(items, it)
	}
	p.set(items)
	if got := ansi.Strip(p.view(72, 12)); !strings.Contains(got, "400 listed") || !strings.Contains(got, "eu-west-001  private") {
		t.Errorf("the view is\n%s", got)
	}
	if got := ansi.Strip(p.view(46, 12)); !strings.Contains(got, "eu-west-001  private") {
		t.Errorf("in a narrow view names have no ends:\n%s", got)
	}
	typeIn(p, "acme-2/")
	if got := ansi.Strip(p.view(72, 12)); !strings.Contains(got, "100 of 400") {
		t.Errorf("the view is\n%s", got)
	}
	p.toggleAll()
	if got := p.picked(); len(got) != 80 || slices.ContainsFunc(got, func(id string) bool { return !strings.HasPrefix(id, "acme-2/") }) {
		t.Fatalf("%d are chosen", len(got))
	}
	p.toggle() // one of them goes
	one := len(p.picked())
	p.toggleAll()
	if one != 79 && one != 80 || len(p.picked()) != 80 {
		t.Errorf("%d, then %d are chosen", one, len(p.picked()))
	}
	p.toggleAll()
	if len(p.picked()) != 0 {
		t.Errorf("%d are left", len(p.picked()))
	}
}
