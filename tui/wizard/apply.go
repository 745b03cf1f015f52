package wizard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// applyStep does it, step by step, and ends with the proof.
type applyStep struct {
	plain
	job    *progress
	relay  bool // instead of a report
	report fleet.SetupReport
	scroll kit.Scroll
	fresh  bool // nobody has scrolled since the last news
}

// errStopped is the end of what the user interrupted.
var errStopped = errors.New("interrupted: what was done stays, and nothing is done twice")

func (s *applyStep) working() string {
	if s.job != nil && s.job.under {
		return "setting up"
	}
	return ""
}

func (s *applyStep) open() tea.Cmd {
	w, a := s.w, s.w.shell
	s.report, s.err, s.scroll.At, s.fresh, s.relay = fleet.SetupReport{}, nil, 0, true, w.address.relay()
	a.Progress = tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	if s.relay {
		return s.openRelay()
	}
	plan, f, before := w.review.plan, w.cfg.Fleet.With(w.cfg.Log.Value), w.cfg.Setup.relay
	s.job = &progress{under: true}
	var cmd tea.Cmd
	s.job.Job, cmd = kit.Begin(a, func(ctx context.Context, progress func(hooks.Step)) (fleet.SetupReport, error) {
		before.End() // it would bring the same deliveries
		return f.Setup(ctx, plan, progress)
	}, s.stepped, s.ended)
	return cmd
}

func (s *applyStep) update(msg tea.Msg) tea.Cmd { return s.scroll.Turn(msg) }

// stepped takes up what is done just now.
func (s *applyStep) stepped(step hooks.Step) tea.Cmd {
	s.job.took(step)
	done, _ := s.job.done()
	s.w.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, min(99, done*50/max(1, len(s.w.review.plan.Items))))
	return nil
}

// ended takes up what became of the plan.
func (s *applyStep) ended(report fleet.SetupReport, err error) tea.Cmd {
	s.job.under, s.w.shell.Progress = false, nil
	s.report, s.err = report, err
	switch {
	case errors.Is(err, context.Canceled):
		s.err = errStopped
	case err == nil && report.Failed():
		s.err = hooks.ErrIncomplete
	}
	if why := unreached(report.Results); why != nil {
		s.w.at, s.w.scroll.At = stepURL, 0
		return tea.Batch(s.finish(), s.w.address.broken(s.w.review.plan.URL, why))
	}
	return s.finish()
}

// unreached is why no ping arrived, where that is the same for every hook and
// another URL is the answer, else nil.
func unreached(results []hooks.SetupResult) error {
	for _, r := range results {
		if !errors.Is(r.Err, hooks.ErrNotDelivered) && !errors.Is(r.Err, hooks.ErrOtherReceiver) {
			return nil
		}
	}
	if len(results) == 0 {
		return nil
	}
	return results[0].Err
}

// outcome says how many hooks are proved, and why not all.
func (s *applyStep) outcome() string {
	text := fmt.Sprintf("%d of %s proved by a signed ping.", s.report.Verified(), text.Count(len(s.report.Results), "hook"))
	if s.relay {
		text = "GitHub's relay is not open for every repository."
	}
	if !errors.Is(s.err, hooks.ErrIncomplete) {
		text += " " + s.err.Error()
	}
	return text
}

// finish has the pages look again, and forgets the answers once every hook is
// proved.
func (s *applyStep) finish() tea.Cmd {
	w, a := s.w, s.w.shell
	cmds := []tea.Cmd{w.cfg.Done(cmp.Or(w.address.url(), w.cfg.Setup.URL))}
	if s.err == nil {
		w.Over = true
		cmds = append(cmds, w.write(nil))
	}
	if !w.shown() {
		if s.err != nil {
			cmds = append(cmds, a.Warn("setup did not finish; w shows why"))
		} else {
			words := fmt.Sprintf("set up: %s proved by a signed ping", kit.Are(s.report.Verified(), "hook"))
			if s.relay {
				words = "set up: GitHub's relay is open"
			}
			cmds = append(cmds, a.Say(words))
		}
	}
	return tea.Batch(cmds...)
}

func (s *applyStep) next() (bool, tea.Cmd) {
	if s.w.Over {
		s.w.shell.Shut(s.w)
		return false, s.w.shell.GoTo(kit.PageEvents, nil)
	}
	// What failed is planned again; what is done stays done.
	return false, s.w.open(stepReview)
}

func (s *applyStep) label() string {
	if s.w.Over {
		return "to the events"
	}
	return "try again"
}

