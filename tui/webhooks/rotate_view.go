package webhooks

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/tui/kit"
)

// rotateBox shows a rotation step by step, and each hook in its own state.
// Closing it leaves the rotation at work.
type rotateBox struct {
	p     *Page
	place kit.Cursor
	high  int
}

// watch shows the box, once.
func (p *Page) watch() {
	if !p.watched() {
		p.box = &rotateBox{p: p}
		p.shell.Show(p.box)
	}
}

func (p *Page) watched() bool { return p.box != nil && p.shell.Shown(p.box) }

func (o *rotateBox) Title() string {
	if o.p.rot.verb == "undo" || o.p.rot.state != nil && o.p.rot.state.Undo {
		return "Undoing the rotation"
	}
	return "Rotating the secret"
}

func (o *rotateBox) Cursor() *tea.Cursor { return nil }

func (o *rotateBox) Update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(kit.Wheel); ok {
		o.move(m.Lines)
	}
	return nil
}

func (o *rotateBox) move(by int) { o.place.To(o.place.At+by, len(o.p.rot.order)) }

func (o *rotateBox) View(w, h int) string {
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
	from, to := o.place.Window(rows, o.high)
	order := o.p.rot.ranked()
	for i := from; i < to; i++ {
		out = append(out, o.row(order[i], i == o.place.At, w))
	}
	out = append(out, foot...)
	return kit.Fit(strings.Join(out, "\n"), w, min(h, len(out)))
}

// short is the ladder in one line.
func (o *rotateBox) short(w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
	changed, verified, failed := r.counts()
	mark := t.Warn.Render(t.Sym.Pending)
	switch {
	case r.made == hooks.StateDone:
		mark = t.Good.Render(t.Sym.OK)
	case failed > 0 && !r.busy():
		mark = t.Bad.Render(t.Sym.Bad)
	}
	return []string{t.Cut(fmt.Sprintf(" %s %d/%d changed, %d proved", mark, changed, len(r.order), verified), w)}
}

// ladder are the four steps of a rotation, each with its state.
func (o *rotateBox) ladder(w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
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
		mark, style := t.Sym.Dash, kit.Painter(t.Faint)
		switch state {
		case hooks.StateDone:
			mark, style = t.Sym.OK, t.Good
		case hooks.StateRunning:
			mark, style = t.Sym.Pending, t.Warn
			text = t.Bold.Render(text)
		case hooks.StateFailed:
			mark, style = t.Sym.Bad, t.Bad
		default:
			text = t.Faint.Render(text)
		}
		if detail != "" {
			detail = "  " + t.Faint.Render(detail)
		}
		return t.Cut(" "+style.Render(mark)+" "+text+detail, w)
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
	t, r := o.p.shell.Theme, &o.p.rot
	s := r.steps[k]
	symbol, words, style := r.draw(t, s)
	name := max(10, min(34, w/2-4))
	id := fmt.Sprint(k.id)
	switch {
	case len(r.order) > kit.Many:
		id, name = "", max(10, min(46, w/2))
	case w < 60:
		id = ""
	}
	text := kit.FitLine(t.Middle(k.target.String(), name), name) + " " + kit.FitLine(id, len(id)) + " "
	if on && (len(r.order) > o.high || s.err != nil) {
		return t.Selected.Render(kit.FitLine(t.Cut(t.Sym.Cursor+symbol+" "+text+words, w), w))
	}
	return t.Cut(" "+style.Render(symbol)+" "+text+style.Render(words), w)
}

// foot says what went wrong with the cure, or what can be done next.
func (o *rotateBox) foot(w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
	var out []string
	switch {
	case r.busy():
		if pace := r.pace(o.p.shell.Now()); pace != "" {
			out = append(out, " "+t.Faint.Render(t.Cut(pace+"; GitHub takes only so many changes a minute", w-2)))
		}
		return out
	case r.open():
		if s, ok := o.failure(); ok {
			out = append(out, kit.First(o.p.shell.Trouble(s.err, w), 4)...)
		} else if r.err != nil {
			out = append(out, kit.First(o.p.shell.Trouble(r.err, w), 4)...)
		}
		out = append(out, kit.Paragraph("Both secrets are accepted meanwhile, and nothing is lost. "+t.Key.Render("r")+" resumes, "+t.Key.Render("u")+" undoes.", w)...)
	case r.err != nil:
		out = append(out, kit.First(o.p.shell.Trouble(r.err, w), 6)...)
	case r.inGrace(o.p.shell.Now()):
		out = append(out, "", " "+t.Good.Render(t.Sym.OK+" Done.")+" "+t.Key.Render("u")+" undoes it until "+r.state.Expires.Local().Format("15:04")+".")
	}
	for i := range out {
		out[i] = t.Cut(out[i], w)
	}
	return out
}

// failure is the failed hook under the cursor, or the first one.
func (o *rotateBox) failure() (hookStep, bool) {
	r := &o.p.rot
	order := r.ranked()
	if i := o.place.At; i < len(order) && r.steps[order[i]].err != nil {
		return r.steps[order[i]], true
	}
	for _, k := range order {
		if s := r.steps[k]; s.err != nil {
			return s, true
		}
	}
	return hookStep{}, false
}

func (o *rotateBox) Actions() []kit.Action {
	p := o.p
	step := func(id string, keys []string, by int, text string) kit.Action {
		return kit.Action{ID: id, Keys: keys, Text: text, Run: func() tea.Cmd { o.move(by); return nil }}
	}
	out := []kit.Action{
		{ID: "rotation.close", Keys: []string{"esc", "q", "enter"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { p.shell.Shut(o); return nil }},
		step("rotation.down", []string{"j", "down"}, 1, "Go down."),
		step("rotation.up", []string{"k", "up"}, -1, "Go up."),
		step("rotation.pagedown", []string{"space", "pgdown"}, max(1, o.high-1), "Go a page down."),
		step("rotation.pageup", []string{"pgup"}, -max(1, o.high-1), "Go a page up."),
	}
	switch {
	case p.rot.busy():
		out[0].Label, out[0].Text = "leave it working", "Close this box; the rotation goes on."
		out = append(out, kit.Action{ID: "rotation.stop", Keys: []string{"ctrl+x"}, Label: "interrupt", Text: "Interrupt the rotation; both secrets stay accepted and it can be resumed.", Run: func() tea.Cmd { p.rot.job.Stop(); return nil }})
	case p.rot.open():
		again := kit.Action{ID: "hook.rotate", Keys: []string{"r"}, Label: "resume", Text: "Go on with the rotation.", Command: "hookctl rotate --resume", Off: p.cannotRotate(), Run: p.rotate}
		finish := kit.Action{ID: "rotation.finish", Keys: []string{"Z"}, Label: "give up on the rest", Text: "Make the new secret the current one without the hooks that failed; they have the grace period.", Command: "hookctl rotate --finish", Run: func() tea.Cmd {
			return p.work("finish", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Finish(ctx) })
		}}
		out = append([]kit.Action{again, p.rotateActions()[1]}, append(out, finish)...)
	default:
		out = append([]kit.Action{p.rotateActions()[1]}, out...)
	}
	return append(out, p.shell.HelpAction())
}
