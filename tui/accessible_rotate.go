package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// rotateLines are the commands about the secret.
func rotateLines() []lineCommand {
	return []lineCommand{
		{name: "rotate", args: "[N…|all]", text: "Give every hook of this receiver a new secret, losing no delivery; with numbers, each of those one of its own.", does: []string{"hook.rotate", "rotation.stop"}, asks: true, run: (*lineMode).rotate},
		{name: "undo", text: "Undo the rotation while its grace period lasts: every hook gets its old secret back.", does: []string{"hook.undo"}, asks: true, run: func(m *lineMode, ctx context.Context, _ string) error { return m.undoRotation(ctx) }},
		{name: "finish", text: "End a rotation now: give up on hooks that failed, or on the rest of the grace period.", does: []string{"rotation.finish"}, asks: true, run: func(m *lineMode, ctx context.Context, _ string) error { return m.finishRotation(ctx) }},
	}
}

// rotate asks for a rotation and does it. Its further words are those of
// hookctl rotate: resume, undo and finish.
func (m *lineMode) rotate(ctx context.Context, rest string) error {
	switch strings.TrimLeft(rest, "-") {
	case "resume":
		return m.resumeRotation(ctx)
	case "undo":
		return m.undoRotation(ctx)
	case "finish":
		return m.finishRotation(ctx)
	case "", "all":
		rest = "all"
	}
	if r := m.rotation(); r != nil && r.Promoted.IsZero() {
		return &hint{errors.New("a rotation is not finished"), "resume goes on with it, undo takes it back, finish gives up on what failed"}
	}
	if err := m.receives(ctx); err != nil {
		return err
	}
	if rest != "all" && len(m.rows) > 0 { // the numbers are those that were heard
		list, err := m.chosen(ctx, "rotate", rest)
		if err != nil {
			return err
		}
		rest = ""
		for _, r := range list {
			rest += fmt.Sprintf("%d ", r.ID)
		}
	}
	m.say("Asking GitHub for the hooks.")
	if err := m.work(ctx, func(ctx context.Context) error { return m.load(ctx, false) }); err != nil {
		return err
	}
	list, err := m.chosen(ctx, "rotate", rest)
	if err != nil {
		return err
	}
	mine := m.mine()
	// The shared secret cannot change for some hooks only: what the others sign
	// would be refused after the grace period.
	some := rest != "all" && len(list) < len(mine)
	if !some {
		for _, err := range m.broken {
			if !errors.Is(err, hooks.ErrNotFound) {
				return &hint{fmt.Errorf("not every hook could be listed, and the others would keep the old secret: %w", err), cureFor(err)}
			}
		}
	}
	switch {
	case len(list) == 0:
		return &hint{errors.New("no hook delivers to this receiver"), "setup makes one"}
	case some:
		m.say("Each of these gets a secret of its own, because other hooks share theirs:")
	default:
		m.say("These get a new secret:")
	}
	chosen := make([]hooks.Hook, len(list))
	for i, r := range list {
		chosen[i] = r.Hook
		m.sayf("%s, hook %d", r.Target, r.ID)
	}
	m.say("The receiver accepts old and new until every hook has proved the new one, and an hour longer. Nothing is lost, and undo takes it back.")
	if yes, err := m.confirm(ctx, "Change the secret of "+text.Count(len(list), "hook")+"?", true); err != nil || !yes {
		return orCancelled(err)
	}
	return m.turn(ctx, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) {
		r.PerHook = r.PerHook || some
		return r.Rotate(ctx, chosen, hooks.DefaultGrace)
	})
}

// receives makes sure that the receiver runs, since it has to accept both
// secrets before a hook is touched.
func (m *lineMode) receives(ctx context.Context) error {
	if _, err := daemon.Dial(m.cfg.Home).Status(ctx); err != nil {
		return &hint{fmt.Errorf("the receiver has to accept both secrets: %w", err), "type start"}
	}
	return nil
}

// orCancelled is the error of a question, or that its answer was no.
func orCancelled(err error) error {
	if err == nil {
		return errCancelled
	}
	return err
}

// stored is the rotation that there is, or an error that says that there is none.
func (m *lineMode) stored() (*secret.Rotation, error) {
	r, err := m.cfg.Store.Rotation()
	if err == nil && r == nil {
		err = hooks.ErrNoRotation
	}
	return r, err
}

