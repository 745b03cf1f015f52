package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
)

// hookStep is how far one hook is within a rotation.
type hookStep struct {
	step    string // one of the secret.Step constants
	running bool
	err     error
	detail  string
}

// rotating is the rotation that runs, is not finished, or can be undone. What
// the store has is the truth; what a running job tells is newer.
type rotating struct {
	job   *job
	verb  string // "rotate", "resume", "undo" or "finish": what the job does
	order []hookKey
	steps map[hookKey]hookStep
	saved bool
	both  string // state of the receiver's acceptance of both secrets
	made  string // state of the promotion
	err   error
	state *secret.Rotation
	wake  time.Time // for which a tick is under way
}

type (
	// rotateMsg is the end of a job on the rotation.
	rotateMsg struct {
		verb   string
		result hooks.RotateResult
		state  *secret.Rotation
		err    error
	}
	// graceOver says that the grace period of a rotation has ended.
	graceOver struct{}
)

// busy reports whether a job works on the rotation.
func (r *rotating) busy() bool { return r.job != nil && !r.job.over }

// open reports whether a rotation was begun and is not promoted.
func (r *rotating) open() bool { return r.state != nil && r.state.Promoted.IsZero() }

// inGrace reports whether the old secret is still accepted after a promotion.
func (r *rotating) inGrace(now time.Time) bool {
	return r.state != nil && !r.state.Promoted.IsZero() && now.Before(r.state.Expires)
}

// stored takes what the store has, unless a job knows better.
func (r *rotating) stored(state *secret.Rotation) {
	if r.busy() {
		return
	}
	if !sameRotation(r.state, state) {
		r.err = nil // it was about another one
	}
	r.state = state
	if state == nil {
		return
	}
	r.order, r.steps = nil, map[hookKey]hookStep{}
	for _, h := range state.Hooks {
		t, err := hooks.ParseTarget(h.Repository)
		if err != nil {
			continue
		}
		k := hookKey{t, h.HookID}
		s := hookStep{step: h.Step}
		if h.Error != "" {
			s.err = errors.New(h.Error)
		}
		r.order, r.steps[k] = append(r.order, k), s
	}
	r.saved, r.both, r.made = true, hooks.StateDone, ""
	if !state.Promoted.IsZero() {
		r.made = hooks.StateDone
	}
}

func sameRotation(a, b *secret.Rotation) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Started.Equal(b.Started) && a.Promoted.Equal(b.Promoted)
}

// share is how much of the rotation is done, in percent.
func (r *rotating) share() int {
	changed, verified, _ := r.counts()
	return (changed + verified) * 50 / max(1, len(r.order))
}

// step is where a hook is, while that matters: until the promotion.
func (r *rotating) step(k hookKey) (hookStep, bool) {
	s, ok := r.steps[k]
	return s, ok && (r.busy() || r.open())
}

// took puts what the job tells in its place.
func (r *rotating) took(s hooks.Step) {
	r.saved = true
	switch s.Name {
	case "accept secrets":
		if r.made == "" {
			r.both = s.State
		}
		return
	case "promote":
		r.made = s.State
		return
	}
	k := hookKey{s.Target, s.HookID}
	have, ok := r.steps[k]
	if !ok {
		r.order = append(r.order, k)
	}
	have.running, have.detail, have.err = s.State == hooks.StateRunning, s.Detail, nil
	switch {
	case s.State == hooks.StateFailed:
		have.step, have.err = secret.StepFailed, s.Err
	case s.State == hooks.StateSkipped:
		have.step = secret.StepGone
	case s.State == hooks.StateDone && s.Name == "verify":
		have.step = secret.StepVerified
	case s.State == hooks.StateDone, s.Name == "verify":
		have.step = secret.StepChanged
	default:
		have.step = secret.StepPending
	}
	r.steps[k] = have
}

// counts says how many hooks have the new secret, have proved it, and failed.
func (r *rotating) counts() (changed, verified, failed int) {
	for _, s := range r.steps {
		switch s.step {
		case secret.StepChanged:
			changed++
		case secret.StepVerified, secret.StepGone:
			changed++
			verified++
		case secret.StepFailed:
			failed++
		}
	}
	return changed, verified, failed
}

