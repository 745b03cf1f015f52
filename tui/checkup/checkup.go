// Package checkup is the Doctor page: the checks of the whole chain as they
// come, and what hookctl itself can do about a finding.
package checkup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/doctor"
	"hookctl/tui/kit"
)

// Config is what the page is given.
type Config struct {
	// Checks runs the checks and reports each as it is found; nil leaves the
	// page with the command to run.
	Checks                 func(ctx context.Context, progress func(doctor.Check))
	Start, Restart, Reload func() tea.Cmd // of the receiver
}

// Page runs the checks of the whole chain and shows each as it comes: what failed first, what passed folded into one line.
// Where hookctl itself can fix a finding, enter does it.
type Page struct {
	shell  *kit.Shell
	cfg    Config
	all    []doctor.Check // what failed first
	checks []doctor.Check // the rows: those that are listed, and the fold
	find   string         // the words that are looked for
	open   bool           // the passed ones are listed too
	job    *kit.Job       // the checks at work, nil before the first time
	kit.Cursor
	high int // lines of the list in the last view
	wide int // and its columns
}

// fold is the status of the row that stands for the passed checks.
const fold = "fold"

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page { return &Page{shell: shell, cfg: cfg} }

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageDoctor }

// Open runs the checks, unless they are at work.
func (p *Page) Open(any) tea.Cmd {
	if p.job.Busy() || p.cfg.Checks == nil {
		return nil
	}
	p.all, p.checks, p.open = nil, nil, false
	p.At, p.Top = 0, 0
	run := p.cfg.Checks
	var cmd tea.Cmd
	p.job, cmd = kit.Begin(p.shell, func(ctx context.Context, report func(doctor.Check)) (struct{}, error) {
		run(ctx, report)
		return struct{}{}, nil
	}, p.put, func(struct{}, error) tea.Cmd { return nil })
	return cmd
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Controlled:
		if msg.Err == nil && p.shell.InFront(p) {
			return p.Open(nil) // a finding may be fixed
		}
	case kit.Wheel:
		return p.move(msg.Lines)
	case kit.Click:
		for i := range p.checks {
			if y := p.line(i) - p.line(p.Top) + 2; y == msg.Y {
				p.To(i, len(p.checks))
				if msg.Double {
					return p.fix()
				}
			}
		}
	}
	return nil
}

// put takes a finding in: what failed first, then in the order they come.
func (p *Page) put(c doctor.Check) tea.Cmd {
	rank := func(c doctor.Check) int {
		return max(slices.Index([]string{doctor.Unknown, doctor.Warn, doctor.Fail}, c.Status), -1)
	}
	at := len(p.all)
	if i := slices.IndexFunc(p.all, func(have doctor.Check) bool { return rank(c) > rank(have) }); i >= 0 {
		at = i
	}
	p.all = slices.Insert(p.all, at, c)
	p.list()
	return nil
}

// list makes the rows. The cursor stays on its row once a person has moved it.
func (p *Page) list() {
	var under doctor.Check
	if p.At > 0 && p.At < len(p.checks) {
		under = p.checks[p.At]
	}
	p.checks = p.checks[:0]
	folded := false
	for i, c := range p.all {
		switch {
		case p.find != "":
			if kit.HasWords(c.Name+" "+c.Detail+" "+c.Fix+" "+c.Status, p.find) {
				p.checks = append(p.checks, c)
			}
			continue
		case c.Status == doctor.OK && !folded && slices.Contains([]string{doctor.Warn, doctor.Fail}, p.all[0].Status): // where nothing is wrong there is nothing to fold them for
			folded = true
			p.checks = append(p.checks, doctor.Check{Name: fmt.Sprintf("%d passed", len(p.all)-i), Status: fold})
		}
		if c.Status != doctor.OK || p.open || !folded {
			p.checks = append(p.checks, c)
		}
	}
	if under.Name != "" {
		same := func(c doctor.Check) bool {
			return c.Status == under.Status && (c.Name == under.Name || c.Status == fold)
		}
		p.To(slices.IndexFunc(p.checks, same), len(p.checks))
	}
}

// seek lists what has the words, and says how many checks that are.
func (p *Page) seek(words string) int {
	p.find, p.At, p.Top = words, 0, 0
	p.list()
	return len(p.checks)
}