func (m *lineMode) resumeRotation(ctx context.Context) error {
	r, err := m.stored()
	if err != nil {
		return err
	}
	if !r.Promoted.IsZero() && hooks.Result(r).Complete {
		m.say("The rotation is finished already.")
		return nil
	}
	m.sayf("Going on with the rotation of %s.", text.Count(len(r.Hooks), "hook"))
	return m.turn(ctx, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Resume(ctx) })
}

func (m *lineMode) undoRotation(ctx context.Context) error {
	r, err := m.stored()
	if err != nil {
		return err
	}
	if yes, err := m.confirm(ctx, "Give "+text.Count(len(r.Hooks), "hook")+" the old secret back?", true); err != nil || !yes {
		return orCancelled(err)
	}
	return m.turn(ctx, func(ctx context.Context, r *hooks.Rotator) (hooks.RotateResult, error) { return r.Undo(ctx) })
}

func (m *lineMode) finishRotation(ctx context.Context) error {
	r, err := m.stored()
	if err != nil {
		return err
	}
	question := "Refuse the old secret from now on?"
	if r.Promoted.IsZero() {
		question = "Make the new secret the current one without the hooks that failed? They have the grace period to be mended."
	}
	if yes, err := m.confirm(ctx, question, false); err != nil || !yes {
		return orCancelled(err)
	}
	return m.turn(ctx, func(ctx context.Context, rotator *hooks.Rotator) (hooks.RotateResult, error) {
		result, err := rotator.Finish(ctx)
		if !r.Promoted.IsZero() {
			result.Expires = time.Time{} // it is over now
		}
		return result, err
	})
}

// turn does one of the Rotator's works, a line for each step, and says the result.
func (m *lineMode) turn(ctx context.Context, do func(context.Context, *hooks.Rotator) (hooks.RotateResult, error)) error {
	client, err := m.atGitHub()
	if err != nil {
		return err
	}
	var result hooks.RotateResult
	err = m.work(ctx, func(ctx context.Context) error {
		r := m.cfg.rotator(client, m.log)
		r.Progress = m.progress()
		result, err = do(ctx, r)
		return err
	})
	if errors.Is(err, hooks.ErrUnfinished) {
		failed := 0
		for _, h := range result.Hooks {
			if h.Status == "failed" {
				failed++
			}
		}
		return &hint{fmt.Errorf("the rotation is not finished: %d of %s failed; both secrets are accepted, and nothing is lost", failed, text.Count(len(result.Hooks), "hook")),
			"resume goes on with it, undo takes it back, finish gives up on what failed"}
	}
	if err != nil {
		m.tellRotation()
		return err
	}
	m.say(rotationOutcome(result))
	return nil
}

// rotationOutcome says what a rotation came to.
func rotationOutcome(r hooks.RotateResult) string {
	done, failed, gone := tally(r)
	s := "Done: " + are(done, "hook") + " signed with "
	switch {
	case r.New == "":
		s += "new secrets of their own"
	case r.Undo:
		s += r.New + " again"
	default:
		s += "the new secret " + r.New
	}
	if gone > 0 {
		s += ", " + text.Count(gone, "hook") + " deleted meanwhile"
	}
	if failed > 0 {
		s += ", " + text.Count(failed, "hook") + " given up for now; resume tries them again"
	}
	if r.Expires.IsZero() {
		s += ". The other secret is refused"
	} else {
		s += ". The other secret is accepted until " + r.Expires.Local().Format("15:04")
		if !r.Undo {
			s += "; undo takes it back until then"
		}
	}
	return s + "."
}

// progress says each step of setting up or rotating once. Of what begins only
// the waiting is said: the rest is over before it is heard.
func (m *lineMode) progress() func(hooks.Step) {
	said := map[string]bool{}
	return func(s hooks.Step) {
		if s.State == hooks.StateRunning && s.Name != "verify" || s.State == hooks.StateFailed && s.Target == (hooks.Target{}) {
			return // what fails as a whole is the error in the end
		}
		line := capital(stepWords(s))
		switch {
		case s.HookID != 0:
			line = fmt.Sprintf("%s, hook %d: %s", s.Target, s.HookID, stepWords(s))
		case s.Target != (hooks.Target{}):
			line = s.Target.String() + ": " + stepWords(s)
		}
		if s.Err != nil && s.State == hooks.StateFailed {
			line += ": " + s.Err.Error()
		}
		if said[line] {
			return
		}
		said[line] = true
		m.say(line + ".")
		if cure := cureFor(s.Err); s.State == hooks.StateFailed && cure != "" {
			m.say("hint: " + cure)
		}
	}
}