// draw is a hook's step as a symbol and words.
func (r *rotating) draw(t *theme, s hookStep) (symbol, words string, style painter) {
	switch {
	case s.step == secret.StepFailed && !s.running:
		words = "failed"
		if s.err != nil {
			words = logs.Clean(s.err.Error())
		}
		return t.sym.bad, words, t.bad
	case s.step == secret.StepVerified:
		return t.sym.ok, "ping verified", t.good
	case s.step == secret.StepGone:
		return t.sym.dash, "deleted meanwhile", t.faint
	case s.step == secret.StepChanged:
		return t.sym.pending, "changed, waiting for a ping", t.warn
	case s.running:
		return t.sym.pending, "changing", t.warn
	}
	return t.sym.pending, "waits for its turn", t.faint
}

// line tells the state of the rotation in a few words; "" where there is none.
func (r *rotating) line(t *theme, now time.Time) string {
	_, verified, failed := r.counts()
	switch {
	case r.busy():
		return t.warn.Render(fmt.Sprintf("%s %s: %d/%d hooks proved", t.sym.pending, r.doing(), verified, len(r.order)))
	case r.open() && failed > 0:
		return t.bad.Render(fmt.Sprintf("%s rotation stopped, %d failed", t.sym.bad, failed)) + "; " + t.key.Render("r") + " resumes"
	case r.open():
		return t.warn.Render(t.sym.warn+" rotation not finished") + "; " + t.key.Render("r") + " resumes"
	case r.inGrace(now) && r.state.Undo:
		return t.good.Render(t.sym.ok+" rotation undone") + ", both accepted until " + r.state.Expires.Local().Format("15:04")
	case r.inGrace(now):
		return t.good.Render(t.sym.ok+" rotated") + ", " + t.key.Render("u") + " undoes until " + r.state.Expires.Local().Format("15:04")
	}
	return ""
}

func (r *rotating) doing() string {
	switch r.verb {
	case "undo":
		return "undoing"
	case "finish":
		return "finishing"
	}
	return "rotating"
}

// rotateActions are the keys of a rotation on the page.
func (p *hooksPage) rotateActions() []action {
	rotate := action{id: "hook.rotate", keys: []string{"r"}, label: "rotate", command: p.rotateCommand(), off: p.cannotRotate(), run: p.rotate,
		text: "Give every hook of this receiver a new secret, at once and without a question: nothing can be lost. Marked hooks get one of their own each."}
	switch {
	case p.rot.busy():
		rotate.label, rotate.text, rotate.off = "watch", "Show how the rotation gets on.", ""
	case p.rot.open():
		rotate.label, rotate.text, rotate.command = "resume", "Go on with the rotation that is not finished.", "hookctl rotate --resume"
	}
	noUndo := ""
	switch {
	case p.rot.busy():
		noUndo = "a rotation is at work; esc in its box leaves it working"
	case p.rot.open():
	case p.rot.state == nil:
		noUndo = "there is no rotation to undo"
	case !p.rot.inGrace(p.a.cfg.Now()):
		noUndo = "the grace period is over: the old secret is gone"
	}
	undo := action{id: "hook.undo", keys: []string{"u"}, text: "Undo the rotation: every hook gets its old secret back, with the same care.", off: noUndo, run: p.undo}
	if noUndo == "" {
		undo.label = "undo"
	}
	return []action{rotate, undo}
}

