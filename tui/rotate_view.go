package tui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
)

// rotateBox shows a rotation step by step, and each hook in its own state.
// Closing it leaves the rotation at work.
type rotateBox struct {
	p     *hooksPage
	place cursor
	high  int
}

// watch shows the box, once.
func (p *hooksPage) watch() {
	if !p.watched() {
		p.a.show(&rotateBox{p: p})
	}
}

func (p *hooksPage) watched() bool {
	for _, o := range p.a.overlays {
		if _, ok := o.(*rotateBox); ok {
			return true
		}
	}
	return false
}

func (o *rotateBox) title() string {
	if o.p.rot.verb == "undo" || o.p.rot.state != nil && o.p.rot.state.Undo {
		return "Undoing the rotation"
	}
	return "Rotating the secret"
}

func (o *rotateBox) cursor() *tea.Cursor { return nil }

func (o *rotateBox) update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(wheel); ok {
		o.move(m.lines)
	}
	return nil
}

func (o *rotateBox) move(by int) { o.place.to(o.place.at+by, len(o.p.rot.order)) }

func (o *rotateBox) view(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	w = min(w, 84)
	ladder, foot := o.ladder(w), o.foot(w)
	rows := len(o.p.rot.order)
	// In a low window the steps give way to one line, so that hooks are seen.
	if h < len(ladder)+len(foot)+min(rows, 3)+1 {
		ladder = o.short(w)
	}
	blank := 0
	if h > len(ladder)+len(foot)+min(rows, 3) {
		blank = 1
	}
	o.high = max(0, min(rows, h-len(ladder)-len(foot)-blank))
	out := ladder
	if blank > 0 {
		out = append(out, "")
	}
	from, to := o.place.window(rows, o.high)
	order := o.p.rot.ranked()
	for i := from; i < to; i++ {
		out = append(out, o.row(order[i], i == o.place.at, w))
	}
	out = append(out, foot...)
	return fit(strings.Join(out, "\n"), w, min(h, len(out)))
}

// short is the ladder in one line.
func (o *rotateBox) short(w int) []string {
	t, r := o.p.a.theme, &o.p.rot
	changed, verified, failed := r.counts()
	mark := t.warn.Render(t.sym.pending)
	switch {
	case r.made == hooks.StateDone:
		mark = t.good.Render(t.sym.ok)
	case failed > 0 && !r.busy():
		mark = t.bad.Render(t.sym.bad)
	}
	return []string{t.cut(fmt.Sprintf(" %s %d/%d changed, %d proved", mark, changed, len(r.order), verified), w)}
}

// ladder are the four steps of a rotation, each with its state.
func (o *rotateBox) ladder(w int) []string {
	t, r := o.p.a.theme, &o.p.rot
	n := len(r.order)
	changed, verified, failed := r.counts()
	old, fresh := "", ""
	if r.state != nil {
		old, fresh = secret.Fingerprint(r.state.Old), secret.Fingerprint(r.state.New)
	}
	state := func(done, running bool) string {
		switch {
		case done:
			return hooks.StateDone
		case running:
			return hooks.StateRunning
		}
		return ""
	}
	line := func(state, text, detail string) string {
		mark, style := t.sym.dash, painter(t.faint)
		switch state {
		case hooks.StateDone:
			mark, style = t.sym.ok, t.good
		case hooks.StateRunning:
			mark, style = t.sym.pending, t.warn
			text = t.bold.Render(text)
		case hooks.StateFailed:
			mark, style = t.sym.bad, t.bad
		default:
			text = t.faint.Render(text)
		}
		if detail != "" {
			detail = "  " + t.faint.Render(detail)
		}
		return t.cut(" "+style.Render(mark)+" "+text+detail, w)
	}
	saved, current := "new secret saved", "the new secret is the current one"
	if r.state != nil && r.state.Undo || r.verb == "undo" {
		saved, current = "old secret taken out again", "the former secret is the current one again"
	}
	prints := ""
	if old != "" && fresh != "" {
		prints = fresh + " after " + old
	}
	count := func(k int) string { return fmt.Sprintf("%d/%d", k, n) }
	progress := count(changed)
	if failed > 0 {
		progress += fmt.Sprintf(", %d failed", failed)
	}
	until := "the old secret stays accepted for a while"
	if r.state != nil && !r.state.Promoted.IsZero() {
		until = "both accepted until " + r.state.Expires.Local().Format("15:04")
	}
	busy := r.busy()
	return []string{
		line(state(r.saved, busy), saved, prints),
		line(r.both, "the receiver accepts both", ""),
		line(state(n > 0 && changed == n, busy && r.both == hooks.StateDone), "hooks changed at GitHub", progress),
		line(state(n > 0 && verified == n, busy && changed > 0), "pings verified", count(verified)),
		line(r.made, current, ""),
		line(r.made, until, ""),
	}
}

