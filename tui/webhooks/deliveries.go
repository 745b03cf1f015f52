package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// deliveriesKept bounds the list; GitHub keeps three days.
const deliveriesKept = 500

// deliveries shows what GitHub saw of a hook beside what the log has, as the
// fleet compares them.
type deliveries struct {
	p   *Page
	row fleet.Hook
	kit.Cursor
	all    []fleet.Sent
	list   []fleet.Sent // what is shown
	bad    bool         // only what was missed or refused
	marks  map[string]bool
	came   map[string]string // files of records that arrived since, by GUID
	high   int
	asking *kit.Job // GitHub, for the list
	err    error
	busy   string
}

func (p *Page) openDeliveries() tea.Cmd {
	r, _ := p.current()
	return p.showDeliveries(r, false)
}

func (p *Page) showDeliveries(of fleet.Hook, bad bool) tea.Cmd {
	o := &deliveries{p: p, row: of, bad: bad, marks: map[string]bool{}, came: map[string]string{}}
	p.shell.Show(o)
	return o.load()
}

// openMissed shows what never arrived of a target, or else the hook that fails. Where no list is there yet, it waits for that.
func (p *Page) openMissed(target string) tea.Cmd {
	p.worst()
	i := slices.IndexFunc(p.shown, func(h fleet.Hook) bool { return h.Ours && strings.EqualFold(h.Target.String(), target) })
	switch {
	case i >= 0:
		p.move(i - p.At)
		return p.showDeliveries(p.shown[i], true)
	case !p.loaded:
		p.missed = target
	}
	return nil
}

func (o *deliveries) load() (cmd tea.Cmd) {
	all, h := o.p.fleet(), o.row.Hook
	o.asking, cmd = kit.Instead(o.p.shell, o.asking, func(ctx context.Context) ([]fleet.Sent, error) {
		return all.Deliveries(ctx, fleet.DeliveriesRequest{Hooks: []hooks.Hook{h}, Query: hooks.DeliveryQuery{Limit: deliveriesKept}})
	}, o.took)
	return cmd
}

// took takes what GitHub and the log say.
func (o *deliveries) took(list []fleet.Sent, err error) tea.Cmd {
	if o.err = err; err == nil {
		o.all = list
		o.settle()
	}
	return nil
}

func (o *deliveries) Title() string { return "Deliveries of " + title(o.row) }

func (o *deliveries) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.News[logs.Entry]:
		for _, e := range msg {
			o.came[e.DeliveryID] = e.File
		}
		o.settle()
	case kit.Wheel:
		return o.move(msg.Lines)
	case kit.Click:
		if o.Hit(msg, 2, len(o.list), o.high) && msg.Double {
			return o.enter()
		}
	}
	return nil
}

// settle knows the records that arrived since the list was read, or while it was.
func (o *deliveries) settle() {
	for i, d := range o.all {
		file, ok := o.came[d.GUID]
		if !ok {
			continue
		}
		o.all[i].File = &file
		switch d.Outcome {
		case hooks.OutcomeElsewhere:
			o.all[i].Outcome = hooks.OutcomeDelivered
		case hooks.OutcomeMissing, hooks.OutcomeRefused:
			o.all[i].Outcome = hooks.OutcomeRecovered
		}
	}
	o.choose()
}

// choose fills the list again and keeps the cursor on its delivery.
func (o *deliveries) choose() {
	under, _ := o.under()
	list := make([]fleet.Sent, 0, len(o.all))
	for _, d := range o.all {
		if !o.bad || !d.Attempts[0].OK() || d.File == nil {
			list = append(list, d)
		}
	}
	o.list = list
	if i := slices.IndexFunc(list, func(d fleet.Sent) bool { return d.GUID == under.GUID }); i >= 0 {
		o.At = i
	}
	o.To(o.At, len(list))
}

// under is the delivery of the cursor.
func (o *deliveries) under() (fleet.Sent, bool) { return kit.Under(o.Cursor, o.list) }

func (o *deliveries) move(by int) tea.Cmd {
	o.To(o.At+by, len(o.list))
	return nil
}

// enter opens the delivery under the cursor, once GitHub has said the rest of it.
func (o *deliveries) enter() tea.Cmd {
	d, ok := o.under()
	if !ok {
		return nil
	}
	o.busy = "asking GitHub for the delivery"
	all, h := o.p.fleet(), o.row.Hook
	return kit.Ask(o.p.shell, func(ctx context.Context) (hooks.Delivery, error) { return all.Delivery(ctx, h, d.ID) }, func(full hooks.Delivery, err error) tea.Cmd {
		if o.busy = ""; o.p.shell.Top() != o {
			return nil
		}
		return o.p.shell.Show(o.whole(d, full, err))
	})
}

