package webhooks

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// hookStep is how far one hook is within a rotation.
type hookStep struct {
	step    string // one of the secret.Step constants
	running bool
	err     error
	cure    string
}

// rotating is the rotation that runs, is not finished, or can be undone. What the disk has is the truth; the steps of a
// running job are newer.
type rotating struct {
	now   fleet.Rotation       // as the disk has it
	verb  string               // "rotate", "resume", "undo" or "finish": what was begun last; "" once the disk says what came of it
	steps map[hookKey]hookStep // of each hook; id 0 is a whole target that was set aside
	err   error

	planning *kit.Job // asks GitHub which hooks there are
	job      *kit.Job
	saved    bool
	both     string    // state of the receiver's acceptance of both secrets
	made     string    // state of the promotion
	began    time.Time // when the job began
	before   int       // how many changes and proofs there were by then
	wake     time.Time // for which a tick is under way
}

// begin is the start of something new, which ends what was before it.
func (r *rotating) begin(verb string) {
	r.verb, r.err = verb, nil
	for k, s := range r.steps {
		if verb == "undo" && s.step != secret.StepGone || verb == "resume" && s.err != nil {
			r.steps[k] = hookStep{step: secret.StepPending}
		}
	}
}

// busy reports whether a job works on the rotation.
func (r *rotating) busy() bool { return r.job.Busy() }

// leave notes what is set aside, as far as it is not among the hooks.
func (r *rotating) leave(list []fleet.Aside) {
	for _, a := range list {
		if k := (hookKey{a.Target, a.HookID}); r.steps[k].err == nil {
			r.steps[k] = hookStep{step: secret.StepAside, err: a.Err, cure: a.Cure()}
		}
	}
}

// stored takes what the disk has.
func (r *rotating) stored(now fleet.Rotation) {
	if !sameRotation(r.now.State, now.State) {
		r.verb, r.err = "", nil // they were about another one
	}
	r.now = now
	if now.State == nil && len(now.Aside) == 0 {
		return
	}
	r.steps = map[hookKey]hookStep{}
	if now.State != nil {
		for _, h := range now.State.Hooks {
			r.stands(h.Repository, h.HookID, h.Step, h.Error, h.Cure)
		}
		r.saved, r.both, r.made = true, hooks.StateDone, ""
		if !now.Open {
			r.made = hooks.StateDone
		}
	}
	for _, h := range now.Aside {
		r.stands(h.Repository, h.HookID, secret.StepAside, h.Error, h.Cure)
	}
}

func (r *rotating) stands(repository string, id int64, step, why, cure string) {
	t, err := hooks.ParseTarget(repository)
	if err != nil {
		return
	}
	s := hookStep{step: step}
	if why != "" && (step == secret.StepFailed || step == secret.StepAside) {
		s.err, s.cure = errors.New(why), cure
	}
	r.steps[hookKey{t, id}] = s
}

func sameRotation(a, b *secret.Rotation) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Started.Equal(b.Started) && a.Promoted.Equal(b.Promoted)
}

// step is where a hook is, while that matters: until the promotion.
func (r *rotating) step(k hookKey) (hookStep, bool) {
	s, ok := r.steps[k]
	return s, ok && (r.busy() || r.now.Open)
}

// took puts a step of the job in its place.
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
	have := hookStep{step: secret.StepPending, running: s.State == hooks.StateRunning}
	switch {
	case s.State == hooks.StateFailed:
		have.step, have.err, have.cure = secret.StepFailed, s.Err, hooks.CureOf(s.Err)
		if hooks.OfTarget(s.Err) {
			have.step = secret.StepAside
		}
	case s.State == hooks.StateSkipped && s.Err != nil:
		have.step = secret.StepGone
	case s.State == hooks.StateSkipped, s.State == hooks.StateDone && s.Name == "verify":
		have.step = secret.StepVerified
	case s.State == hooks.StateDone, s.Name == "verify":
		have.step = secret.StepChanged
	}
	r.steps[k] = have
}

// tally counts the hooks of a rotation by where they are. Those that were
// deleted count as changed and verified: nothing is left to do about them.
type tally struct{ all, changed, verified, failed, aside int }

func (r *rotating) counts() (n tally) {
	for _, s := range r.steps {
		switch s.step {
		case secret.StepChanged:
			n.changed++
		case secret.StepVerified, secret.StepGone:
			n.changed++
			n.verified++
		case secret.StepFailed:
			n.failed++
		case secret.StepAside:
			n.aside++
			continue
		}
		n.all++
	}
	return n
}

