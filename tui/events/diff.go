package events

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// pair are the two records to compare: the marked ones, or the marked one and the one under the cursor. why says what is missing.
func (p *Page) pair() (from, to logs.Entry, why string) {
	var both []logs.Entry
	for _, file := range slices.Sorted(maps.Keys(p.marks)) {
		both = append(both, p.marks[file])
	}
	if e, ok := p.feed.current(); ok && len(both) == 1 && both[0].File != e.File {
		both = append(both, e)
	}
	switch {
	case len(both) < 2 && len(p.marks) == 1:
		return from, to, "go to the event to compare the marked one with"
	case len(both) < 2:
		return from, to, "mark an event with x, then go to another to compare them"
	case len(both) > 2:
		return from, to, "two events can be compared, and more are marked; esc takes the marks away"
	}
	if from, to = both[0], both[1]; to.ReceivedAt.Before(from.ReceivedAt) {
		from, to = to, from
	}
	return from, to, ""
}

// diffAction compares two records.
func (p *Page) diffAction() kit.Action {
	from, to, why := p.pair()
	act := kit.Action{ID: "diff", Keys: []string{"%"}, Text: "Compare the marked event with the one under the cursor.", Off: why, Run: p.compare}
	if why == "" {
		act.Label = "compare"
		act.Command = "hookctl events diff " + text.Shell(from.File) + " " + text.Shell(to.File)
	}
	return act
}

// compare reads both and says how they differ.
func (p *Page) compare() tea.Cmd {
	from, to, _ := p.pair()
	l := p.feed.log
	return kit.Get(p.shell, func(ctx context.Context) ([]logs.Change, error) { return compareFiles(ctx, l, from.File, to.File) }, func(changes []logs.Change) tea.Cmd {
		return p.shell.Show(&diffBox{p: p, from: from, to: to, changes: changes})
	})
}

func compareFiles(ctx context.Context, l *logs.Log, from, to string) ([]logs.Change, error) {
	a, err := l.Read(ctx, from)
	if err != nil {
		return nil, err
	}
	b, err := l.Read(ctx, to)
	if err != nil {
		return nil, err
	}
	return logs.Diff(a, b)
}

// diffBox shows what differs: for each place the old and the new value.
type diffBox struct {
	p        *Page
	from, to logs.Entry // the older one first
	changes  []logs.Change
	pos      kit.Cursor // a change; the top is a line
	high     int
}

func (b *diffBox) Title() string { return "Compare" }

func (b *diffBox) Update(msg tea.Msg) tea.Cmd { return kit.Turn(msg, b.move) }

func (b *diffBox) move(by int) tea.Cmd { b.pos.To(b.pos.At+by, len(b.changes)); return nil }

func (b *diffBox) View(w, h int) string {
	t := b.p.shell.Theme
	now := b.p.shell.Now()
	title := func(sign string, style kit.Painter, e logs.Entry) string {
		return style.Render(" "+sign+" ") + t.Cut(kit.Clock(e.ReceivedAt, now)+"  "+eventName(e)+"  "+e.Repository+"  "+what(e), w-4)
	}
	head := []string{title("-", t.Bad, b.from), title("+", t.Good, b.to)}
	if len(b.changes) == 0 {
		return strings.Join(append(head, "", " Payload, headers, result and notifications are the same. "), "\n")
	}
	if h > 10 {
		head = append(head, t.Faint.Render(" "+text.Count(len(b.changes), "change")+"; ids of deliveries, times and signatures are left out"), "")
	}
	b.high = max(1, h-len(head))
	var lines []string
	at := make([]int, len(b.changes)) // the first line of each change
	for i, c := range b.changes {
		at[i] = len(lines)
		path := t.Cut(kit.Clean(c.Path), w-2)
		if i == b.pos.At {
			lines = append(lines, t.Selected.Render(kit.FitLine(t.Sym.Cursor+path, w)))
		} else {
			lines = append(lines, " "+t.Key.Render(path))
		}
		if c.Old != nil {
			lines = append(lines, t.Bad.Render(t.Cut("   - "+kit.Clean(string(c.Old)), w-1)))
		}
		if c.New != nil {
			lines = append(lines, t.Good.Render(t.Cut("   + "+kit.Clean(string(c.New)), w-1)))
		}
	}
	end := len(lines)
	if b.pos.At+1 < len(at) {
		end = at[b.pos.At+1]
	}
	b.pos.Top = max(min(b.pos.Top, at[b.pos.At]), end-b.high)
	b.pos.Top = max(0, min(b.pos.Top, at[b.pos.At], len(lines)-b.high))
	return strings.Join(append(head, lines[b.pos.Top:min(len(lines), b.pos.Top+b.high)]...), "\n")
}

// whole shows the change under the cursor in full.
func (b *diffBox) whole() tea.Cmd {
	c := b.changes[b.pos.At]
	var lines []string
	for _, side := range []struct{ name, value string }{{"old", string(c.Old)}, {"new", string(c.New)}} {
		if side.value == "" {
			side.value = "(missing)"
		}
		lines = append(lines, side.name+":", side.value, "")
	}
	return b.p.shell.Show(&kit.Message{Shell: b.p.shell, Head: kit.Clean(c.Path), Lines: lines[:len(lines)-1]})
}

func (b *diffBox) Actions() []kit.Action {
	same := kit.When(len(b.changes) == 0, "nothing differs")
	command := fmt.Sprintf("hookctl events diff %s %s", text.Shell(b.from.File), text.Shell(b.to.File))
	acts := []kit.Action{
		{ID: "diff.open", Keys: []string{"enter"}, Label: "both values", Text: "Show both values of the line in full.", Command: command, Off: same, Run: b.whole},
		{ID: "diff.close", Keys: []string{"esc", "%", "q"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { b.p.shell.Shut(b); return nil }},
		{ID: "diff.copy", Keys: []string{"y"}, Label: "copy path", Text: "Copy the path of the line for jq.", Off: same, Run: func() tea.Cmd {
			path := text.Spell(b.changes[b.pos.At].Path)
			return b.p.shell.Copy(path, path)
		}},
		b.p.shell.HelpAction(),
	}
	return append(acts, kit.Walk(b.high/2, same, b.move)...)
}