func (o *rotateBox) row(k hookKey, on bool, w int) string {
	t, r := o.p.a.theme, &o.p.rot
	s := r.steps[k]
	symbol, words, style := r.draw(t, s)
	name := max(10, min(34, w/2-4))
	id := fmt.Sprint(k.id)
	switch {
	case len(r.order) > manyHooks:
		id, name = "", max(10, min(46, w/2))
	case w < 60:
		id = ""
	}
	text := fitLine(t.middle(k.target.String(), name), name) + " " + fitLine(id, len(id)) + " "
	if on && (len(r.order) > o.high || s.err != nil) {
		return t.selected.Render(fitLine(t.cut(t.sym.cursor+symbol+" "+text+words, w), w))
	}
	return t.cut(" "+style.Render(symbol)+" "+text+style.Render(words), w)
}

// foot says what went wrong with the cure, or what can be done next.
func (o *rotateBox) foot(w int) []string {
	t, r := o.p.a.theme, &o.p.rot
	var out []string
	switch {
	case r.busy():
		if pace := r.pace(o.p.a.cfg.Now()); pace != "" {
			out = append(out, " "+t.faint.Render(t.cut(pace+"; GitHub takes only so many changes a minute", w-2)))
		}
		return out
	case r.open():
		if s, ok := o.failure(); ok {
			out = append(out, first(t.troubleLines(s.err, w), 4)...)
		} else if r.err != nil {
			out = append(out, first(t.troubleLines(r.err, w), 4)...)
		}
		out = append(out, paragraph("Both secrets are accepted meanwhile, and nothing is lost. "+t.key.Render("r")+" resumes, "+t.key.Render("u")+" undoes.", w)...)
	case r.err != nil:
		out = append(out, first(t.troubleLines(r.err, w), 6)...)
	case r.inGrace(o.p.a.cfg.Now()):
		out = append(out, "", " "+t.good.Render(t.sym.ok+" Done.")+" "+t.key.Render("u")+" undoes it until "+r.state.Expires.Local().Format("15:04")+".")
	}
	for i := range out {
		out[i] = t.cut(out[i], w)
	}
	return out
}

// failure is the failed hook under the cursor, or the first one.
func (o *rotateBox) failure() (hookStep, bool) {
	r := &o.p.rot
	order := r.ranked()
	if i := o.place.at; i < len(order) && r.steps[order[i]].err != nil {
		return r.steps[order[i]], true
	}
	for _, k := range order {
		if s := r.steps[k]; s.err != nil {
			return s, true
		}
	}
	return hookStep{}, false
}

// first are at most n lines.
func first(lines []string, n int) []string { return lines[:min(n, len(lines))] }

func (o *rotateBox) actions() []action {
	p := o.p
	step := func(id string, keys []string, by int, text string) action {
		return action{id: id, keys: keys, text: text, run: func() tea.Cmd { o.move(by); return nil }}
	}
	out := []action{
		{id: "rotation.close", keys: []string{"esc", "q", "enter"}, label: "close", text: "Close this box.", run: func() tea.Cmd { p.a.shut(o); return nil }},
		step("rotation.down", []string{"j", "down"}, 1, "Go down."),
		step("rotation.up", []string{"k", "up"}, -1, "Go up."),
		step("rotation.pagedown", []string{"space", "pgdown"}, max(1, o.high-1), "Go a page down."),
		step("rotation.pageup", []string{"pgup"}, -max(1, o.high-1), "Go a page up."),
	}
	switch {
	case p.rot.busy():
		out[0].label, out[0].text = "leave it working", "Close this box; the rotation goes on."
		out = append(out, action{id: "rotation.stop", keys: []string{"ctrl+x"}, label: "interrupt", text: "Interrupt the rotation; both secrets stay accepted and it can be resumed.", run: func() tea.Cmd { p.rot.job.stop(); return nil }})
	case p.rot.open():
		again := action{id: "hook.rotate", keys: []string{"r"}, label: "resume", text: "Go on with the rotation.", command: "hookctl rotate --resume", off: p.cannotRotate(), run: p.rotate}
		finish := action{id: "rotation.finish", keys: []string{"Z"}, label: "give up on the rest", text: "Make the new secret the current one without the hooks that failed; they have the grace period.", command: "hookctl rotate --finish", run: func() tea.Cmd {
			return p.work("finish", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Finish(ctx) })
		}}
		out = append([]action{again, p.rotateActions()[1]}, append(out, finish)...)
	default:
		out = append([]action{p.rotateActions()[1]}, out...)
	}
	return append(out, p.a.helpAction())
}
