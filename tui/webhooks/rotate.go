package webhooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// outcome is what a job on the rotation came to, and the rotation as the disk has it then.
type outcome struct {
	report fleet.RotateReport
	now    fleet.Rotation
	unread error
}

// work is one of the fleet's methods that work on the rotation.
type work func(*fleet.Fleet, context.Context, func(hooks.Step)) (fleet.RotateReport, error)

// rotateActions are the keys of a rotation on the page.
func (p *Page) rotateActions() []kit.Action {
	rot := &p.rot
	rotate := kit.Action{ID: "hook.rotate", Keys: []string{"r"}, Label: "rotate all", Command: p.rotateCommand(), Off: p.cannotRotate(), Run: p.rotate,
		Text: "Rotate the secret of every hook of this receiver; no delivery is lost. It begins after a count-down. With marks, only the marked hooks get one."}
	if n := len(p.marked()); n > 0 {
		rotate.Label = fmt.Sprintf("rotate %d", n)
	}
	switch {
	case rot.busy():
		rotate.Label, rotate.Text, rotate.Off = "watch", "Show the progress of the rotation.", ""
	case rot.now.Open:
		rotate.Label, rotate.Text, rotate.Command = "resume", "Continue the rotation that is not finished.", "hookctl rotate --resume"
	}
	noUndo := p.cannotRotate()
	switch {
	case rot.busy():
		noUndo = "a rotation is under way"
	case rot.now.Open || !rot.now.UndoUntil.IsZero():
	case rot.now.State == nil:
		noUndo = "there is no rotation to undo"
	default:
		noUndo = "the grace period is over: the old secret is gone"
	}
	undo := kit.Action{ID: "hook.undo", Keys: []string{"u"}, Text: "Undo the rotation: every hook gets its old secret back, and no delivery is lost.", Command: "hookctl rotate --undo",
		Off: noUndo, Acts: "old secret back for " + p.rotates(), Run: func() tea.Cmd { return p.turn("undo", (*fleet.Fleet).Undo) }}
	if rot.undone() {
		undo.Text, undo.Acts = "Take back the undo: every hook gets the new secret again, with the same care.", "the new secret again for "+p.rotates()
	}
	if noUndo == "" {
		undo.Label = cmp.Or(kit.When(rot.undone(), "rotate again"), "undo")
	}
	noResume := p.cannotRotate()
	if rot.busy() || rot.now.Next == "" {
		noResume = "no hook waits for the new secret"
	}
	resume := kit.Action{ID: "rotation.resume", Keys: []string{"C"}, Text: "Complete the rotation: try again the hooks that failed or were set aside.", Command: "hookctl rotate --resume", Off: noResume, Run: p.resume}
	return []kit.Action{rotate, undo, resume}
}

// rotates counts the hooks of the rotation on the disk.
func (p *Page) rotates() string {
	if p.rot.now.State == nil {
		return "no hook"
	}
	return text.Count(len(p.rot.now.State.Hooks), "hook")
}

// rotateCommand is the command line of what r does.
func (p *Page) rotateCommand() string {
	rows := p.marked()
	if len(rows) == 0 {
		return "hookctl rotate --all"
	}
	var line strings.Builder
	line.WriteString("hookctl rotate")
	for _, h := range rows {
		fmt.Fprintf(&line, " %d", h.ID)
	}
	return line.String() + targetFlags(rows)
}

// cannotRotate says why a rotation cannot begin now, "" where the fleet decides.
func (p *Page) cannotRotate() string {
	switch {
	case p.cfg.Fleet == nil:
		return "GitHub is not connected"
	case p.problem != nil && len(p.rows) == 0:
		return kit.Clean(p.problem.Error())
	case !p.cfg.Receiver.OK():
		return "the receiver has to accept both secrets, and it is not running; start it on the Receiver page"
	}
	return ""
}

// rotate plans a rotation and counts down to it, goes on with the one that is
// not finished, or shows the one that is under way.
func (p *Page) rotate() (cmd tea.Cmd) {
	rot := &p.rot
	switch {
	case rot.busy():
		p.watch()
		return nil
	case rot.now.Open:
		return p.resume()
	}
	request := fleet.RotateRequest{}
	for _, h := range p.marked() {
		request.IDs = append(request.IDs, h.ID)
	}
	box := &kit.Countdown{Shell: p.shell, Waiting: "asking GitHub which hooks there are", Act: kit.Action{Text: "Rotate the secret.", Keys: []string{"r"}, Command: p.rotateCommand()}}
	p.shell.Show(box)
	all := p.fleet()
	rot.planning, cmd = kit.Instead(p.shell, rot.planning, func(ctx context.Context) (fleet.RotatePlan, error) { return all.PlanRotation(ctx, request) }, func(plan fleet.RotatePlan, err error) tea.Cmd {
		return p.planned(box, plan, err)
	})
	return cmd
}

