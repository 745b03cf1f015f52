package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
)

// deliveriesKept bounds the list; GitHub keeps three days.
const deliveriesKept = 500

// sent is one event that GitHub sent: all its attempts, and the record here.
type sent struct {
	hooks.Event
	file string // the record in the log; "" for none
}

// missed reports whether an event never got here. Pings are not missed: they
// are proofs, not news.
func (d sent) missed() bool { return !d.OK() && d.file == "" && d.Event.Event != "ping" }

// deliveries shows what GitHub saw of a hook beside what the log has. Events
// are grouped by GUID: one is missed where no attempt was taken and the log
// has no record.
type deliveries struct {
	p       *hooksPage
	row     hookRow
	place   cursor
	all     []sent
	list    []sent // what is shown
	bad     bool   // only what was missed or refused
	marks   map[string]bool
	high    int
	loading bool
	err     error
	busy    string
	gen     int
	cancel  context.CancelFunc
	open    *hooks.Delivery // read for the opened one
	inside  bool
	scroll  int
}

type (
	deliveriesRead struct {
		of   *deliveries
		gen  int
		list []sent
		err  error
	}
	deliveryRead struct {
		of   *deliveries
		full hooks.Delivery
		err  error
	}
	redelivered struct {
		of  *deliveries
		n   int
		err error
	}
)

func (p *hooksPage) openDeliveries() tea.Cmd {
	r, ok := p.current()
	if !ok || p.client == nil {
		return nil
	}
	o := &deliveries{p: p, row: r, marks: map[string]bool{}}
	p.a.show(o)
	return o.load()
}

func (o *deliveries) load() tea.Cmd {
	if o.cancel != nil {
		o.cancel()
	}
	ctx, cancel := context.WithCancel(o.p.a.ctx)
	o.cancel, o.loading = cancel, true
	o.gen++
	gen, c, l, r := o.gen, o.p.client, o.p.a.log, o.row
	return func() tea.Msg {
		list, err := c.Deliveries(ctx, r.Target, r.ID, hooks.DeliveryQuery{Limit: deliveriesKept})
		if err != nil {
			return deliveriesRead{o, gen, nil, err}
		}
		all, err := group(ctx, list, r.URL, l)
		return deliveriesRead{o, gen, all, err}
	}
}

