package wizard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// reviewStep shows what will be done at GitHub, in words and as gh lines.
type reviewStep struct {
	w      *Wizard
	gen    int
	busy   bool
	err    error
	plan   fleet.SetupPlan
	ready  bool
	scroll int
	most   int
}

type planned struct {
	of   *Wizard
	gen  int
	plan fleet.SetupPlan
	err  error
}

func (s *reviewStep) name() string { return "Review" }

// open looks at what is there, every time: it may have changed.
func (s *reviewStep) open() tea.Cmd {
	s.gen++
	s.busy, s.ready, s.err, s.scroll = true, false, nil, 0
	w, gen, ctx, f, request := s.w, s.gen, s.w.shell.Ctx, s.w.cfg.Fleet, s.w.request()
	return func() tea.Msg {
		plan, err := f.PlanSetup(ctx, request)
		return planned{w, gen, plan, err}
	}
}

func (s *reviewStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case planned:
		if msg.of == s.w && msg.gen == s.gen {
			s.busy, s.plan, s.err, s.ready = false, msg.plan, msg.err, msg.err == nil
		}
	case kit.Wheel:
		s.move(msg.Lines)
	}
	return nil
}

func (s *reviewStep) move(by int) { s.scroll = max(0, min(s.most, s.scroll+by)) }

func (s *reviewStep) next() (bool, tea.Cmd) {
	switch {
	case s.busy:
		return false, nil
	case !s.ready || !s.plan.Able():
		return false, s.open()
	}
	return true, nil
}

func (s *reviewStep) label() string {
	switch {
	case s.busy:
		return "wait"
	case !s.ready || !s.plan.Able():
		return "look again"
	}
	return "set up now"
}

func (s *reviewStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	if s.busy {
		return []string{s.w.doing("looking at the hooks that are there")}, nil
	}
	if s.err != nil {
		return s.w.trouble(s.err, w), nil
	}
	var out []string
	for _, n := range s.plan.Warnings {
		out = append(out, s.w.warning(n.Text, w)...)
	}
	for _, failed := range []bool{false, true} { // what can be done comes first
		for _, i := range s.plan.Items {
			if (i.Action == hooks.ActionFail) == failed {
				out = append(out, s.item(i, w)...)
			}
		}
		if !failed {
			out = append(out, kit.Flagged(t.Text, " ", s.delivers(), w)...)
		}
	}
	out = append(out, "", t.Cut(" "+t.Title.Render("The same by hand")+t.Faint.Render("; the secret is in $"+secret.Variable), w))
	for _, c := range s.plan.Calls() {
		for _, l := range callLines(c, w-4) {
			out = append(out, t.Faint.Render(t.Cut("  "+l, w)))
		}
	}
	room := max(1, h-2)
	s.most = max(0, len(out)-room)
	s.move(0)
	head := t.Cut(" Nothing is changed at GitHub yet. "+t.Key.Render("enter")+" does this:"+t.Faint.Render(s.tally()), w)
	shown := append([]string{head}, out[s.scroll:min(len(out), s.scroll+room)]...)
	if s.most > s.scroll {
		shown = append(shown, t.Faint.Render(t.Cut(" "+t.Sym.Down+" "+text.Count(s.most-s.scroll, "more line"), w)))
	}
	return shown, nil
}

// delivers says where the hooks send to, and for which events where all have
// the same.
func (s *reviewStep) delivers() string {
	words := "delivering to " + text.Clean(s.plan.URL)
	var events []string
	for _, i := range s.plan.Items {
		switch {
		case i.Action == hooks.ActionFail:
		case events == nil:
			events = i.Events
		case !slices.Equal(events, i.Events):
			return words
		}
	}
	if len(events) == 0 {
		return words
	}
	return words + " for " + text.Clean(strings.Join(events, ", "))
}

// tally counts what is done where there are many to do it to, "" for few.
func (s *reviewStep) tally() string {
	if len(s.plan.Items) <= kit.Many {
		return ""
	}
	counts := map[string]int{}
	for _, i := range s.plan.Items {
		counts[i.Action]++
	}
	var parts []string
	for _, a := range [][2]string{{hooks.ActionCreate, "create"}, {hooks.ActionUpdate, "change"}, {hooks.ActionKeep, "keep"}, {hooks.ActionFail, "cannot"}} {
		if n := counts[a[0]]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", a[1], n))
		}
	}
	return " " + strings.Join(parts, ", ")
}

