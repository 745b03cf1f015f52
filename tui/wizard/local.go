package wizard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/tui/kit"
)

// eventsStep chooses the events.
type eventsStep struct {
	pickStep
	first []string // what is chosen at first
	orgs  bool
}

func newEventsStep(w *Wizard) *eventsStep {
	s := &eventsStep{pickStep: pickStep{plain: plain{w: w}, pick: kit.NewPicker(w.shell.Theme, "type to search the events", 26)}}
	chosen := w.cfg.Setup.Events
	if len(chosen) == 0 {
		chosen = hooks.DefaultEvents()
	}
	for _, e := range chosen {
		s.pick.On[e] = true
	}
	s.pick.Set(EventItems(false))
	s.first = s.pick.Picked()
	return s
}

// asked are the events that every hook is to have. Nil, where the choice was
// left as it is, keeps those of hooks that are there; new ones get the usual.
func (s *eventsStep) asked() []string {
	if picked := s.pick.Picked(); !slices.Equal(picked, s.first) {
		return picked
	}
	return nil
}

// open offers the events of organizations where only those are chosen.
func (s *eventsStep) open() tea.Cmd {
	targets := s.w.targets()
	orgs := len(targets) > 0 && !slices.ContainsFunc(targets, func(t hooks.Target) bool { return !t.IsOrg() })
	if orgs != s.orgs {
		s.orgs = orgs
		s.pick.Set(EventItems(orgs))
	}
	return nil
}

func (s *eventsStep) next() (bool, tea.Cmd) {
	if len(s.pick.Picked()) == 0 {
		return false, s.w.shell.Warn("choose at least one event with space")
	}
	return s.leave()
}

func (s *eventsStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("Which events? The chosen five can notify an agent; others are recorded too. Hooks that are there keep their events unless you change this.", "Which events? space chooses.", w, h)
	picked := s.pick.Picked()
	foot := fmt.Sprintf(" %s %d chosen: %s", t.Good.Render(t.Sym.OK), len(picked), strings.Join(picked, ", "))
	if len(picked) == 0 {
		foot = t.Warn.Render(" " + t.Sym.Warn + " none chosen")
	}
	return s.list(out, foot, w, h)
}

// secretStep shows the secret in use, or a new one that is saved later.
type secretStep struct {
	plain
}

func (s *secretStep) open() tea.Cmd {
	if s.w.value == "" || s.err != nil {
		return s.find()
	}
	return nil
}

// find reads the secret in use; if none exists it generates one.
func (s *secretStep) find() tea.Cmd {
	if s.busy != "" {
		return nil
	}
	s.busy = "looking for the secret"
	store, have := s.w.cfg.Store, s.w.value
	var origin secret.Origin
	return kit.Ask(s.w.shell, func(context.Context) (value string, err error) {
		value, origin, err = store.ForHooks()
		if err == nil && value == "" {
			if value = have; value == "" {
				value, err = secret.Generate()
			}
		}
		return value, err
	}, func(value string, err error) tea.Cmd { return s.found(value, origin, err) })
}

func (s *secretStep) found(value string, origin secret.Origin, err error) tea.Cmd {
	s.busy, s.err = "", err
	s.w.value, s.w.origin = value, origin
	return nil
}

func (s *secretStep) next() (bool, tea.Cmd) {
	var open *secret.PermissionError
	switch {
	case errors.As(s.err, &open):
		return false, s.close(open.Path)
	case s.err != nil || s.w.value == "":
		return false, s.find()
	}
	return true, nil
}

// close makes the file private to its owner, and reads it again.
func (s *secretStep) close(file string) tea.Cmd {
	s.busy = "looking for the secret"
	return kit.Try(s.w.shell, func(context.Context) error { return os.Chmod(file, 0o600) }, func(err error) tea.Cmd {
		if err != nil {
			return s.found("", "", err)
		}
		s.busy = ""
		return s.find()
	})
}

func (s *secretStep) label() string {
	var open *secret.PermissionError
	if errors.As(s.err, &open) {
		return "make it private"
	}
	return s.plain.label()
}

func (s *secretStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("GitHub signs every delivery with a secret that only it and the receiver know; the receiver refuses what is not signed.",
		"The secret that GitHub signs with", w, h)
	print := t.Bold.Render(secret.Fingerprint(s.w.value))
	switch {
	case s.busy != "":
		out = append(out, s.w.doing(s.busy))
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
		if open := new(secret.PermissionError); errors.As(s.err, &open) {
			out = append(out, kit.Paragraph(t.Key.Render("enter")+" does that for you.", w)...)
		}
	case s.w.origin == secret.FromNowhere:
		out = append(out, s.w.good("a new secret is generated: 32 random bytes, fingerprint "+print, w)...)
		out = append(out, kit.Paragraph("It is stored in .env, readable by you alone, and never shown. r on the Hooks page replaces it at any time without losing a delivery.", w)...)
	case s.w.origin == secret.FromEnvironment:
		out = append(out, s.w.good("the secret "+print+" of the variable "+secret.Variable+" is used", w)...)
		out = append(out, s.w.warning("hookctl cannot rotate a secret that the environment sets; one in .env it can.", w)...)
	default:
		out = append(out, s.w.good("the secret "+print+" of .env is used", w)...)
		out = append(out, kit.Paragraph("Your other hooks keep working. r on the Hooks page replaces it at any time without losing a delivery.", w)...)
	}
	return out, nil
}

// EventItems is the catalogue of events as lines to choose; org adds those
// that only hooks of organizations have.
func EventItems(org bool) []kit.Choice {
	var first, rest []kit.Choice
	for _, e := range hooks.Events() {
		if e.OrgOnly && !org || e.Name == "ping" {
			continue
		}
		it := kit.Choice{ID: e.Name, Right: e.Sentence}
		if e.Default {
			first = append(first, it)
		} else {
			rest = append(rest, it)
		}
	}
	return append(first, rest...)
}
