package tui

import (
	"fmt"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

func (o *deliveries) view(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	w = min(w, 100)
	if o.inside {
		return o.viewOne(w, h)
	}
	t := o.p.a.theme
	out := []string{fitLine(t.cut(o.summary(w), w), w)}
	cols := spread([]column{{width: 1}, {width: 9, needs: 50}, {width: 8, weight: 2}, {width: 8, weight: 3}, {width: 11}}, w-2)
	names := []string{"", "time", "event", "GitHub saw", "the log has"}
	head := "  "
	for i, n := range names {
		if cols[i] == 0 {
			continue
		}
		head += t.cell(n, cols[i]) + " "
	}
	out = append(out, t.faint.Render(fitLine(head, w)))
	switch {
	case o.err != nil:
		out = append(out, o.p.trouble(o.err, w)...)
	case o.loading && len(o.list) == 0:
		out = append(out, t.faint.Render(" asking GitHub"))
	case len(o.list) == 0 && o.bad:
		out = append(out, " Nothing went wrong; "+t.key.Render("v")+" shows everything.")
	case len(o.list) == 0:
		out = append(out, t.faint.Render(" GitHub has no delivery of this hook; it keeps them for three days"))
	}
	if o.err == nil {
		o.high = max(0, min(h-2, max(len(o.list), 3)))
		from, to := o.place.window(len(o.list), o.high)
		for i := from; i < to; i++ {
			out = append(out, o.line(o.list[i], cols, w, i == o.place.at))
		}
	}
	return fit(strings.Join(out, "\n"), w, min(h, max(len(out), 5)))
}

// summary counts what was missed.
func (o *deliveries) summary(int) string {
	t := o.p.a.theme
	missed := 0
	for _, d := range o.all {
		if d.missed() {
			missed++
		}
	}
	s := fmt.Sprintf(" %s in three days", text.Count(len(o.all), "event"))
	switch {
	case o.busy != "":
		s = " " + t.warn.Render(t.sym.pending) + " " + o.busy
	case o.loading:
		s += t.faint.Render("  asking GitHub")
	case missed > 0:
		s += "  " + t.bad.Render(fmt.Sprintf("%d never arrived", missed))
	case len(o.all) > 0:
		s += "  " + t.good.Render("all of them are here")
	}
	if o.bad {
		s += t.warn.Render("  only what went wrong")
	}
	if n := len(o.marks); n > 0 {
		s += t.warn.Render(fmt.Sprintf("  %s %d marked", t.sym.mark, n))
	}
	return s
}

func (o *deliveries) line(d sent, cols []int, w int, on bool) string {
	t := o.p.a.theme
	last := d.Latest()
	saw := answerOf(last)
	if n := len(d.Attempts); n > 1 {
		saw += fmt.Sprintf(", %d tries", n)
	}
	symbol, style, has := t.sym.ok, painter(t.good), "a record"
	switch outcome, _ := d.Outcome(d.file != ""); outcome {
	case hooks.OutcomeElsewhere:
		symbol, style, has = t.sym.warn, t.warn, "gone"
	case hooks.OutcomeRecovered:
		symbol, style, has = t.sym.ok, t.warn, "caught up"
	case hooks.OutcomeRefused, hooks.OutcomeMissing:
		symbol, style, has = t.sym.bad, t.bad, "nothing"
	}
	event := text.Clean(d.Event.Event)
	if d.Action != "" {
		event += " " + text.Clean(d.Action)
	}
	mark := " "
	if o.marks[d.GUID] {
		mark = t.sym.mark
	}
	cells := []string{symbol, shortTime(last.DeliveredAt, o.p.a.cfg.Now()), event, text.Clean(saw), has}
	styles := []painter{style, t.faint, t.text, style, t.faint}
	var b strings.Builder
	for i, c := range cells {
		if cols[i] == 0 {
			continue
		}
		c = t.cell(c, cols[i])
		if !on {
			c = styles[i].Render(c)
		}
		b.WriteString(c + " ")
	}
	if on {
		return t.selected.Render(fitLine(t.sym.cursor+mark+b.String(), w))
	}
	return fitLine(" "+t.warn.Render(mark)+b.String(), w)
}

// viewOne is one delivery in full.
func (o *deliveries) viewOne(w, h int) string {
	t := o.p.a.theme
	e := o.list[o.place.at]
	d := e.Latest()
	var out []string
	add := func(label, words string) {
		for i, l := range folded(text.Clean(words), max(1, w-14)) {
			if i > 0 {
				label = ""
			}
			out = append(out, " "+t.faint.Render(t.cell(label, 12))+l)
		}
	}
	add("event", e.Event.Event+" "+e.Action)
	add("delivered", d.DeliveredAt.Local().Format("2006-01-02 15:04:05")+", "+ago(o.p.a.cfg.Now().Sub(d.DeliveredAt)))
	add("answer", answerOf(d))
	if _, reason := e.Outcome(e.file != ""); strings.HasPrefix(reason, d.Status+": ") {
		add("cure", strings.TrimPrefix(reason, d.Status+": "))
	}
	add("took", d.Duration.Round(time.Millisecond).String())
	for _, other := range e.Attempts[1:] {
		add("before", other.DeliveredAt.Local().Format("15:04:05")+" "+answerOf(other))
	}
	if e.file != "" {
		add("record", e.file)
	} else {
		add("record", "the log has none")
	}
	switch {
	case o.err != nil:
		out = append(out, o.p.trouble(o.err, w)...)
	case o.open == nil:
		out = append(out, t.faint.Render(" asking GitHub for the rest"))
	default:
		add("URL", o.open.URL)
		if o.open.ResponseBody != "" {
			add("body", o.open.ResponseBody)
		}
		for _, k := range sortedKeys(o.open.RequestHeaders) {
			add("sent", k+": "+o.open.RequestHeaders[k])
		}
		for _, k := range sortedKeys(o.open.ResponseHeaders) {
			add("got", k+": "+o.open.ResponseHeaders[k])
		}
	}
	o.scroll = max(0, min(o.scroll, len(out)-h))
	out = out[o.scroll:min(len(out), o.scroll+h)]
	return fit(strings.Join(out, "\n"), w, min(h, max(len(out), 8)))
}

func answerOf(d hooks.Delivery) string {
	if d.OK() {
		return fmt.Sprintf("%d %s", d.StatusCode, d.Status)
	}
	return answerInWords(d.StatusCode, d.Status)
}
