package webhooks

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// rotateBox shows a rotation step by step, and each hook in its own state.
// Closing it cancels a count-down, and lets a rotation that has begun go on.
type rotateBox struct {
	p    *Page
	pos  kit.Scroll
	high int // lines for the hooks in the last view
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
	if o.p.rot.undo() {
		return "Undoing the rotation"
	}
	return "Rotating the secret"
}

func (o *rotateBox) Update(msg tea.Msg) tea.Cmd { return o.pos.Turn(msg) }

func (o *rotateBox) View(w, h int) string {
	w = min(w, 84)
	ladder, foot := o.ladder(w), o.foot(w)
	var rows []string
	if !o.p.rot.idle() {
		for _, k := range o.p.rot.ranked() {
			rows = append(rows, o.row(k, w)...)
		}
	}
	// In a low window the steps give way to one line, so that hooks are seen.
	if h < len(ladder)+len(foot)+min(len(rows), 3)+1 && len(ladder) > 0 {
		ladder = o.short(w)
	}
	if h > len(ladder)+len(foot)+min(len(rows), 3) {
		ladder = append(ladder, "")
	}
	o.high = max(0, h-len(ladder)-len(foot))
	out := slices.Concat(ladder, o.pos.Window(rows, o.high), foot)
	return kit.Fit(strings.Join(out, "\n"), w, min(h, len(out)))
}

// undo reports whether the box is about taking a rotation back: what was begun here, or else what the disk has. To undo what
// was undone is to rotate again.
func (r *rotating) undo() bool {
	switch r.verb {
	case "rotate":
		return false
	case "undo":
		return !r.undone()
	}
	return r.undone()
}

// idle reports whether a rotation could not begin: what the disk has then is about another one.
func (r *rotating) idle() bool { return r.verb == "rotate" && r.err != nil && !r.busy() }

// undone reports whether the rotation on the disk is one that took another one back.
func (r *rotating) undone() bool { return r.now.State != nil && r.now.State.Undo }

// short is the ladder in one line.
func (o *rotateBox) short(w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
	n := r.counts()
	mark := t.Warn.Render(t.Sym.Pending)
	switch {
	case r.made == hooks.StateDone:
		mark = t.Good.Render(t.Sym.OK)
	case n.failed > 0 && !r.busy():
		mark = t.Bad.Render(t.Sym.Bad)
	}
	return []string{t.Cut(fmt.Sprintf(" %s %d/%d changed, %d verified%s", mark, n.changed, n.all, n.verified, n.left()), w)}
}

// left says what did not change.
func (n tally) left() string {
	return kit.When(n.failed > 0, fmt.Sprintf(", %d failed", n.failed)) + kit.When(n.aside > 0, fmt.Sprintf(", %d set aside", n.aside))
}

// ladder are the steps of a rotation, each with its state.
func (o *rotateBox) ladder(w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
	n := r.counts()
	if r.idle() || n.all == 0 && r.err != nil {
		return nil
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
		return t.Cut(" "+style.Render(mark)+" "+text+kit.When(detail != "", "  "+t.Faint.Render(detail)), w)
	}
	saved, current := "new secret saved", "the new secret is the current one"
	if r.undo() {
		saved, current = "old secret restored", "the old secret is the current one again"
	}
	prints, until := "", "the old secret stays accepted for a while"
	if result := r.now.Result; r.now.State != nil && !r.busy() {
		if result.Old != "" && result.New != "" {
			prints = result.New + " replaces " + result.Old
		}
		if !r.now.UndoUntil.IsZero() {
			until = "both accepted until " + r.now.UndoUntil.Local().Format("15:04")
		}
	}
	busy := r.busy()
	return []string{
		line(state(r.saved, busy), saved, prints),
		line(r.both, "the receiver accepts both", ""),
		line(state(n.all > 0 && n.changed == n.all, busy && r.both == hooks.StateDone), "hooks changed at GitHub", fmt.Sprintf("%d/%d%s", n.changed, n.all, n.left())),
		line(state(n.all > 0 && n.verified == n.all, busy && n.changed > 0), "pings verified", fmt.Sprintf("%d/%d", n.verified, n.all)),
		line(r.made, current, ""),
		line(r.made, until, ""),
	}
}