// openFind lets words be typed; the list answers as they are.
func (p *Page) openFind() tea.Cmd {
	return p.shell.Find(p.find, "words of a check, what it found or how to fix it: web deliveries, fail, warn", "no check has all of these words", p.seek)
}

func (p *Page) move(by int) tea.Cmd { p.To(p.At+by, len(p.checks)); return nil }

// line is where a check begins, counted from the first one.
func (p *Page) line(i int) int {
	n := 0
	for j := range min(i, len(p.checks)) {
		n += len(p.row(j))
	}
	return n
}

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	t := p.shell.Theme
	if p.cfg.Checks == nil {
		return kit.Fit("\n Run "+t.Bold.Render("hookctl doctor")+" in a shell: it checks the whole chain.", w, h)
	}
	n := map[string]int{}
	for _, c := range p.all {
		n[c.Status]++
	}
	bad, warned, unknown, passed := n[doctor.Fail], n[doctor.Warn], n[doctor.Unknown], n[doctor.OK]
	head := t.Good.Render(t.Sym.OK + " All checks passed.")
	if unknown > 0 {
		head = t.Good.Render(fmt.Sprintf("%s %s passed", t.Sym.OK, text.Count(passed, "check")))
	}
	switch {
	case p.job.Busy():
		head = t.Warn.Render(t.Sym.Pending) + fmt.Sprintf(" checking: %s so far", text.Count(len(p.all), "check")) +
			kit.When(bad+warned > 0, fmt.Sprintf(", %d failed, %d warnings", bad, warned))
	case p.job == nil:
		head = ""
	case bad > 0:
		head = t.Bad.Render(fmt.Sprintf("%s %d failed", t.Sym.Bad, bad)) + t.Warn.Render(kit.When(warned > 0, ", "+text.Count(warned, "warning")))
	case warned > 0:
		head = t.Warn.Render(t.Sym.Warn + " " + text.Count(warned, "warning"))
	}
	if p.job != nil && !p.job.Busy() {
		head += t.Faint.Render(kit.When(bad+warned > 0, fmt.Sprintf(", %d passed", passed)) + kit.When(unknown > 0, fmt.Sprintf(", %d not checked", unknown)))
	}
	if p.find != "" {
		head += "  " + t.Faint.Render("find ") + t.Accent.Render(kit.Clean(p.find)) + t.Faint.Render(fmt.Sprintf(": %d", len(p.checks)))
	}
	out := []string{" " + head, ""}
	if len(p.all) > 0 && len(p.checks) == 0 {
		out = append(out, " No check has all of these words.", " "+t.Key.Render("/")+" changes them, "+t.Key.Render("esc")+" shows all checks again.")
	}
	p.high, p.wide = max(0, h-2), w
	p.To(p.At, len(p.checks))
	p.Top = min(p.Top, p.At)
	for p.Top < p.At && p.line(p.At+1)-p.line(p.Top) > p.high {
		p.Top++
	}
	for i := p.Top; i < len(p.checks); i++ {
		out = append(out, p.row(i)...)
	}
	return kit.Fit(strings.Join(out, "\n"), w, h)
}

// row draws a check: its name, and below it what was found and how to fix that, in full. One that passed has one line,
// as long as the cursor is elsewhere.
func (p *Page) row(i int) []string {
	t, c, w := p.shell.Theme, p.checks[i], p.wide
	mark, style := t.Sign(c.Status)
	if c.Status == fold {
		if mark, style = t.Sym.Folded, t.Good; p.open {
			mark = t.Sym.Open
		}
	}
	name, detail, here := kit.Clean(c.Name), kit.Clean(c.Detail), i == p.At
	if here {
		name = t.Selected.Render(kit.FitLine(t.Middle(t.Sym.Cursor+mark+" "+name, w), w))
	} else {
		name = " " + style.Render(mark) + " " + t.Middle(name, w-3)
	}
	switch {
	case c.Status == fold:
		return []string{name}
	case !here && (c.Status == doctor.OK || c.Status == doctor.Unknown):
		return []string{t.Cut(name+"  "+t.Faint.Render(detail), w)}
	}
	out := []string{name}
	for _, l := range kit.Wrap(detail, max(20, w-4)) {
		out = append(out, t.Cut("   "+l, w))
	}
	if c.Status == doctor.OK || c.Fix == "" {
		return out
	}
	fix := kit.Clean(c.Fix)
	if _, what := p.cure(c); what != "" && here {
		fix = "enter: " + what + "  " + fix
	}
	return append(out, t.Accent.Render(t.Cut("   "+fix, w)))
}

