package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/tui/kit"
)

// rotateActions are the keys of a rotation on the page.
func (p *Page) rotateActions() []kit.Action {
	rotate := kit.Action{ID: "hook.rotate", Keys: []string{"r"}, Label: "rotate", Command: p.rotateCommand(), Off: p.cannotRotate(), Run: p.rotate,
		Text: "Give every hook of this receiver a new secret, at once and without a question: nothing can be lost. Marked hooks get one of their own each."}
	switch {
	case p.rot.busy():
		rotate.Label, rotate.Text, rotate.Off = "watch", "Show how the rotation gets on.", ""
	case p.rot.open():
		rotate.Label, rotate.Text, rotate.Command = "resume", "Go on with the rotation that is not finished.", "hookctl rotate --resume"
	}
	noUndo := ""
	switch {
	case p.rot.busy():
		noUndo = "a rotation is at work; esc in its box leaves it working"
	case p.rot.open():
	case p.rot.state == nil:
		noUndo = "there is no rotation to undo"
	case !p.rot.inGrace(p.shell.Now()):
		noUndo = "the grace period is over: the old secret is gone"
	}
	undo := kit.Action{ID: "hook.undo", Keys: []string{"u"}, Text: "Undo the rotation: every hook gets its old secret back, with the same care.", Command: "hookctl rotate --undo", Off: noUndo, Run: p.undo}
	if noUndo == "" {
		undo.Label = "undo"
	}
	return []kit.Action{rotate, undo}
}

// toRotate are the hooks to rotate: those that are marked, or all of this
// receiver. perHook says that each gets a secret of its own.
func (p *Page) toRotate() (rows []hookRow, perHook bool) {
	mine := p.mine()
	rows = p.marked(mine)
	if len(rows) == 0 || len(rows) == len(mine) {
		return mine, false
	}
	// The shared secret cannot change for some hooks only: what the others
	// sign would be refused after the grace period.
	return rows, true
}

func (p *Page) rotateCommand() string {
	rows, some := p.toRotate()
	if !some {
		return "hookctl rotate --all"
	}
	var line strings.Builder
	line.WriteString("hookctl rotate")
	for _, r := range rows {
		fmt.Fprintf(&line, " %d", r.ID)
	}
	return line.String() + targetFlags(rows)
}

// cannotRotate says why a rotation cannot begin now, "" when it can.
func (p *Page) cannotRotate() string {
	rows, some := p.toRotate()
	switch {
	case p.rot.busy():
		return ""
	case p.client == nil:
		return "GitHub was not reached yet"
	case !p.cfg.Receiver.OK():
		return "the receiver has to accept both secrets, and it is not running; start it on the Receiver page"
	case p.secret.origin == secret.FromEnvironment:
		return "the secret is set in the environment; unset " + secret.Variable + " and put it into .env"
	case p.cfg.Log.Value == nil:
		return "the log cannot be read, so no ping can prove the new secret"
	case p.rot.open():
		return ""
	case p.waiting > 0:
		return "GitHub is still being asked which hooks there are"
	case p.cut:
		return "the list of hooks is not complete; ctrl+r asks again"
	case len(rows) == 0:
		return "no hook delivers to this receiver; w sets one up"
	}
	if some {
		return ""
	}
	for _, t := range p.targetsBroken() {
		if err := p.broken[t]; !errors.Is(err, hooks.ErrNotFound) && !errors.Is(err, hooks.ErrNotAdmin) {
			return fmt.Sprintf("%s could not be listed, and its hooks would keep the old secret; ctrl+r asks again", t)
		}
	}
	return ""
}

func (p *Page) rotator() *hooks.Rotator { return p.Rotator(p.client, p.cfg.Log.Value) }

// Rotator gives hooks what a rotation needs of this machine.
func (p *Page) Rotator(client *hooks.Client, l *logs.Log) *hooks.Rotator {
	return &hooks.Rotator{Client: client, Store: p.cfg.Store, Accept: acceptAt(p.cfg.Home), Confirm: confirmIn(l), Now: p.shell.Now, PerHook: p.cfg.PerHook}
}

// rotate begins a rotation, goes on with the one that is not finished, or
// shows the one that is at work.
func (p *Page) rotate() tea.Cmd {
	switch {
	case p.rot.busy():
		p.watch()
		return nil
	case p.rot.open():
		return p.work("resume", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Resume(ctx) })
	}
	rows, perHook := p.toRotate()
	if closed := p.closed(); len(closed) > 0 && !perHook {
		p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Rotate without some", Yes: "y", Verb: "rotate the others", Lines: []string{
			fmt.Sprintf("You do not administer %s. A hook there that delivers here keeps the old secret, and is refused when the grace period of %s is over.",
				repositories(len(closed)), kit.Age(hooks.DefaultGrace)),
			kit.Some(closed, 3),
		}, Run: func() tea.Cmd { return p.begin(rows, perHook) }})
		return nil
	}
	return p.begin(rows, perHook)
}

// closed are the repositories whose hooks only others can change.
func (p *Page) closed() []string {
	var out []string
	for _, t := range p.targetsBroken() {
		if errors.Is(p.broken[t], hooks.ErrNotAdmin) {
			out = append(out, t.String())
		}
	}
	return out
}