// planned counts down to a rotation that was planned, unless nobody waits for it any more.
func (p *Page) planned(box *kit.Countdown, plan fleet.RotatePlan, err error) tea.Cmd {
	if !p.shell.Shown(box) {
		return nil
	}
	if err != nil || plan.Resume { // another process began one in the meantime
		p.shell.Shut(box)
		if err != nil {
			return p.shell.Fail(err)
		}
		return p.resume()
	}
	box.Act.Run = func() tea.Cmd {
		p.rot.steps = map[hookKey]hookStep{}
		for _, h := range plan.Hooks {
			p.rot.steps[keyOf(h)] = hookStep{step: secret.StepPending}
		}
		p.rot.leave(plan.Aside)
		return p.turn("rotate", func(f *fleet.Fleet, ctx context.Context, progress func(hooks.Step)) (fleet.RotateReport, error) {
			return f.Rotate(ctx, plan, progress)
		})
	}
	var notes []string
	if plan.Shared {
		notes = append(notes, "Other hooks share this secret, so each of these gets one of its own.")
	}
	if n := len(plan.Aside); n > 0 {
		var names []string
		for _, a := range plan.Aside {
			names = append(names, a.Target.String())
		}
		notes = append(notes, text.Count(n, "repository", "repositories")+" set aside: hooks of "+kit.Some(names, 2)+" keep the old secret, which stays accepted from them alone.")
	}
	return box.Count("new secret for "+text.Count(len(plan.Hooks), "hook"), append(notes, "Both secrets are accepted for "+kit.Age(plan.Grace)+" after the change.")...)
}

func (p *Page) resume() tea.Cmd { return p.turn("resume", (*fleet.Fleet).Resume) }

// turn runs a job on the rotation and shows it.
func (p *Page) turn(verb string, do work) tea.Cmd {
	if why := p.cannotRotate(); why != "" {
		return p.shell.Warn(why)
	}
	rot := &p.rot
	rot.begin(verb)
	rot.made, rot.both, rot.saved = "", "", verb != "rotate"
	clear(p.marks)
	n := rot.counts()
	rot.began, rot.before = p.shell.Now(), n.changed+n.verified+2*n.failed
	all := p.fleet()
	var cmd tea.Cmd
	rot.job, cmd = kit.Begin(p.shell, func(ctx context.Context, report func(hooks.Step)) (o outcome, err error) {
		o.report, err = do(all, ctx, report)
		o.now, o.unread = all.Rotation()
		return o, err
	}, p.stepped, func(o outcome, err error) tea.Cmd { return p.rotated(verb, o, err) })
	p.shell.Progress = tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	p.watch()
	return cmd
}

// stepped takes a step of a job.
func (p *Page) stepped(s hooks.Step) tea.Cmd {
	p.rot.took(s)
	p.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, p.rot.share())
	return nil
}

// rotated takes the end of a job.
func (p *Page) rotated(verb string, o outcome, err error) tea.Cmd {
	rot := &p.rot
	p.shell.Progress = nil
	cmds := []tea.Cmd{p.read(o.now, o.unread), p.cfg.Poll(false)}
	rot.leave(o.report.Aside)
	if rot.err = err; errors.Is(err, context.Canceled) {
		rot.err = nil // the person did it
	}
	var touched []fleet.Hook
	for _, h := range p.rows {
		if _, ok := rot.steps[keyOf(h)]; ok {
			touched = append(touched, h)
		}
	}
	cmds = append(cmds, p.look(targetsOf(touched)...))
	switch {
	case errors.Is(err, context.Canceled):
	case err == nil:
		cmds = append(cmds, p.shell.Say(rotatedWords(verb, o.report)))
	case !p.watched(): // else the box shows it
		cmds = append(cmds, p.shell.Fail(err))
	}
	return tea.Batch(cmds...)
}

// rotatedWords says in a few words what a rotation came to.
func rotatedWords(verb string, r fleet.RotateReport) string {
	done, failed := 0, 0
	for _, h := range r.Hooks {
		switch h.Status {
		case "rotated":
			done++
		case "failed", "pending":
			failed++
		}
	}
	what, how := "rotated", "with the new secret"
	switch {
	case verb == "undo" && !r.Undo:
		what = "rotated again"
	case verb == "undo" && r.New == "":
		what, how = "undone", "as before"
	case verb == "undo":
		what, how = "undone", "with "+r.New+" again"
	case r.New == "" && done == 1:
		how = "with a new secret of its own"
	case r.New == "":
		how = "with new secrets of their own"
	}
	left := tally{failed: failed, aside: len(r.Aside)}.left()
	return what + ": " + kit.Are(done, "hook") + " signed " + how + left
}

// readRotation reads the rotation that there is.
func (p *Page) readRotation() tea.Cmd {
	if p.cfg.Fleet == nil || p.rot.busy() {
		return nil
	}
	all := p.cfg.Fleet
	return kit.Ask(p.shell, func(context.Context) (fleet.Rotation, error) { return all.Rotation() }, p.read)
}

// read takes it, unless a job knows better.
func (p *Page) read(now fleet.Rotation, err error) tea.Cmd {
	rot := &p.rot
	switch {
	case rot.busy():
		return nil
	case err != nil:
		rot.err = err
		return nil
	}
	rot.stored(now)
	if until := now.UndoUntil; !until.IsZero() && !until.Equal(rot.wake) {
		rot.wake = until
		return p.shell.Later(until.Sub(p.shell.Now()), rotationOver{})
	}
	return nil
}

// rotationOver says that the grace period of a rotation has ended.
type rotationOver struct{}