// item is one repository's part of the plan.
func (s *reviewStep) item(i hooks.SetupItem, w int) []string {
	t := s.w.shell.Theme
	name := t.Bold.Render(i.Target.String())
	var out []string
	switch i.Action {
	case hooks.ActionCreate:
		out = append(out, " "+t.Good.Render("create")+"  "+name)
	case hooks.ActionUpdate:
		out = append(out, " "+t.Warn.Render("change")+"  "+name+fmt.Sprintf(": hook %d", i.HookID))
	case hooks.ActionKeep:
		out = append(out, " "+t.Faint.Render("keep  ")+"  "+name+fmt.Sprintf(": hook %d stays as it is, and is pinged", i.HookID))
	case hooks.ActionFail:
		out = append(out, " "+t.Bad.Render("cannot")+"  "+name)
		out = append(out, s.w.trouble(i.Err, w)...)
	}
	for _, c := range i.Changes {
		out = append(out, "           "+t.Faint.Render(text.Clean(c.Field+": "+c.From+" becomes "+c.To)))
	}
	for _, n := range i.Warnings {
		out = append(out, s.w.warning(n.Text, w)...)
	}
	for k := range out {
		out[k] = t.Cut(out[k], w)
	}
	return out
}

func (s *reviewStep) actions() []kit.Action {
	return append(kit.Arrows("wizard", "scroll", 10, func(by int) tea.Cmd { s.move(by); return nil }),
		kit.Action{ID: "wizard.copy", Keys: []string{"y"}, Label: "copy", Text: "Copy the gh lines.", Run: func() tea.Cmd { return s.w.shell.Copy("the gh lines", strings.Join(s.plan.Calls(), "\n")) }})
}

// applyStep does it, step by step, and ends with the proof.
type applyStep struct {
	w      *Wizard
	job    *progress
	report fleet.SetupReport
	err    error
	scroll int
	most   int
	fresh  bool // nobody has scrolled since the last news
}

type applied struct {
	of     *Wizard
	job    *kit.Job[hooks.Step]
	report fleet.SetupReport
	err    error
}

// busy reports whether hooks are being set up just now.
func (s *applyStep) busy() bool { return s.job != nil && s.job.Busy() }

func (s *applyStep) name() string { return "Proof" }

func (s *applyStep) open() tea.Cmd { return s.run() }

func (s *applyStep) run() tea.Cmd {
	w, a := s.w, s.w.shell
	s.report, s.err, s.scroll, s.fresh = fleet.SetupReport{}, nil, 0, true
	a.Progress = tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	plan, f := w.review.plan, w.cfg.Fleet.With(w.cfg.Log.Value)
	var job *kit.Job[hooks.Step]
	var cmd tea.Cmd
	job, cmd = kit.Begin(a, func(ctx context.Context, progress func(hooks.Step)) tea.Msg {
		report, err := f.Setup(ctx, plan, progress)
		return applied{w, job, report, err}
	})
	s.job = &progress{Job: job}
	return cmd
}

func (s *applyStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Stepped[hooks.Step]:
		if s.job != nil && msg.Of == s.job.Job {
			if s.busy() {
				done, _ := s.job.done()
				s.w.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, min(99, done*50/max(1, len(s.w.review.plan.Items))))
			}
			return s.job.took(msg.Step)
		}
	case applied:
		if msg.of != s.w || s.job == nil || msg.job != s.job.Job {
			return nil
		}
		s.job.Over = true
		s.w.shell.Progress = nil
		s.report, s.err = msg.report, msg.err
		switch {
		case errors.Is(msg.err, context.Canceled):
			s.err = errors.New("interrupted: what was done stays, and nothing is done twice")
		case msg.err == nil && msg.report.Failed():
			s.err = hooks.ErrIncomplete
		}
		return s.finish()
	case kit.Wheel:
		s.move(msg.Lines)
	}
	return nil
}

func (s *applyStep) move(by int) { s.scroll = max(0, min(s.most, s.scroll+by)) }

// outcome says how many hooks are proved, and why not all.
func (s *applyStep) outcome() string {
	text := fmt.Sprintf("%d of %s proved by a signed ping.", s.report.Verified(), text.Count(len(s.report.Results), "hook"))
	if !errors.Is(s.err, hooks.ErrIncomplete) {
		text += " " + s.err.Error()
	}
	return text
}

// finish has the pages look again, and forgets the answers once every hook is
// proved.
func (s *applyStep) finish() tea.Cmd {
	w, a := s.w, s.w.shell
	cmds := []tea.Cmd{w.cfg.Done(w.address.url())}
	if s.err == nil {
		w.Over = true
		cmds = append(cmds, w.write(nil))
	}
	if !w.shown() {
		if s.err != nil {
			cmds = append(cmds, a.Warn("setting up did not finish; w shows why"))
		} else {
			cmds = append(cmds, a.Say(fmt.Sprintf("set up: %s proved by a signed ping", kit.Are(s.report.Verified(), "hook"))))
		}
	}
	return tea.Batch(cmds...)
}