// begin gives hooks a new secret.
func (p *Page) begin(rows []hookRow, perHook bool) tea.Cmd {
	list := make([]hooks.Hook, len(rows))
	for i, r := range rows {
		list[i] = r.Hook
	}
	clear(p.marks)
	return p.work("rotate", rows, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) {
		r.PerHook = r.PerHook || perHook
		return r.Rotate(ctx, list, hooks.DefaultGrace)
	})
}

func (p *Page) undo() tea.Cmd {
	return p.work("undo", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Undo(ctx) })
}

// work runs a job on the rotation and shows it. rows are the hooks of a new
// rotation; without them those of the stored one.
func (p *Page) work(verb string, rows []hookRow, do func(context.Context, *hooks.Rotator) (hooks.RotateResult, error)) tea.Cmd {
	if why := p.cannotRotate(); why != "" {
		return p.shell.Warn(why)
	}
	rot := &p.rot
	rot.verb, rot.err, rot.made, rot.both, rot.saved = verb, nil, "", "", rows == nil
	if rows != nil {
		rot.order, rot.steps = nil, map[hookKey]hookStep{}
		for _, r := range rows {
			rot.order = append(rot.order, r.key())
			rot.steps[r.key()] = hookStep{step: secret.StepPending}
		}
	}
	for k, s := range rot.steps {
		if verb == "undo" && s.step != secret.StepGone || s.step == secret.StepFailed {
			rot.steps[k] = hookStep{step: secret.StepPending}
		}
	}
	changed, verified, failed := rot.counts()
	rot.began, rot.before = p.shell.Now(), changed+verified+2*failed
	r, store := p.rotator(), p.cfg.Store
	var cmd tea.Cmd
	rot.job, cmd = kit.Begin(p.shell, func(ctx context.Context, progress func(hooks.Step)) tea.Msg {
		r.Progress = progress
		result, err := do(ctx, r)
		state, stateErr := store.Rotation()
		return rotateMsg{verb, result, state, errors.Join(err, stateErr)}
	})
	p.shell.Progress = tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	p.watch()
	return cmd
}

// rotated takes the end of a job.
func (p *Page) rotated(m rotateMsg) tea.Cmd {
	rot := &p.rot
	if rot.job != nil {
		rot.job.Over = true
	}
	p.shell.Progress = nil
	rot.stored(m.state)
	rot.err = m.err
	cmds := []tea.Cmd{p.readSecret(), p.cfg.Poll(false), p.wakeAtGrace()}
	for _, r := range p.rows {
		if _, ok := rot.steps[r.key()]; ok {
			cmds = append(cmds, p.list(r.Target, 0))
		}
	}
	switch {
	case errors.Is(m.err, context.Canceled):
	case m.err != nil && p.watched():
		// The box shows it.
	case m.err != nil:
		cmds = append(cmds, p.shell.Fail(m.err))
	default:
		cmds = append(cmds, p.shell.Say(rotatedWords(m.verb, m.result)))
	}
	return tea.Batch(cmds...)
}

// rotatedWords says in a few words what a rotation came to.
func rotatedWords(verb string, r hooks.RotateResult) string {
	done, failed, _ := tally(r)
	s := fmt.Sprintf("rotated: %s signed with the new secret", kit.Are(done, "hook"))
	switch {
	case verb == "undo" && r.New == "":
		s = fmt.Sprintf("undone: %s signed as before", kit.Are(done, "hook"))
	case verb == "undo":
		s = fmt.Sprintf("undone: %s signed with %s again", kit.Are(done, "hook"), r.New)
	case r.New == "" && done == 1:
		s = "rotated: 1 hook is signed with a new secret of its own"
	case r.New == "":
		s = fmt.Sprintf("rotated: %s signed with new secrets of their own", kit.Are(done, "hook"))
	}
	if failed > 0 {
		s += fmt.Sprintf(", %d given up", failed)
	}
	return s
}

// tally counts the hooks of a rotation: done, failed, and deleted meanwhile.
func tally(r hooks.RotateResult) (done, failed, gone int) {
	for _, h := range r.Hooks {
		switch h.Status {
		case "rotated":
			done++
		case "gone":
			gone++
		default:
			failed++
		}
	}
	return done, failed, gone
}

// wakeAtGrace asks to be woken when the grace period is over.
func (p *Page) wakeAtGrace() tea.Cmd {
	now := p.shell.Now()
	if !p.rot.inGrace(now) || p.rot.wake.Equal(p.rot.state.Expires) {
		return nil
	}
	p.rot.wake = p.rot.state.Expires
	return p.shell.Later(p.rot.state.Expires.Sub(now), graceOver{})
}

// expire lets the store forget a secret whose time is over.
func (p *Page) expire() tea.Cmd {
	store, now := p.cfg.Store, p.shell.Now()
	if store == nil {
		return nil
	}
	return func() tea.Msg {
		if _, err := store.Expire(now); err != nil {
			return kit.Failure{Err: err}
		}
		return kit.Notice("the grace period is over: only the new secret is accepted")
	}
}

// targetsBroken are the targets that could not be listed, sorted.
func (p *Page) targetsBroken() []hooks.Target {
	var out []hooks.Target
	for t := range p.broken {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b hooks.Target) int { return compareTargets(a, b) })
	return out
}
