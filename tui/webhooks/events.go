package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// hookEvents is the checklist of the events of a hook, or of all marked ones;
// it starts from those of the hook under the cursor.
type hookEvents struct {
	p    *Page
	rows []fleet.Hook
	pick *kit.Picker
}

func (p *Page) openEvents() tea.Cmd {
	r, _ := p.current()
	o := &hookEvents{p: p, rows: p.chosen(), pick: kit.NewPicker(p.shell.Theme, "type to search the events", 26)}
	for _, e := range r.Events {
		o.pick.On[e] = true
	}
	org := true
	for _, r := range o.rows {
		org = org && r.Target.IsOrg()
	}
	o.pick.Set(p.cfg.Events(org))
	return p.shell.Show(o)
}

func (o *hookEvents) Title() string {
	if n := len(o.rows); n > 1 {
		return fmt.Sprintf("Events of %d marked hooks", n)
	}
	return "Events of " + title(o.rows[0])
}

func (o *hookEvents) Update(msg tea.Msg) tea.Cmd { return o.pick.Update(msg) }

func (o *hookEvents) View(w, h int) string {
	w = min(w, 92)
	t := o.p.shell.Theme
	changed := o.changes()
	foot := t.Faint.Render(" nothing changed yet")
	if changed != "" {
		foot = " " + changed
	}
	return o.pick.View(w, max(0, min(h-1, len(o.pick.Items)+1))) + "\n" + t.Cut(foot, w)
}

// changes says what saving would do, with all of the hooks together.
func (o *hookEvents) changes() string {
	now := o.pick.Picked()
	var more, less []string
	for _, r := range o.rows {
		more = append(more, without(now, slices.Concat(r.Events, more))...)
		less = append(less, without(r.Events, slices.Concat(now, less))...)
	}
	var parts []string
	if len(more) > 0 {
		parts = append(parts, "adds "+strings.Join(more, ", "))
	}
	if len(less) > 0 {
		parts = append(parts, "drops "+strings.Join(less, ", "))
	}
	return strings.Join(parts, "; ")
}

// without are the events of a list that another one lacks.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(e string) bool { return slices.Contains(other, e) })
}

func (o *hookEvents) Cursor() *tea.Cursor { return o.pick.Place() }

func (o *hookEvents) Actions() []kit.Action {
	edit := command("edit", o.rows[0])
	for _, e := range o.pick.Picked() {
		edit += " --event " + text.Shell(e)
	}
	return append([]kit.Action{
		{ID: "events.save", Keys: []string{"enter"}, Label: "save", Text: "Change the events of the hook at GitHub.", Command: edit, Run: o.save},
	}, append(o.pick.Steps(o.p.shell, "events"),
		kit.Action{ID: "events.cancel", Keys: []string{"esc"}, Label: "cancel", Text: "Keep the events as they are.", Run: func() tea.Cmd { o.p.shell.Shut(o); return nil }})...)
}

func (o *hookEvents) save() tea.Cmd {
	list := o.pick.Picked()
	switch {
	case len(list) == 0:
		return o.p.shell.Warn("a hook needs at least one event; A on the page pauses it instead")
	case o.changes() == "":
		o.p.shell.Shut(o)
		return nil
	}
	o.p.shell.Shut(o)
	return o.p.change(o.rows, "changing events", func(ctx context.Context, f *fleet.Fleet, h fleet.Hook) (string, error) {
		_, err := f.Edit(ctx, fleet.EditRequest{Hook: h.Hook, Events: list})
		return fmt.Sprintf("%s is subscribed to %s", title(h), text.Count(len(list), "event")), err
	})
}
