package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// eventItems is the catalogue of events as lines to choose; org adds those
// that only hooks of organisations have.
func eventItems(org bool) []pickItem {
	var first, rest []pickItem
	for _, e := range hooks.Events() {
		if e.OrgOnly && !org || e.Name == "ping" {
			continue
		}
		it := pickItem{id: e.Name, right: e.Sentence}
		if e.Default {
			first = append(first, it)
		} else {
			rest = append(rest, it)
		}
	}
	return append(first, rest...)
}

// newEventPicker is a checklist of events; the names are cut where they would
// leave no room for the sentences.
func newEventPicker(t *theme) *picker {
	p := newPicker(t, "type to search the events")
	p.most = 26 // the sentences say more than the ends of long names
	return p
}

// hookEvents is the checklist of the events of a hook, or of all marked ones;
// it starts from those of the hook under the cursor.
type hookEvents struct {
	p    *hooksPage
	rows []hookRow
	pick *picker
}

func (p *hooksPage) openEvents() tea.Cmd {
	r, ok := p.current()
	if !ok {
		return nil
	}
	o := &hookEvents{p: p, rows: p.chosen(), pick: newEventPicker(p.a.theme)}
	for _, e := range r.Events {
		o.pick.on[e] = true
	}
	org := true
	for _, r := range o.rows {
		org = org && r.Target.IsOrg()
	}
	o.pick.set(eventItems(org))
	p.a.show(o)
	return nil
}

func (o *hookEvents) title() string {
	if n := len(o.rows); n > 1 {
		return fmt.Sprintf("Events of %d marked hooks", n)
	}
	return "Events of " + o.rows[0].title()
}

func (o *hookEvents) update(msg tea.Msg) tea.Cmd { return o.pick.update(msg) }

func (o *hookEvents) view(w, h int) string {
	w = min(w, 92)
	t := o.p.a.theme
	changed := o.changes()
	foot := t.faint.Render(" nothing changed yet")
	if changed != "" {
		foot = " " + changed
	}
	return o.pick.view(w, max(0, min(h-1, len(o.pick.items)+1))) + "\n" + t.cut(foot, w)
}

// changes says what saving would do, with all of the hooks together.
func (o *hookEvents) changes() string {
	now := o.pick.picked()
	var more, less []string
	for _, r := range o.rows {
		for _, e := range now {
			if !slices.Contains(r.Events, e) && !slices.Contains(more, e) {
				more = append(more, e)
			}
		}
		for _, e := range r.Events {
			if !slices.Contains(now, e) && !slices.Contains(less, e) {
				less = append(less, e)
			}
		}
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

func (o *hookEvents) cursor() *tea.Cursor { return o.pick.place() }

func (o *hookEvents) actions() []action {
	command := o.rows[0].command("edit")
	for _, e := range o.pick.picked() {
		command += " --event " + text.Shell(e)
	}
	return append([]action{
		{id: "events.save", keys: []string{"enter"}, label: "save", text: "Change the events of the hook at GitHub.", command: command, run: o.save},
	}, append(o.pick.steps(o.p.a, "events"),
		action{id: "events.cancel", keys: []string{"esc"}, label: "cancel", text: "Leave the events as they are.", run: func() tea.Cmd { o.p.a.shut(o); return nil }})...)
}

func (o *hookEvents) save() tea.Cmd {
	list := o.pick.picked()
	switch {
	case len(list) == 0:
		return o.p.a.warn("a hook needs at least one event; A on the page pauses it instead")
	case o.changes() == "":
		o.p.a.shut(o)
		return nil
	}
	o.p.a.shut(o)
	return o.p.change(o.rows, "changing events", func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		_, err := c.Edit(ctx, r.Target, r.ID, hooks.Change{Events: list})
		return fmt.Sprintf("%s is subscribed to %s", r.title(), text.Count(len(list), "event")), err
	})
}
