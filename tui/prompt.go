package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// prompt is a line to type into, over the last lines of the window. It calls
// live on every change, and its owner may mark an error at a character.
type prompt struct {
	a       *app
	id      string
	label   string
	hint    string // what can be typed here
	input   textinput.Model
	history []string
	at      int    // place in history; len(history) is the new line
	draft   string // the new line, while older ones are shown
	errText string
	errAt   int // character of the error; -1 for none in particular
	live    func(text string) tea.Cmd
	accept  func(text string) tea.Cmd // runs after the prompt is gone
	cancel  func() tea.Cmd            // runs after the prompt is gone
	keys    []action                  // more keys, none of them printable
}

// newPrompt opens with value in the line and the cursor behind it.
func newPrompt(a *app, id, label, value string) *prompt {
	p := &prompt{a: a, id: id, label: label, errAt: -1}
	p.input = newInput(value)
	return p
}

// newInput is a text input with the terminal's own cursor.
func newInput(value string) textinput.Model {
	in := textinput.New()
	in.Prompt = ""
	in.SetVirtualCursor(false)
	in.SetValue(value)
	in.CursorEnd()
	in.Focus()
	return in
}

// columnOf is where a character of an input stands on screen, counted from the
// first one that is shown. The input itself counts characters, not columns.
func columnOf(in textinput.Model, at int) int {
	value, from := []rune(in.Value()), 0
	if in.Width() > 0 && width(string(value)) > in.Width() {
		shown := strings.TrimRight(ansi.Strip(in.View()), " ")
		for from < in.Position() && !strings.HasPrefix(string(value[from:]), shown) {
			from++
		}
	}
	at = max(from, min(at, len(value)))
	return min(width(string(value[from:at])), max(0, in.Width()))
}

// caretOf is the terminal's cursor in an input.
func caretOf(in textinput.Model) *tea.Cursor {
	c := in.Cursor()
	if c != nil {
		c.X = columnOf(in, in.Position())
	}
	return c
}

func (p *prompt) title() string { return p.label }

func (p *prompt) update(msg tea.Msg) tea.Cmd {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
	default:
		return nil
	}
	before := p.input.Value()
	var cmd tea.Cmd
	p.input, cmd = p.input.Update(msg)
	if p.input.Value() == before || p.live == nil {
		return cmd
	}
	return tea.Batch(cmd, p.live(p.input.Value()))
}

// set replaces the line, as history and completion do.
func (p *prompt) set(text string) tea.Cmd {
	p.input.SetValue(text)
	p.input.CursorEnd()
	if p.live != nil {
		return p.live(text)
	}
	return nil
}

// fault marks what is wrong with the line; at is a character, -1 for none.
func (p *prompt) fault(text string, at int) { p.errText, p.errAt = text, at }

func (p *prompt) view(w, _ int) string {
	t := p.a.theme
	lead := " " + p.label + " "
	p.input.SetWidth(max(1, w-ansi.StringWidth(lead)-2))
	line := fitLine(t.title.Render(lead)+p.input.View(), w)
	below := []string{t.faint.Render(" " + t.cut(p.hint, w-2))}
	if p.errText != "" {
		below = nil
		if p.errAt >= 0 {
			col := ansi.StringWidth(lead) + columnOf(p.input, p.errAt)
			below = append(below, strings.Repeat(" ", col)+t.bad.Render("^"))
		}
		for _, l := range wrap(p.errText, w-2) {
			below = append(below, " "+t.bad.Render(l))
		}
		below = below[:min(len(below), 3)]
	}
	for i, l := range below {
		below[i] = fitLine(l, w)
	}
	return t.border.Render(strings.Repeat(t.sym.rule, max(0, w))) + "\n" + line + "\n" + strings.Join(below, "\n")
}

func (p *prompt) cursor() *tea.Cursor {
	c := caretOf(p.input)
	if c != nil {
		c.X += ansi.StringWidth(" " + p.label + " ")
		c.Y++
	}
	return c
}

func (p *prompt) actions() []action {
	back := func(step int) func() tea.Cmd {
		return func() tea.Cmd {
			next := p.at + step
			if next < 0 || next > len(p.history) {
				return nil
			}
			if p.at == len(p.history) {
				p.draft = p.input.Value()
			}
			p.at = next
			if next == len(p.history) {
				return p.set(p.draft)
			}
			return p.set(p.history[next])
		}
	}
	return append([]action{
		{id: "prompt.accept", keys: []string{"enter"}, label: "accept", text: "Take what is typed.", run: func() tea.Cmd {
			p.a.shut(p)
			if p.accept == nil {
				return nil
			}
			return p.accept(p.input.Value())
		}},
		{id: "prompt.cancel", keys: []string{"esc"}, label: "cancel", text: "Leave things as they were.", run: func() tea.Cmd {
			p.a.shut(p)
			if p.cancel == nil {
				return nil
			}
			return p.cancel()
		}},
		{id: "prompt.older", keys: []string{"up"}, text: "Bring back what was typed before.", run: back(-1)},
		{id: "prompt.newer", keys: []string{"down"}, text: "Go forward in what was typed before.", run: back(1)},
	}, p.keys...)
}