// row is a hook with its state, and what went wrong with it.
func (o *rotateBox) row(k hookKey, w int) []string {
	t, r := o.p.shell.Theme, &o.p.rot
	s := r.steps[k]
	symbol, words, style := hookStep{step: s.step, running: s.running}.draw(t)
	name := max(10, min(34, w/2-4))
	id := ""
	if k.id != 0 { // else it is about the whole target
		id = fmt.Sprint(k.id)
	}
	switch {
	case len(r.steps) > kit.Many:
		id, name = "", max(10, min(46, w/2))
	case w < 60:
		id = ""
	}
	out := []string{t.Cut(" "+style.Render(symbol)+" "+kit.FitLine(t.Middle(k.target.String(), name), name)+" "+kit.FitLine(id, len(id))+" "+style.Render(words), w)}
	if s.err == nil {
		return out
	}
	for _, l := range kit.Folded(whyFailed(kit.Clean(s.err.Error())), max(1, w-4)) {
		out = append(out, "   "+style.Render(l))
	}
	return append(out, kit.CureLines(s.cure, w)...)
}

// foot says what went wrong with the cure, or what can be done next.
func (o *rotateBox) foot(w int) (out []string) {
	t, r := o.p.shell.Theme, &o.p.rot
	n := r.counts()
	if r.err != nil && (r.idle() || n.failed+n.aside == 0) { // else the hooks say it
		out = kit.First(o.p.shell.Trouble(r.err, w), 6)
	}
	switch {
	case r.busy():
		if pace := r.pace(o.p.shell.Now()); pace != "" {
			out = append(out, " "+t.Faint.Render(t.Cut(pace+"; GitHub limits changes per minute", w-2)))
		}
	case r.now.Open:
		out = append(out, kit.Paragraph("Both secrets are accepted, and no delivery is lost. "+t.Key.Render("r")+" resumes, "+t.Key.Render("u")+" undoes.", w)...)
	case r.err != nil:
	case n.aside > 0:
		out = append(out, kit.Paragraph("A hook that was set aside keeps its old secret, accepted from it alone. "+t.Key.Render("r")+" tries again.", w)...)
	case !r.now.UndoUntil.IsZero():
		done, again := " Done.", " undoes it until "
		if r.undone() {
			done, again = " Undone.", " rotates again until "
		}
		out = append(out, "", " "+t.Good.Render(t.Sym.OK+done)+" "+t.Key.Render("u")+again+r.now.UndoUntil.Local().Format("15:04")+".")
	}
	for i := range out {
		out[i] = t.Cut(out[i], w)
	}
	return out
}

func (o *rotateBox) Actions() []kit.Action {
	p := o.p
	out := append([]kit.Action{
		{ID: "rotation.close", Keys: []string{"esc", "q", "enter"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { p.shell.Shut(o); return nil }},
	}, kit.Walk(o.high, "", o.pos.By)...)
	rotate, undo, resume := p.rotateActions()[0], p.rotateActions()[1], p.rotateActions()[2]
	switch {
	case p.rot.busy():
		out[0].Label, out[0].Text = "keep it running", "Close this box; the rotation goes on."
		out = append(out, kit.Action{ID: "rotation.stop", Keys: []string{"ctrl+x"}, Label: "interrupt", Text: "Interrupt the rotation; both secrets stay accepted and it can be resumed.", Run: func() tea.Cmd { p.rot.job.Stop(); return nil }})
	case p.rot.now.Open:
		rotate.Text = "Continue the rotation."
		finish := kit.Action{ID: "rotation.finish", Keys: []string{"Z"}, Label: "finish without the rest", Text: "Make the new secret the current one without the hooks that failed; they have until the grace period ends.", Command: "hookctl rotate --finish",
			Off: p.cannotRotate(), Acts: "end the rotation of " + text.Count(p.rot.counts().all, "hook"), Run: func() tea.Cmd { return p.turn("finish", (*fleet.Fleet).Finish) }}
		out = append([]kit.Action{rotate, undo}, append(out, finish)...)
	case p.rot.now.Next != "":
		resume.Keys, resume.Label = []string{"r", "C"}, "try again"
		out = append([]kit.Action{resume, undo}, out...)
	default:
		out = append([]kit.Action{undo}, out...)
	}
	return append(out, p.shell.HelpAction())
}
