package webhooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/tui/kit"
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
	job   *kit.Job[hooks.Step]
	verb  string // "rotate", "resume", "undo" or "finish": what the job does
	order []hookKey
	steps map[hookKey]hookStep
	saved bool
	both  string // state of the receiver's acceptance of both secrets
	made  string // state of the promotion
	err   error
	state *secret.Rotation
	wake  time.Time // for which a tick is under way

	began  time.Time // when the job began
	before int       // how many changes and proofs there were by then
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
func (r *rotating) busy() bool { return r.job.Busy() }

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

// rank is where a hook stands among many: what failed first, then what is under
// way, what waits, and what is done.
func (s hookStep) rank() int {
	switch {
	case s.step == secret.StepFailed:
		return 0
	case s.running, s.step == secret.StepChanged:
		return 1
	case s.step == secret.StepVerified, s.step == secret.StepGone:
		return 3
	}
	return 2
}

// ranked are the hooks in their order, or by rank where they are many.
func (r *rotating) ranked() []hookKey {
	if len(r.order) <= kit.Many {
		return r.order
	}
	out := slices.Clone(r.order)
	slices.SortStableFunc(out, func(a, b hookKey) int { return r.steps[a].rank() - r.steps[b].rank() })
	return out
}

// pace tells how long the job takes so far and how long it will, "" where that
// cannot be told yet.
func (r *rotating) pace(now time.Time) string {
	changed, verified, failed := r.counts()
	done, all := changed+verified+2*failed, 2*len(r.order)
	taken := now.Sub(r.began)
	if r.began.IsZero() || done-r.before < 4 || taken < 5*time.Second {
		return ""
	}
	text := kit.Age(taken) + " so far"
	if left := taken * time.Duration(all-done) / time.Duration(done-r.before); left > 5*time.Second {
		text += ", about " + kit.Age(left) + " left"
	}
	return text
}

// draw is a hook's step as a symbol and words.
func (r *rotating) draw(t *kit.Theme, s hookStep) (symbol, words string, style kit.Painter) {
	switch {
	case s.step == secret.StepFailed && !s.running:
		words = "failed"
		if s.err != nil {
			words = whyFailed(text.Clean(s.err.Error()))
		}
		return t.Sym.Bad, words, t.Bad
	case s.step == secret.StepVerified:
		return t.Sym.OK, "ping verified", t.Good
	case s.step == secret.StepGone:
		return t.Sym.Dash, "deleted meanwhile", t.Faint
	case s.step == secret.StepChanged:
		return t.Sym.Pending, "changed, waiting for a ping", t.Warn
	case s.running:
		return t.Sym.Pending, "changing", t.Warn
	}
	return t.Sym.Pending, "waits for its turn", t.Faint
}

// whyFailed is the reason without "configure hook on owner/name: " and the like,
// which the first column says.
func whyFailed(text string) string {
	if what, why, ok := strings.Cut(text, ": "); ok && strings.Contains(what, " hook ") {
		return why
	}
	return text
}

// line tells the state of the rotation in a few words; "" where there is none.
func (r *rotating) line(t *kit.Theme, now time.Time) string {
	_, verified, failed := r.counts()
	switch {
	case r.busy():
		return t.Warn.Render(fmt.Sprintf("%s %s: %d/%d hooks proved", t.Sym.Pending, r.doing(), verified, len(r.order)))
	case r.open() && failed > 0:
		return t.Bad.Render(fmt.Sprintf("%s rotation stopped, %d failed", t.Sym.Bad, failed)) + "; " + t.Key.Render("r") + " resumes"
	case r.open():
		return t.Warn.Render(t.Sym.Warn+" rotation not finished") + "; " + t.Key.Render("r") + " resumes"
	case r.inGrace(now) && r.state.Undo:
		return t.Good.Render(t.Sym.OK+" rotation undone") + ", both accepted until " + r.state.Expires.Local().Format("15:04")
	case r.inGrace(now):
		return t.Good.Render(t.Sym.OK+" rotated") + ", " + t.Key.Render("u") + " undoes until " + r.state.Expires.Local().Format("15:04")
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
