package kit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

func pickerOf(ids ...string) *Picker {
	p := NewPicker(NewTheme(nil, colorprofile.TrueColor, false), "", 0)
	var items []Choice
	for _, id := range ids {
		items = append(items, Choice{ID: id})
	}
	p.Set(items)
	return p
}

func typeIn(p *Picker, text string) {
	for _, c := range text {
		p.Update(tea.KeyPressMsg{Code: c, Text: string(c)})
	}
}

// What was chosen stays chosen while the list is narrowed, and stands on top
// when the list comes again.
func TestPickerKeepsWhatIsChosen(t *testing.T) {
	p := pickerOf("octo-org/api", "octo-org/web", "octocat/dotfiles")
	p.Move(1)
	p.Toggle()
	typeIn(p, "dot")
	if it, _ := p.Under(); it.ID != "octocat/dotfiles" {
		t.Fatalf("the best match is %q", it.ID)
	}
	p.Toggle()
	if got := p.Picked(); !slices.Equal(got, []string{"octo-org/web", "octocat/dotfiles"}) {
		t.Errorf("chosen are %v", got)
	}
	for range 3 {
		p.Update(tea.KeyPressMsg{Code: tea.KeyBackspace})
	}
	if len(p.Shown) != 3 {
		t.Errorf("%d lines are shown", len(p.Shown))
	}
	p.Set([]Choice{{ID: "octo-org/api"}, {ID: "octo-org/web"}})
	if p.Items[0].ID == "octo-org/api" || len(p.Items) != 3 {
		t.Errorf("the list is %v", p.Items)
	}
}

func TestPickerSaysWhyNot(t *testing.T) {
	p := NewPicker(NewTheme(nil, colorprofile.TrueColor, false), "", 0)
	p.Set([]Choice{{ID: "a/b", Off: "archived"}})
	if why := p.Toggle(); why != "archived" || len(p.Picked()) != 0 {
		t.Errorf("it says %q and chose %v", why, p.Picked())
	}
	typeIn(p, "nothing like it")
	if why := p.Toggle(); why != "nothing matches" {
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
	if it, _ := p.Under(); it.ID != "octo-org/service-777" {
		t.Errorf("found is %q", it.ID)
	}
	p.View(80, 20)
	if p.high != 19 {
		t.Errorf("%d rows", p.high)
	}
}

// Of several hundred a word and one key choose those that match, and nothing
// that cannot be chosen.
func TestPickerChoosesAllThatMatch(t *testing.T) {
	p := NewPicker(NewTheme(nil, colorprofile.TrueColor, false), "", 0)
	var items []Choice
	for i := range 400 {
		it := Choice{ID: fmt.Sprintf("acme-%d/identity-provider-integration-eu-west-%03d", i%4, i), Right: "private"}
		if i%10 == 0 {
			it.Off = "archived"
		}
		items = append(items, it)
	}
	p.Set(items)
	if got := ansi.Strip(p.View(72, 12)); !strings.Contains(got, "400 listed") || !strings.Contains(got, "eu-west-001  private") {
		t.Errorf("the view is\n%s", got)
	}
	if got := ansi.Strip(p.View(46, 12)); !strings.Contains(got, "eu-west-001  private") {
		t.Errorf("in a narrow view names have no ends:\n%s", got)
	}
	typeIn(p, "acme-2/")
	if got := ansi.Strip(p.View(72, 12)); !strings.Contains(got, "100 of 400") {
		t.Errorf("the view is\n%s", got)
	}
	p.toggleAll()
	if got := p.Picked(); len(got) != 80 || slices.ContainsFunc(got, func(id string) bool { return !strings.HasPrefix(id, "acme-2/") }) {
		t.Fatalf("%d are chosen", len(got))
	}
	p.Toggle() // one of them goes
	one := len(p.Picked())
	p.toggleAll()
	if one != 79 && one != 80 || len(p.Picked()) != 80 {
		t.Errorf("%d, then %d are chosen", one, len(p.Picked()))
	}
	p.toggleAll()
	if len(p.Picked()) != 0 {
		t.Errorf("%d are left", len(p.Picked()))
	}
}