// chosen are the marked deliveries, or the one under the cursor.
func (o *deliveries) chosen() []fleet.Sent {
	var out []fleet.Sent
	for _, d := range o.list {
		if o.marks[d.GUID] {
			out = append(out, d)
		}
	}
	if d, ok := o.under(); ok && len(out) == 0 {
		out = append(out, d)
	}
	return out
}

// redeliver asks GitHub to send the chosen ones again.
func (o *deliveries) redeliver() tea.Cmd {
	list := o.chosen()
	o.busy = "asking GitHub to send " + text.Count(len(list), "event") + " again"
	all, h := o.p.fleet(), o.row.Hook
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	return o.p.shell.Work(kit.Ask(o.p.shell, func(ctx context.Context) (n int, err error) {
		asked, err := all.Redeliver(ctx, fleet.RedeliverRequest{Hooks: []hooks.Hook{h}, IDs: ids}, nil)
		for _, a := range asked {
			n += a.Asked
		}
		return n, err
	}, func(n int, err error) tea.Cmd {
		o.busy = ""
		clear(o.marks)
		if err != nil {
			return tea.Batch(o.p.shell.Fail(err), o.load())
		}
		return tea.Batch(o.p.shell.Say("GitHub sends "+text.Count(n, "event")+" again"), o.load())
	}))
}

func (o *deliveries) Actions() []kit.Action {
	under, ok := o.under()
	none := kit.When(!ok, "no delivery is listed")
	ids, view := "", "hookctl events view"
	if ok {
		view += " " + text.Shell(under.GUID)
	}
	for _, d := range o.chosen() {
		ids += fmt.Sprintf(" %d", d.ID)
	}
	return append(append([]kit.Action{
		{ID: "deliveries.open", Keys: []string{"enter"}, Label: "open", Text: "Show the delivery in full.", Command: view, Off: none, Run: o.enter},
		{ID: "deliveries.redeliver", Keys: []string{"B"}, Label: "send again", Text: "Ask GitHub to send the marked deliveries, or this one, again.", Command: fmt.Sprintf("hookctl hooks redeliver %d%s %s", o.row.ID, ids, o.row.Target.Flag()), Off: none, Acts: "GitHub sends " + text.Count(len(o.chosen()), "delivery", "deliveries") + " again", Run: o.redeliver},
		{ID: "deliveries.catchup", Keys: []string{"c"}, Label: "catch up", Text: "Fetch events of this repository that never arrived from GitHub, record them and notify.", Command: catchupCommand([]fleet.Hook{o.row}), Run: func() tea.Cmd { return o.p.catchup([]fleet.Hook{o.row}, false, o) }},
		{ID: "deliveries.copy", Keys: []string{"y"}, Text: "Copy the delivery's id.", Off: none, Run: func() tea.Cmd { return o.p.shell.Copy("the delivery id", under.GUID) }},
	}, kit.Walk(o.high, "", o.move)...),
		kit.Action{ID: "deliveries.mark", Keys: []string{"x"}, Label: "mark", Text: "Mark the delivery, or unmark it.", Off: none, Run: func() tea.Cmd {
			if g := under.GUID; o.marks[g] {
				delete(o.marks, g)
			} else {
				o.marks[g] = true
			}
			return o.move(1)
		}},
		kit.Action{ID: "deliveries.marked", Keys: []string{"X"}, Text: "Mark every event that never arrived.", Run: func() tea.Cmd {
			for _, d := range o.all {
				if d.Missed() {
					o.marks[d.GUID] = true
				}
			}
			return nil
		}},
		kit.Action{ID: "deliveries.failed", Keys: []string{"v"}, Label: "only failed", Text: "Show only failed deliveries, or all.", Command: command("deliveries", o.row) + " --failed", Run: func() tea.Cmd { o.bad = !o.bad; o.choose(); return nil }},
		o.p.shell.HelpAction(),
		kit.Action{ID: "deliveries.close", Keys: []string{"esc", "q"}, Label: "close", Text: "Go back to the hooks.", Run: func() tea.Cmd {
			o.asking.Drop()
			o.p.shell.Shut(o)
			return nil
		}})
}