// share is how much of the rotation is done, in percent.
func (r *rotating) share() int {
	n := r.counts()
	return (n.changed + n.verified) * 50 / max(1, n.all)
}

// rank is where a hook stands among many: what failed first, then what is set
// aside, what is under way, what waits, and what is done.
func (s hookStep) rank() int {
	switch {
	case s.step == secret.StepFailed:
		return 0
	case s.step == secret.StepAside:
		return 1
	case s.running, s.step == secret.StepChanged:
		return 2
	case s.step == secret.StepVerified, s.step == secret.StepGone:
		return 4
	}
	return 3
}

// ranked are the hooks by repository, or by rank where they are many.
func (r *rotating) ranked() []hookKey {
	many := len(r.steps) > kit.Many
	return slices.SortedFunc(maps.Keys(r.steps), func(a, b hookKey) int {
		if by := r.steps[a].rank() - r.steps[b].rank(); many && by != 0 {
			return by
		}
		return cmp.Or(strings.Compare(a.target.String(), b.target.String()), cmp.Compare(a.id, b.id))
	})
}

// pace says how long the job takes so far and how long it will, "" where that
// is not known yet.
func (r *rotating) pace(now time.Time) string {
	n := r.counts()
	done, all := n.changed+n.verified+2*n.failed, 2*n.all
	taken := now.Sub(r.began)
	if r.began.IsZero() || done-r.before < 4 || taken < 5*time.Second {
		return ""
	}
	left := taken * time.Duration(all-done) / time.Duration(done-r.before)
	return kit.Age(taken) + " so far" + kit.When(left > 5*time.Second, ", about "+kit.Age(left)+" left")
}

// draw is a hook's step as a symbol and words.
func (s hookStep) draw(t *kit.Theme) (symbol, words string, style kit.Painter) {
	why := ""
	if s.err != nil {
		why = whyFailed(kit.Clean(s.err.Error()))
	}
	switch {
	case s.step == secret.StepFailed:
		return t.Sym.Bad, cmp.Or(why, "failed"), t.Bad
	case s.step == secret.StepAside:
		return t.Sym.Warn, "set aside" + kit.When(why != "", ": "+why), t.Warn
	case s.step == secret.StepVerified:
		return t.Sym.OK, "ping verified", t.Good
	case s.step == secret.StepGone:
		return t.Sym.Dash, "deleted at GitHub", t.Faint
	case s.step == secret.StepChanged:
		return t.Sym.Pending, "changed, waiting for a ping", t.Warn
	case s.running:
		return t.Sym.Pending, "changing", t.Warn
	}
	return t.Sym.Pending, "waiting", t.Faint
}

// whyFailed is the reason without "configure hook on owner/name: " and the like,
// which the first column says.
func whyFailed(text string) string {
	if what, why, ok := strings.Cut(text, ": "); ok && strings.Contains(what, " hook") {
		return why
	}
	return text
}

// line says the state of the rotation in a few words; "" if none exists.
func (r *rotating) line(t *kit.Theme) string {
	n := r.counts()
	switch {
	case r.busy():
		return t.Warn.Render(fmt.Sprintf("%s %s: %d/%d hooks verified", t.Sym.Pending, r.doing(), n.verified, n.all))
	case r.now.Open && n.failed > 0:
		return t.Bad.Render(fmt.Sprintf("%s rotation stopped, %d failed", t.Sym.Bad, n.failed)) + "; " + t.Key.Render("r") + " resumes"
	case r.now.Open:
		return t.Warn.Render(t.Sym.Warn+" rotation not finished") + "; " + t.Key.Render("r") + " resumes"
	case len(r.now.Aside) > 0:
		return t.Warn.Render(t.Sym.Warn+" "+text.Count(len(r.now.Aside), "hook")+" set aside") + "; " + t.Key.Render("C") + " tries again"
	case !r.now.UndoUntil.IsZero():
		done, again := "rotated", "undoes"
		if r.undone() {
			done, again = "rotation undone", "rotates again"
		}
		return t.Good.Render(t.Sym.OK+" "+done) + ", " + t.Key.Render("u") + " " + again + " until " + r.now.UndoUntil.Local().Format("15:04")
	}
	return ""
}

func (r *rotating) doing() string {
	switch {
	case r.verb == "finish":
		return "finishing"
	case r.undo():
		return "undoing"
	}
	return "rotating"
}