func (s *applyStep) next() (bool, tea.Cmd) {
	a := s.w.shell
	switch {
	case s.busy():
		return false, nil
	case s.w.Over:
		a.Shut(s.w)
		return false, a.GoTo(kit.PageEvents, nil)
	}
	// What failed is planned again; what is done stays done.
	s.w.at = stepReview
	return false, s.w.steps[stepReview].open()
}

func (s *applyStep) label() string {
	switch {
	case s.busy():
		return "wait"
	case s.w.Over:
		return "to the events"
	}
	return "try again"
}

func (s *applyStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	var foot []string
	switch {
	case s.busy():
		_, failed := s.job.done()
		text := fmt.Sprintf("%d of %s proved", s.job.proved(), text.Count(len(s.w.targets()), "hook"))
		if failed > 0 {
			text += fmt.Sprintf(", %d failed", failed)
		}
		foot = []string{"", s.w.doing(text + "; a ping may take some seconds")}
	case s.w.Over:
		foot = append([]string{""}, s.proof(w, h)...)
	case s.err != nil && len(s.report.Results) == 0:
		foot = append([]string{""}, s.w.trouble(s.err, w)...)
	case s.err != nil:
		foot = append([]string{""}, s.w.warning(s.outcome(), w)...)
		if h < 12 {
			break // the footer says what enter does
		}
		foot = append(foot, kit.Paragraph("Fix what is named above; "+t.Key.Render("enter")+" tries again and does nothing twice, "+t.Key.Render("u")+" goes to the URL: hooks created just now are updated.", w)...)
	}
	room := max(1, h-len(foot))
	var steps []string
	if s.job != nil {
		steps = s.job.view(s.w.shell, w, 0)
	}
	s.most = max(0, len(steps)-room)
	if s.busy() || s.fresh {
		s.scroll, s.fresh = s.most, s.busy() // what happens, and what failed, is below
	}
	s.move(0)
	return append(steps[s.scroll:min(len(steps), s.scroll+room)], foot...), nil
}

// proof says that it works, and what to do next: as much as the height h has room for.
func (s *applyStep) proof(w, h int) []string {
	t := s.w.shell.Theme
	print := s.w.review.plan.Secret
	text := "It works: a ping signed with " + print + " arrived from " + s.report.Results[0].Target.String() + "."
	if n := len(s.report.Results); n > 1 {
		text = fmt.Sprintf("It works: pings signed with %s arrived from all %d.", print, n)
	}
	out := []string{t.Good.Bold(true).Render(t.Cut(" "+t.Sym.OK+" "+text, w))}
	out = append(out, kit.Paragraph(t.Key.Render("enter")+" shows the events as they come: push something to see one.", w)...)
	if s.w.cfg.Setup.SaveSync != nil {
		out = append(out, kit.Paragraph(t.Key.Render("s")+" has a CI failure become an issue, which a green run closes.", w)...)
	}
	out = append(out, kit.Paragraph("The receiver keeps running when you leave. After that "+t.Key.Render("3")+" shows the hooks, and "+t.Key.Render("r")+" there replaces the secret.", w)...)
	if h < 12 {
		return out
	}
	return append(out, kit.Paragraph("For an agent, register the tools: "+t.Key.Render("claude mcp add hookctl -- hookctl mcp")+"; other programs: hookctl mcp --help.", w)...)
}

func (s *applyStep) actions() []kit.Action {
	out := kit.Arrows("wizard", "", 10, func(by int) tea.Cmd { s.move(by); return nil })
	if s.busy() {
		out = append(out, kit.Action{ID: "wizard.cancel", Keys: []string{"ctrl+x"}, Label: "interrupt", Text: "Stop between two calls; what was done stays.", Run: func() tea.Cmd { s.job.Stop(); return nil }})
	}
	if s.w.Over && s.w.cfg.Setup.SaveSync != nil {
		out = append(out, kit.Action{ID: "wizard.sync", Keys: []string{"s"}, Label: "issues for failures", Text: "Have a CI failure become an issue: project sync.", Command: "hookctl config edit", Run: func() tea.Cmd {
			s.w.at = stepSync
			return s.w.steps[stepSync].open()
		}})
	}
	if s.err != nil && !s.busy() {
		out = append(out, kit.Action{ID: "wizard.url", Keys: []string{"u"}, Label: "another URL", Text: "Choose another URL; hooks that were created just now are updated.", Command: s.w.command(), Run: func() tea.Cmd {
			s.w.at = stepURL
			return s.w.steps[stepURL].open()
		}})
	}
	return out
}
