package wizard

import (
	"context"
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
	plain
	asking *kit.Job // what would be done
	plan   fleet.SetupPlan
	ready  bool
	scroll kit.Scroll
}

// open looks at what is there, every time: it may have changed.
func (s *reviewStep) open() (cmd tea.Cmd) {
	s.busy, s.ready, s.err, s.scroll.At = "looking at the hooks that are there", false, nil, 0
	f, request := s.w.cfg.Fleet, s.w.request()
	if s.asking.Drop(); s.w.address.relay() {
		return s.planned(fleet.SetupPlan{}, nil)
	}
	s.asking, cmd = kit.Instead(s.w.shell, s.asking, func(ctx context.Context) (fleet.SetupPlan, error) { return f.PlanSetup(ctx, request) }, s.planned)
	return cmd
}

func (s *reviewStep) planned(plan fleet.SetupPlan, err error) tea.Cmd {
	s.busy, s.plan, s.err, s.ready = "", plan, err, err == nil
	return nil
}

func (s *reviewStep) update(msg tea.Msg) tea.Cmd { return s.scroll.Turn(msg) }

func (s *reviewStep) next() (bool, tea.Cmd) {
	if !s.able() {
		return false, s.open()
	}
	return true, nil
}

// able reports whether there is something that can be done.
func (s *reviewStep) able() bool { return s.ready && (s.w.address.relay() || s.plan.Able()) }

func (s *reviewStep) label() string {
	switch {
	case !s.able():
		return "look again"
	case s.w.address.relay():
		return "open it now"
	}
	return "set up now"
}

func (s *reviewStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	if s.busy != "" {
		return []string{s.w.doing(s.busy)}, nil
	}
	if s.err != nil {
		return s.w.trouble(s.err, w), nil
	}
	if s.w.address.relay() {
		return kit.First(s.w.relayReview(w), h), nil
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
	out = s.scroll.Window(out, room)
	head := " Nothing is changed at GitHub yet. " + t.Key.Render("enter") + " does this:" + t.Faint.Render(s.tally())
	if kit.Width(head) > w {
		head = t.Cut(" "+t.Key.Render("enter")+" does this:"+t.Faint.Render(s.tally()), w)
	}
	shown := append([]string{head}, out...)
	if left := s.scroll.Most - s.scroll.At; left > 0 {
		shown = append(shown, t.Faint.Render(t.Cut(" "+t.Sym.Down+" "+text.Count(left, "more line"), w)))
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

// callLines breaks a gh line before its flags, so that it can be read.
func callLines(call string, w int) []string {
	var out []string
	line := ""
	for i, part := range strings.Split(text.Clean(call), " -") {
		if i > 0 {
			part = "-" + part
		}
		switch {
		case line == "":
			line = part
		case kit.Width(line)+1+kit.Width(part) <= w:
			line += " " + part
		default:
			out = append(out, line)
			line = "  " + part
		}
	}
	return append(out, line)
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
	in := strings.Repeat(" ", min(11, max(1, w-30)))
	for _, c := range i.Changes {
		for _, l := range kit.Folded(text.Clean(c.Field+": "+c.From+" becomes "+c.To), max(1, w-len(in))) {
			out = append(out, in+t.Faint.Render(l))
		}
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
	if s.w.address.relay() {
		return nil
	}
	return append(kit.Arrows("wizard", "scroll", 10, s.scroll.By),
		kit.Action{ID: "wizard.copy", Keys: []string{"y"}, Label: "copy", Text: "Copy the gh lines.", Run: func() tea.Cmd { return s.w.shell.Copy("the gh lines", strings.Join(s.plan.Calls(), "\n")) }})
}

// relayReview says what opening the relay does.
func (w *Wizard) relayReview(wide int) []string {
	t := w.shell.Theme
	var out []string
	for _, target := range w.targets() {
		out = append(out, t.Cut(" "+t.Good.Render("relay")+"   "+t.Bold.Render(target.String()), wide))
	}
	return append(append(out, ""), kit.Paragraph("GitHub keeps one relay for each repository, so this one ends another that is open. No URL is needed, and nothing stays at GitHub: each has a hook of its own, which is removed when you leave hookctl.", wide)...)
}