// group brings the attempts of each event together and looks the event up in
// the log, where it came to the path of the hook's URL.
func group(ctx context.Context, list []hooks.Delivery, url string, l *logs.Log) ([]sent, error) {
	var out []sent
	for _, e := range hooks.GroupByGUID(list) {
		d := sent{Event: e}
		if l != nil {
			var err error
			if d.file, _, err = l.Known(ctx, e.GUID, logs.PathName(url)); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func (o *deliveries) title() string {
	if o.inside {
		return "Delivery " + text.Clean(o.list[o.place.at].GUID)
	}
	return "Deliveries of " + o.row.title()
}

func (o *deliveries) cursor() *tea.Cursor { return nil }

func (o *deliveries) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case deliveriesRead:
		if msg.of != o || msg.gen != o.gen {
			return nil
		}
		o.loading, o.err = false, msg.err
		if msg.err == nil {
			o.all = msg.list
			o.choose()
		}
	case deliveryRead:
		if msg.of == o && o.inside && o.list[o.place.at].Latest().ID == msg.full.ID {
			o.open, o.err = &msg.full, msg.err
		}
	case redelivered:
		if msg.of != o {
			return nil
		}
		o.busy = ""
		clear(o.marks)
		if msg.err != nil {
			return tea.Batch(o.p.a.fail(msg.err), o.load())
		}
		return tea.Batch(o.p.a.say("GitHub sends "+text.Count(msg.n, "event")+" again"), o.load())
	case caughtUp:
		return o.load()
	case arrived:
		for _, e := range msg.entries {
			for i := range o.all {
				if o.all[i].GUID == e.DeliveryID {
					o.all[i].file = e.File
				}
			}
		}
		o.choose()
	case wheel:
		o.move(msg.lines)
	case click:
		if i := o.place.top + msg.y - 2; !o.inside && msg.y >= 2 && msg.y-2 < o.high && i < len(o.list) {
			o.place.to(i, len(o.list))
			if msg.double {
				return o.enter()
			}
		}
	}
	return nil
}

// choose fills the list anew and keeps the cursor on its delivery.
func (o *deliveries) choose() {
	guid := ""
	if o.place.at < len(o.list) && o.place.at >= 0 {
		guid = o.list[o.place.at].GUID
	}
	list := make([]sent, 0, len(o.all))
	for _, d := range o.all {
		if !o.bad || !d.Latest().OK() || d.file == "" {
			list = append(list, d)
		}
	}
	o.list = list
	if i := slices.IndexFunc(list, func(d sent) bool { return d.GUID == guid }); i >= 0 {
		o.place.at = i
	} else if o.inside {
		o.inside = false
	}
	o.place.to(o.place.at, len(list))
}

func (o *deliveries) move(by int) {
	if o.inside {
		o.scroll = max(0, o.scroll+by)
		return
	}
	o.place.to(o.place.at+by, len(o.list))
}

// enter opens the delivery under the cursor.
func (o *deliveries) enter() tea.Cmd {
	if o.place.at >= len(o.list) {
		return nil
	}
	o.inside, o.open, o.err, o.scroll = true, nil, nil, 0
	ctx, c, r, id := o.p.a.ctx, o.p.client, o.row, o.list[o.place.at].Latest().ID
	return func() tea.Msg {
		full, err := c.Delivery(ctx, r.Target, r.ID, id)
		full.ID = id
		return deliveryRead{o, full, err}
	}
}

// chosen are the marked deliveries, or the one under the cursor.
func (o *deliveries) chosen() []sent {
	var out []sent
	for _, d := range o.list {
		if o.marks[d.GUID] {
			out = append(out, d)
		}
	}
	if len(out) == 0 && o.place.at < len(o.list) && o.place.at >= 0 {
		out = append(out, o.list[o.place.at])
	}
	return out
}

// redeliver asks GitHub to send the chosen ones again.
func (o *deliveries) redeliver() tea.Cmd {
	list := o.chosen()
	o.busy = "asking GitHub to send " + text.Count(len(list), "event") + " again"
	ctx, c, r := o.p.a.ctx, o.p.client, o.row
	return func() tea.Msg {
		for i, d := range list {
			if err := c.Redeliver(ctx, r.Target, r.ID, d.Latest().ID); err != nil {
				return redelivered{o, i, err}
			}
		}
		return redelivered{o, len(list), nil}
	}
}

func (o *deliveries) actions() []action {
	none := ""
	if len(o.list) == 0 {
		none = "no delivery is listed"
	}
	step := func(id string, keys []string, by int, text string) action {
		return action{id: id, keys: keys, text: text, run: func() tea.Cmd { o.move(by); return nil }}
	}
	ids := ""
	for _, d := range o.chosen() {
		ids += fmt.Sprintf(" %d", d.Latest().ID)
	}
	back := action{id: "deliveries.close", keys: []string{"esc", "q"}, label: "close", text: "Go back to the hooks.", run: func() tea.Cmd {
		if o.cancel != nil {
			o.cancel()
		}
		o.p.a.shut(o)
		return nil
	}}
	if o.inside {
		back = action{id: "deliveries.back", keys: []string{"esc", "q"}, label: "back", text: "Go back to the list.", run: func() tea.Cmd { o.inside, o.err = false, nil; return nil }}
	}
	out := []action{
		{id: "deliveries.redeliver", keys: []string{"B"}, label: "send again", text: "Ask GitHub to send the marked deliveries, or this one, again.", command: fmt.Sprintf("hookctl hooks redeliver %d%s %s", o.row.ID, ids, strings.TrimPrefix(o.row.flags(), fmt.Sprint(o.row.ID, " "))), off: none, run: o.redeliver},
		{id: "deliveries.catchup", keys: []string{"c"}, label: "catch up", text: "Fetch from GitHub what never arrived of this repository, record it and notify.", command: catchupCommand([]hookRow{o.row}), run: func() tea.Cmd { return o.p.catchup([]hookRow{o.row}) }},
		{id: "deliveries.copy", keys: []string{"y"}, text: "Copy the delivery's id.", off: none, run: func() tea.Cmd { return o.p.a.copy("the delivery id", o.list[o.place.at].GUID) }},
		step("deliveries.down", []string{"j", "down"}, 1, "Go down."),
		step("deliveries.up", []string{"k", "up"}, -1, "Go up."),
		step("deliveries.pagedown", []string{"space", "pgdown"}, max(1, o.high-1), "Go a page down."),
		step("deliveries.pageup", []string{"pgup"}, -max(1, o.high-1), "Go a page up."),
		step("deliveries.top", []string{"g", "home"}, -far, "Go to the newest."),
		step("deliveries.end", []string{"G", "end"}, far, "Go to the oldest."),
	}
	if !o.inside {
		out = append([]action{
			{id: "deliveries.open", keys: []string{"enter"}, label: "open", text: "Show the delivery in full.", off: none, run: o.enter},
		}, append(out,
			action{id: "deliveries.mark", keys: []string{"x"}, label: "mark", text: "Mark the delivery, or take the mark away.", off: none, run: func() tea.Cmd {
				g := o.list[o.place.at].GUID
				if o.marks[g] {
					delete(o.marks, g)
				} else {
					o.marks[g] = true
				}
				o.move(1)
				return nil
			}},
			action{id: "deliveries.marked", keys: []string{"X"}, text: "Mark everything that never arrived.", run: func() tea.Cmd {
				for _, d := range o.all {
					if d.missed() {
						o.marks[d.GUID] = true
					}
				}
				return nil
			}},
			action{id: "deliveries.failed", keys: []string{"v"}, label: "only failed", text: "Show only what went wrong, or everything.", run: func() tea.Cmd { o.bad = !o.bad; o.choose(); return nil }},
		)...)
	}
	return append(out, o.p.a.helpAction(), back)
}
