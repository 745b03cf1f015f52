package wizard

import (
	"slices"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// progress is a setup at work, with its steps so far.
type progress struct {
	*kit.Job
	shown []hooks.Step // one for each target and name, in the order they began
	under bool         // hooks are being set up just now; a relay's job goes on after that
}

// took puts a step on the list.
func (j *progress) took(s hooks.Step) {
	if i := slices.IndexFunc(j.shown, func(have hooks.Step) bool { return have.Target == s.Target && have.Name == s.Name }); i >= 0 {
		j.shown[i] = s
	} else {
		j.shown = append(j.shown, s)
	}
}

// done counts the steps that are over.
func (j *progress) done() (done, failed int) {
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
func (j *progress) proved() (n int) {
	for _, s := range j.shown {
		if s.Name == "verify" && s.State == hooks.StateDone {
			n++
		}
	}
	return n
}

// view draws the steps, each with its own state.
func (j *progress) view(sh *kit.Shell, w int) []string {
	t, wide := sh.Theme, 0
	for _, s := range j.shown {
		wide = max(wide, kit.Width(s.Target.String()))
	}
	wide = min(wide, max(w/3, w-34)) // the words behind it are at most that long, most of them
	failed := map[hooks.Target]bool{}
	for _, s := range j.shown {
		failed[s.Target] = failed[s.Target] || s.State == hooks.StateFailed
	}
	var shown []hooks.Step
	for _, last := range []bool{false, true} { // what failed is last, beside what to do about it
		for _, s := range j.shown {
			if failed[s.Target] == last {
				shown = append(shown, s)
			}
		}
	}
	var out []string
	for _, s := range shown {
		mark, style := t.Sym.Pending, t.Warn
		switch s.State {
		case hooks.StateDone:
			mark, style = t.Sym.OK, t.Good
		case hooks.StateFailed:
			mark, style = t.Sym.Bad, t.Bad
		case hooks.StateSkipped:
			mark, style = t.Sym.Dash, t.Faint
		}
		line := " " + style.Render(mark) + " "
		if wide > 0 {
			line += kit.FitLine(t.Middle(text.Clean(s.Target.String()), wide), wide) + "  "
		}
		line += stepWords(s)
		out = append(out, t.Cut(line, w))
		if s.Err == nil {
			continue
		}
		for _, l := range kit.Folded(text.Clean(s.Err.Error()), max(1, w-6)) {
			out = append(out, "     "+t.Bad.Render(l))
		}
		if cure := sh.Cure(s.Err); cure != "" {
			out = append(out, kit.Hanging("     ", "hint: "+text.Clean(cure), w-6)...)
		}
	}
	return out
}

// stepWords says what a step of a setup does, or did.
func stepWords(s hooks.Step) string {
	words := map[string][3]string{ // running, done, failed
		"create hook":    {"creating the hook", "hook created", "the hook could not be created"},
		"edit hook":      {"changing the hook", "hook changed", "the hook could not be changed"},
		"configure hook": {"changing the hook", "hook changed", "the hook could not be changed"},
		"set secret":     {"giving it the secret", "it has the secret", "it could not be given the secret"},
		"verify":         {"waiting for a signed ping", "a signed ping arrived", "no signed ping arrived"},
		relayStep:        {"opening GitHub's relay", "GitHub's relay is open", "GitHub's relay is not open"},
		"look at hooks":  {"looking at its hooks", "looked at its hooks", "its hooks could not be listed"},
	}
	w, known := words[s.Name]
	switch {
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