// rotated hooks: those that are marked, or all of this receiver.
func (p *hooksPage) toRotate() (rows []hookRow, perHook bool) {
	mine := p.mine()
	for _, r := range mine {
		if p.marks[r.key()] {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 || len(rows) == len(mine) {
		return mine, false
	}
	// The shared secret cannot change for some hooks only: what the others
	// sign would be refused after the grace period.
	return rows, true
}

func (p *hooksPage) rotateCommand() string {
	rows, some := p.toRotate()
	if !some {
		return "hookctl rotate --all"
	}
	line := "hookctl rotate"
	for _, r := range rows {
		if r.Target.IsOrg() {
			line += " --org " + quote(r.Target.String())
		} else {
			line += " -R " + quote(r.Target.String())
		}
	}
	return line
}

// cannotRotate says why a rotation cannot begin now, "" when it can.
func (p *hooksPage) cannotRotate() string {
	rows, some := p.toRotate()
	switch {
	case p.rot.busy():
		return ""
	case p.client == nil:
		return "GitHub was not reached yet"
	case !p.a.running():
		return "the receiver has to accept both secrets, and it is not running; start it on the Receiver page"
	case p.secret.origin == secret.FromEnvironment:
		return "the secret is set in the environment; unset " + secret.Variable + " and put it into .env"
	case p.a.log == nil:
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
		if err := p.broken[t]; !errors.Is(err, hooks.ErrNotFound) {
			return fmt.Sprintf("%s could not be listed, and its hooks would keep the old secret; ctrl+r asks again", t)
		}
	}
	return ""
}

func (p *hooksPage) rotator() *hooks.Rotator {
	return &hooks.Rotator{Client: p.client, Store: p.a.cfg.Store, Accept: acceptAt(p.a.cfg.Home), Confirm: confirmIn(p.a.log), Now: p.a.cfg.Now}
}

// rotate begins a rotation, goes on with the one that is not finished, or
// shows the one that is at work.
func (p *hooksPage) rotate() tea.Cmd {
	switch {
	case p.rot.busy():
		p.watch()
		return nil
	case p.rot.open():
		return p.work("resume", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Resume(ctx) })
	}
	rows, perHook := p.toRotate()
	list := make([]hooks.Hook, len(rows))
	for i, r := range rows {
		list[i] = r.Hook
	}
	clear(p.marks)
	return p.work("rotate", rows, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) {
		r.PerHook = perHook
		return r.Rotate(ctx, list, hooks.DefaultGrace)
	})
}

func (p *hooksPage) undo() tea.Cmd {
	return p.work("undo", nil, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Undo(ctx) })
}

// work runs a job on the rotation and shows it. rows are the hooks of a new
// rotation; without them those of the stored one.
func (p *hooksPage) work(verb string, rows []hookRow, do func(context.Context, *hooks.Rotator) (hooks.RotateResult, error)) tea.Cmd {
	if why := p.cannotRotate(); why != "" {
		return p.a.warn(why)
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
	r, store := p.rotator(), p.a.cfg.Store
	var cmd tea.Cmd
	rot.job, cmd = p.a.begin(func(ctx context.Context, progress func(hooks.Step)) tea.Msg {
		r.Progress = progress
		result, err := do(ctx, r)
		state, stateErr := store.Rotation()
		return rotateMsg{verb, result, state, errors.Join(err, stateErr)}
	})
	p.a.progress = tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	p.watch()
	return cmd
}

// rotated takes the end of a job.
func (p *hooksPage) rotated(m rotateMsg) tea.Cmd {
	rot := &p.rot
	if rot.job != nil {
		rot.job.over = true
	}
	p.a.progress = nil
	rot.stored(m.state)
	rot.err = m.err
	cmds := []tea.Cmd{p.readSecret(), p.a.poll(false), p.wakeAtGrace()}
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
		cmds = append(cmds, p.a.fail(m.err))
	case m.verb == "undo":
		cmds = append(cmds, p.a.say(fmt.Sprintf("undone: %s signed with %s again", are(len(m.result.Hooks), "hook"), m.result.New)))
	default:
		cmds = append(cmds, p.a.say(fmt.Sprintf("rotated: %s signed with the new secret", are(len(m.result.Hooks), "hook"))))
	}
	return tea.Batch(cmds...)
}

// are is a number with its noun and verb.
func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return count(n, noun) + " are"
}

// wakeAtGrace asks to be woken when the grace period is over.
func (p *hooksPage) wakeAtGrace() tea.Cmd {
	now := p.a.cfg.Now()
	if !p.rot.inGrace(now) || p.rot.wake.Equal(p.rot.state.Expires) {
		return nil
	}
	p.rot.wake = p.rot.state.Expires
	return p.a.later(p.rot.state.Expires.Sub(now), graceOver{})
}

// expire lets the store forget a secret whose time is over.
func (p *hooksPage) expire() tea.Cmd {
	store, now := p.a.cfg.Store, p.a.cfg.Now()
	if store == nil {
		return nil
	}
	return func() tea.Msg {
		if _, err := store.Expire(now); err != nil {
			return failure{err}
		}
		return notice("the grace period is over: only the new secret is accepted")
	}
}

// targetsBroken are the targets that could not be listed, sorted.
func (p *hooksPage) targetsBroken() []hooks.Target {
	var out []hooks.Target
	for t := range p.broken {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b hooks.Target) int { return compareTargets(a, b) })
	return out
}