// cure is what enter does about a finding, and in a few words what that is.
func (p *Page) cure(c doctor.Check) (run func() tea.Cmd, what string) {
	if c.Status == fold {
		return func() tea.Cmd { p.open = !p.open; p.list(); return nil }, cmp.Or(kit.When(p.open, "hide them"), "show them")
	}
	if run, what = p.Fix(c); run == nil && c.Status != doctor.OK {
		if line := commandIn(c.Fix); line != "" {
			return func() tea.Cmd { return p.shell.Copy(line, line) }, "copy the command"
		}
	}
	return run, what
}

// commandIn is the command line that a fix names, "" where it is words alone: "start it there: hookctl start".
func commandIn(fix string) string {
	for _, program := range []string{"hookctl ", "chmod ", "timedatectl "} {
		if i := strings.Index(fix, program); i == 0 || i > 0 && strings.HasSuffix(fix[:i], ": ") {
			line, _, _ := strings.Cut(fix[i:], "; ")
			return line
		}
	}
	return ""
}

// Fix is what hookctl itself can do about a finding, and in a few words what
// that is; nil for nothing.
func (p *Page) Fix(c doctor.Check) (run func() tea.Cmd, what string) {
	if c.Status == doctor.OK || c.Fix == "" {
		return nil, ""
	}
	to := func(page string, request any) func() tea.Cmd {
		return func() tea.Cmd { return p.shell.GoTo(page, request) }
	}
	if c.Name == "cluster" && c.Fix != "hookctl restart" { // something has to be done on another machine
		return to(kit.PageReceiver, nil), "see the nodes"
	}
	for _, known := range []struct {
		command, what string
		run           func() tea.Cmd
	}{
		{"events list --filter status:pending", "see them", to(kit.PageEvents, kit.Filtered("status:pending"))},
		{"events resend", "see them", to(kit.PageEvents, kit.Filtered("status:failed"))},
		{"reload", "reload it", p.cfg.Reload},
		{"restart", "restart it", p.cfg.Restart},
		{"start", "start it", p.cfg.Start},
		{"setup", "set up", p.shell.SetUp},
		{"catchup", "see which", to(kit.PageHooks, kit.Missed{Target: missedOf(c.Fix)})},
		{"rotate", "to Hooks", to(kit.PageHooks, kit.Failing{})},
		{"hooks", "to Hooks", to(kit.PageHooks, kit.Failing{})},
	} {
		if strings.Contains(c.Fix, "hookctl "+known.command) {
			return known.run, known.what
		}
	}
	return nil, ""
}

// missedOf is the first repository or organization that a fix catches up with.
func missedOf(fix string) string {
	_, rest, _ := strings.Cut(fix, "hookctl catchup ")
	_, target, _ := strings.Cut(rest, " ")
	target, _, _ = strings.Cut(target, ";")
	return target
}

func (p *Page) fix() tea.Cmd {
	check, _ := kit.Under(p.Cursor, p.checks)
	if run, _ := p.cure(check); run != nil {
		return run()
	}
	return nil
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	none := kit.When(p.At >= len(p.checks), "no check is listed")
	nothing, label := none, ""
	if none == "" {
		var run func() tea.Cmd
		if run, label = p.cure(p.checks[p.At]); run == nil {
			nothing = cmp.Or(map[string]string{doctor.OK: "this check passed", doctor.Unknown: "this was not checked"}[p.checks[p.At].Status],
				"this is nothing that a key can do; the line says what to do")
		}
	}
	acts := []kit.Action{
		{ID: "open", Keys: []string{"enter"}, Label: label, Text: "Fix what the check found, or copy the command that does; show or hide the checks that passed.", Command: "hookctl doctor", Off: nothing, Run: p.fix},
		{ID: "find", Keys: []string{"/"}, Label: kit.When(len(p.all) > p.high/3, "find"), Text: "Find checks by words of their name or finding; the list updates while you type.", Off: kit.When(len(p.all) == 0, "no check is listed"), Run: p.openFind},
		{ID: "back", Keys: []string{"esc"}, Text: "Show all checks again.", Off: kit.When(p.find == "", "nothing is looked for"), Run: func() tea.Cmd { p.seek(""); return nil }},
	}
	return append(acts, kit.Walk(p.high, none, p.move)...)
}
