package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// job is long work with steps: setting hooks up, or rotating a secret. The
// work runs in a command and tells its steps through a channel; cancel ends it
// between two calls, and app.close waits for it.
type job struct {
	ctx   context.Context
	stop  context.CancelFunc
	steps chan hooks.Step
	shown []hooks.Step // one for each target and name, in the order they began
	over  bool
}

// stepped is a step of a job.
type stepped struct {
	of   *job
	step hooks.Step
}

// begin starts work. Its message must say that the job is over.
func (a *app) begin(work func(ctx context.Context, progress func(hooks.Step)) tea.Msg) (*job, tea.Cmd) {
	j := &job{steps: make(chan hooks.Step)}
	j.ctx, j.stop = context.WithCancel(a.ctx)
	return j, tea.Batch(j.listen, func() tea.Msg {
		defer close(j.steps)
		if !a.jobs.begin() {
			return nil
		}
		defer a.jobs.end()
		return work(j.ctx, func(s hooks.Step) {
			select {
			case j.steps <- s:
			case <-a.ctx.Done(): // nobody looks any more
			}
		})
	})
}

func (j *job) listen() tea.Msg {
	if s, ok := <-j.steps; ok {
		return stepped{j, s}
	}
	return nil
}

// took puts a step on the list and asks for the next.
func (j *job) took(s hooks.Step) tea.Cmd {
	for i, have := range j.shown {
		if have.Target == s.Target && have.Name == s.Name {
			j.shown[i] = s
			return j.listen
		}
	}
	j.shown = append(j.shown, s)
	return j.listen
}

// done counts the steps that are over.
func (j *job) done() (done, failed int) {
	for _, s := range j.shown {
		switch s.State {
		case hooks.StateFailed:
			failed++
			done++
		case hooks.StateDone, hooks.StateSkipped:
			done++
		}
	}
	return done, failed
}

// proved counts the targets of which a signed ping arrived.
func (j *job) proved() (n int) {
	for _, s := range j.shown {
		if s.Name == "verify" && s.State == hooks.StateDone {
			n++
		}
	}
	return n
}

// view draws the last steps that fit, each with its own state.
func (j *job) view(t *theme, w, h int) []string {
	wide := 0
	for _, s := range j.shown {
		wide = max(wide, width(s.Target.String()))
	}
	wide = min(wide, max(w/3, w-34)) // the words behind it are at most that long, most of them
	failed := map[hooks.Target]bool{}
	for _, s := range j.shown {
		failed[s.Target] = failed[s.Target] || s.State == hooks.StateFailed
	}
	shown := slices.Clone(j.shown)
	slices.SortStableFunc(shown, func(a, b hooks.Step) int { // what failed is last, beside what to do about it
		switch {
		case failed[a.Target] == failed[b.Target]:
			return 0
		case failed[a.Target]:
			return 1
		}
		return -1
	})
	var out []string
	for _, s := range shown {
		mark, style := t.sym.pending, t.warn
		switch s.State {
		case hooks.StateDone:
			mark, style = t.sym.ok, t.good
		case hooks.StateFailed:
			mark, style = t.sym.bad, t.bad
		case hooks.StateSkipped:
			mark, style = t.sym.dash, t.faint
		}
		line := " " + style.Render(mark) + " "
		if wide > 0 {
			line += fitLine(t.middle(text.Clean(s.Target.String()), wide), wide) + "  "
		}
		line += stepWords(s)
		out = append(out, t.cut(line, w))
		if s.Err == nil {
			continue
		}
		for _, l := range folded(text.Clean(s.Err.Error()), max(1, w-6)) {
			out = append(out, "     "+t.bad.Render(l))
		}
		if cure := cureFor(s.Err); cure != "" {
			for _, l := range folded("hint: "+text.Clean(cure), max(1, w-6)) {
				out = append(out, "     "+l)
			}
		}
	}
	if h > 0 && len(out) > h {
		out = append([]string{t.faint.Render(" " + t.sym.up + strings.Repeat(" ", 2) + "earlier steps")}, out[len(out)-h+1:]...)
	}
	return out
}

// stepWords says what a step of a setup or a rotation does, or did.
func stepWords(s hooks.Step) string {
	words := map[string][3]string{ // running, done, failed
		"create hook":    {"making the hook", "hook made", "the hook could not be made"},
		"edit hook":      {"changing the hook", "hook changed", "the hook could not be changed"},
		"configure hook": {"changing the hook", "hook changed", "the hook could not be changed"},
		"set secret":     {"giving it the secret", "it has the secret", "it could not be given the secret"},
		"verify":         {"waiting for a signed ping", "a signed ping arrived", "no signed ping arrived"},
		"accept secrets": {"telling the receiver of the secrets", "the receiver accepts what GitHub signs with", "the receiver does not accept what GitHub signs with"},
		"promote":        {"making the new secret the current one", "the new secret is the current one", "the new secret could not be made the current one"},
		"look at hooks":  {"looking at its hooks", "looked at its hooks", "its hooks could not be listed"},
	}
	w, known := words[s.Name]
	switch {
	case s.State == hooks.StateSkipped && errors.Is(s.Err, hooks.ErrHookNotFound):
		return "the hook was deleted meanwhile"
	case s.State == hooks.StateSkipped && s.Detail != "":
		return text.Clean(s.Detail)
	case !known:
		return text.Clean(s.Name + " " + s.Detail)
	case s.State == hooks.StateFailed:
		return w[2]
	case s.State == hooks.StateRunning:
		return w[0]
	}
	return w[1]
}
