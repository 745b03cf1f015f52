package webhooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

func (o *deliveries) View(w, h int) string {
	w = min(w, 100)
	t := o.p.shell.Theme
	out := []string{kit.FitLine(t.Cut(o.summary(), w), w)}
	table := t.Table(w, w-2, []kit.Column{{Width: 1}, {Title: "time", Width: 9, Needs: 50}, {Title: "event", Width: 8, Weight: 2},
		{Title: "GitHub saw", Width: 8, Weight: 3}, {Title: "the log has", Width: 11}})
	out = append(out, table.Head())
	switch {
	case o.err != nil:
		out = append(out, o.p.shell.Trouble(o.err, w)...)
	case o.asking.Busy() && len(o.list) == 0:
		out = append(out, t.Faint.Render(" asking GitHub"))
	case len(o.list) == 0 && o.bad:
		out = append(out, " No delivery failed; "+t.Key.Render("v")+" shows all.")
	case len(o.list) == 0:
		out = append(out, t.Faint.Render(" GitHub has no delivery of this hook; it keeps them for three days"))
	}
	if o.err == nil {
		o.high = max(0, min(h-2, max(len(o.list), 3)))
		from, to := o.Window(len(o.list), o.high)
		for i := from; i < to; i++ {
			out = append(out, o.line(o.list[i], table, i == o.At))
		}
	}
	return kit.Fit(strings.Join(out, "\n"), w, min(h, max(len(out), 5)))
}

// summary counts what was missed.
func (o *deliveries) summary() string {
	t := o.p.shell.Theme
	missed, elsewhere := 0, 0
	for _, d := range o.all {
		switch {
		case d.Missed():
			missed++
		case d.Outcome == hooks.OutcomeElsewhere:
			elsewhere++
		}
	}
	s := fmt.Sprintf(" %s in three days", text.Count(len(o.all), "event"))
	switch {
	case o.busy != "":
		s = " " + t.Warn.Render(t.Sym.Pending) + " " + o.busy
	case o.asking.Busy():
		s += t.Faint.Render("  asking GitHub")
	case missed > 0:
		s += "  " + t.Bad.Render(fmt.Sprintf("%d never arrived", missed))
	case elsewhere > 0:
		s += "  " + t.Warn.Render(kit.Are(elsewhere, "event")+" not in this log: pruned, or taken by another receiver")
	case len(o.all) > 0:
		s += "  " + t.Good.Render("all of them are here")
	}
	n := len(o.marks)
	return s + t.Warn.Render(kit.When(o.bad, "  only failed")+kit.When(n > 0, fmt.Sprintf("  %s %d marked", t.Sym.Mark, n)))
}

func (o *deliveries) line(d fleet.Sent, table kit.Table, on bool) string {
	t := o.p.shell.Theme
	last := d.Attempts[0]
	saw := fleet.Answer(last) + kit.When(len(d.Attempts) > 1, fmt.Sprintf(", %d tries", len(d.Attempts)))
	symbol, style, has := t.Sym.OK, kit.Painter(t.Good), "a record"
	switch d.Outcome {
	case hooks.OutcomeElsewhere:
		symbol, style, has = t.Sym.Warn, t.Warn, "not here"
	case hooks.OutcomeRecovered:
		symbol, style, has = t.Sym.OK, t.Warn, "caught up"
	case hooks.OutcomeRefused, hooks.OutcomeMissing:
		symbol, style, has = t.Sym.Bad, t.Bad, "nothing"
	}
	event := kit.Clean(d.Event) + kit.When(d.Action != "", " "+kit.Clean(d.Action))
	return table.Row(on, o.marks[d.GUID], kit.Cell{Text: symbol, Style: style},
		kit.Cell{Text: kit.TimeIn(last.DeliveredAt, o.p.shell.Now(), 9), Style: t.Faint}, kit.Cell{Text: event, Style: t.Text},
		kit.Cell{Text: kit.Clean(saw), Style: style}, kit.Cell{Text: has, Style: t.Faint})
}

// whole is one delivery in full: what the list has of it, and what GitHub said besides, or why it did not.
func (o *deliveries) whole(e fleet.Sent, full hooks.Delivery, err error) *kit.Message {
	d := e.Attempts[0]
	again, _ := kit.Find(o.Actions(), "B")
	m := &kit.Message{Shell: o.p.shell, Head: "Delivery " + kit.Clean(e.GUID), Keys: []kit.Action{again}}
	add := func(label, words string) { m.Facts = append(m.Facts, [2]string{label, words}) }
	add("event", e.Event+" "+e.Action)
	add("delivered", d.DeliveredAt.Local().Format("2006-01-02 15:04:05")+", "+kit.Ago(o.p.shell.Now().Sub(d.DeliveredAt)))
	add("answer", fleet.Answer(d))
	if cure, ok := strings.CutPrefix(e.Reason, d.Status+": "); ok {
		add("hint", cure)
	}
	add("took", d.Duration.Round(time.Millisecond).String())
	for _, other := range e.Attempts[1:] {
		add("before", other.DeliveredAt.Local().Format("15:04:05")+" "+fleet.Answer(other))
	}
	if e.File != nil {
		add("record", *e.File)
	} else {
		add("record", "the log has none")
	}
	if err != nil {
		m.Lines = append([]string{"", err.Error()}, kit.CureLines(o.p.shell.Cure(err), 76)...)
		return m
	}
	add("URL", full.URL)
	if full.ResponseBody != "" {
		add("body", full.ResponseBody)
	}
	for _, k := range slices.Sorted(maps.Keys(full.RequestHeaders)) {
		add("sent", k+": "+full.RequestHeaders[k])
	}
	for _, k := range slices.Sorted(maps.Keys(full.ResponseHeaders)) {
		add("got", k+": "+full.ResponseHeaders[k])
	}
	return m
}