func (s *applyStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	var foot []string
	switch {
	case s.working() != "":
		_, failed := s.job.done()
		words := fmt.Sprintf("%d of %s proved", s.job.proved(), text.Count(len(s.w.targets()), "hook"))
		if failed > 0 {
			words += fmt.Sprintf(", %d failed", failed)
		}
		if words += "; a ping may take some seconds"; s.relay {
			words = "asking GitHub for a connection"
		}
		foot = append([]string{""}, kit.Hanging(s.w.doing(""), words, w-5)...)
	case s.w.Over:
		if foot = s.proof(w, h); len(foot) >= h {
			return kit.First(foot, h), nil
		}
		foot = append([]string{""}, foot...)
	case s.err != nil && len(s.report.Results) == 0 && !s.relay:
		foot = append([]string{""}, s.w.trouble(s.err, w)...)
	case s.err != nil:
		foot = append([]string{""}, s.w.warning(s.outcome(), w)...)
		if h < 12 {
			break // the footer says what enter does
		}
		other := " goes to the URL: hooks created just now are updated."
		if s.relay {
			other = " chooses a URL or a tunnel instead."
		}
		foot = append(foot, kit.Paragraph("Fix what is named above; "+t.Key.Render("enter")+" tries again and does nothing twice, "+t.Key.Render("u")+other, w)...)
	}
	room := max(1, h-len(foot))
	var steps []string
	if s.job != nil {
		steps = s.job.view(s.w.shell, w)
	}
	if s.working() != "" || s.fresh {
		s.scroll.At, s.fresh = kit.Far, s.working() != "" // what happens, and what failed, is below
	}
	return append(slices.Clip(s.scroll.Window(steps, room)), foot...), nil
}

// register is the line that gives an agent hookctl's tools.
const register = "claude mcp add hookctl -- hookctl mcp"

// proof says that it works, and what happens now: as much as the height h has room for.
func (s *applyStep) proof(w, h int) []string {
	t, print := s.w.shell.Theme, s.w.review.plan.Secret
	works := fmt.Sprintf("It works: pings signed with %s arrived from all %d.", print, len(s.report.Results))
	stays := "The receiver keeps running when you leave."
	if h >= 12 {
		stays += " After that " + t.Key.Render("3") + " shows the hooks, and " + t.Key.Render("r") + " there replaces the secret."
	}
	switch {
	case s.relay:
		works = "It works: GitHub's relay is open for " + kit.Some(s.w.repos.pick.Picked(), 2) + "."
		stays = "The relay is open until you leave hookctl. For longer, " + t.Key.Render("w") + " sets up a tunnel or a URL."
	case len(s.report.Results) == 1:
		works = "It works: a ping signed with " + print + " arrived from " + s.report.Results[0].Target.String() + "."
	}
	out := kit.Flagged(t.Good, t.Sym.OK, works, w)
	out = append(out, kit.Paragraph(t.Key.Render("enter")+" shows the events as they come: push something to see one.", w)...)
	if s.w.cfg.Setup.SaveSync != nil && h >= 12 { // the footer says it too
		out = append(out, kit.Paragraph(t.Key.Render("s")+" has a CI failure become an issue, which a green run closes.", w)...)
	}
	out = append(out, kit.Paragraph(stays, w)...)
	agents := "For an agent: " + t.Key.Render(register)
	if h >= 12 {
		agents += " gives it the tools, and " + t.Key.Render("y") + " copies that line; other programs: hookctl mcp --help."
	}
	return append(out, kit.Paragraph(agents, w)...)
}

func (s *applyStep) actions() []kit.Action {
	out := kit.Arrows("wizard", "", 10, s.scroll.By)
	if s.working() != "" {
		out = append(out, kit.Action{ID: "wizard.cancel", Keys: []string{"ctrl+x"}, Label: "interrupt", Text: "Stop between two calls; what was done stays.", Run: func() tea.Cmd { s.job.Stop(); return nil }})
	}
	if s.w.Over {
		out = append(out, kit.Action{ID: "wizard.register", Keys: []string{"y"}, Label: "copy line", Text: "Copy the line that gives an agent hookctl's tools.", Command: "hookctl mcp --help", Run: func() tea.Cmd { return s.w.shell.Copy("the line for an agent", register) }})
	}
	if s.w.Over && s.w.cfg.Setup.SaveSync != nil {
		out = append(out, kit.Action{ID: "wizard.sync", Keys: []string{"s"}, Label: "issues for failures", Text: "Turn CI failures into issues: project sync.", Command: "hookctl config edit", Run: func() tea.Cmd { return s.w.open(stepSync) }})
	}
	if s.err != nil && s.working() == "" {
		out = append(out, kit.Action{ID: "wizard.url", Keys: []string{"u"}, Label: "another URL", Text: "Choose another URL; hooks that were created just now are updated.", Command: s.w.command(), Run: func() tea.Cmd { return s.w.open(stepURL) }})
	}
	return out
}
