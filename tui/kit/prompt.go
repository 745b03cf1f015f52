package kit

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// Prompt is a line to type into, over the last lines of the window. It calls
// live on every change, and its owner may mark an error at a character.
type Prompt struct {
	a       *Shell
	label   string
	Hint    string // what can be typed here
	Input   textinput.Model
	History []string
	At      int    // place in history; len(history) is the new line
	draft   string // the new line, while older ones are shown
	ErrText string
	errAt   int // character of the error; -1 for none in particular
	Live    func(text string) tea.Cmd
	Accept  func(text string) tea.Cmd // runs after the prompt is gone
	Try     func(text string) tea.Cmd // runs instead, and its owner closes the prompt or marks the fault
	Cancel  func() tea.Cmd            // runs after the prompt is gone
	Keys    []Action                  // more keys, none of them printable
	// Complete asks for ways to go on from the line up to the cursor; Offer
	// takes them. nil where nothing can be completed.
	Complete func(before string) tea.Cmd
	offer    suggestions
}

// NewPrompt opens with value in the line and the cursor behind it.
func NewPrompt(a *Shell, label, value string) *Prompt {
	p := &Prompt{a: a, label: label, errAt: -1}
	p.Input = NewInput(a.Theme, value)
	return p
}

// NewInput is a text input with the terminal's own cursor and the colours of the theme.
func NewInput(t *Theme, value string) textinput.Model {
	in := textinput.New()
	styles := in.Styles()
	styles.Focused = textinput.StyleState{Placeholder: t.Faint.Style, Suggestion: t.Faint.Style}
	styles.Blurred = styles.Focused
	in.SetStyles(styles)
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
	if in.Width() > 0 && Width(string(value)) > in.Width() {
		shown := strings.TrimRight(ansi.Strip(in.View()), " ")
		for from < in.Position() && !strings.HasPrefix(string(value[from:]), shown) {
			from++
		}
	}
	at = max(from, min(at, len(value)))
	return min(Width(string(value[from:at])), max(0, in.Width()))
}

// CaretOf is the terminal's cursor in an input that is drawn at column x of line y.
func CaretOf(in textinput.Model, x, y int) *tea.Cursor {
	c := in.Cursor()
	if c != nil {
		c.X, c.Y = x+columnOf(in, in.Position()), y
	}
	return c
}

// TypeInto gives a key to an input, and reports whether that changed what is typed.
func TypeInto(in *textinput.Model, msg tea.Msg) (changed bool, cmd tea.Cmd) {
	before := in.Value()
	*in, cmd = in.Update(msg)
	return in.Value() != before, cmd
}

// Find opens a line for words to look for. seek lists what has them and says how much that is; esc seeks what was looked for
// before.
func (s *Shell) Find(before, hint, none string, seek func(words string) (listed int)) tea.Cmd {
	p := NewPrompt(s, "find", before)
	p.Hint = hint
	p.Live = func(words string) tea.Cmd {
		if seek(words) == 0 {
			p.Fault(none, -1)
		}
		return nil
	}
	p.Accept = func(words string) tea.Cmd { seek(strings.TrimSpace(words)); return nil }
	p.Cancel = func() tea.Cmd { seek(before); return nil }
	s.Show(p)
	return nil
}

// Title implements Overlay.
func (p *Prompt) Title() string { return p.label }

// Update implements Overlay.
func (p *Prompt) Update(msg tea.Msg) tea.Cmd {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
	default:
		return nil
	}
	p.offer = suggestions{}
	changed, cmd := TypeInto(&p.Input, msg)
	if !changed {
		return cmd
	}
	return tea.Batch(cmd, p.changed())
}

// changed asks the owner about another line; what was wrong with the one before is no longer said.
func (p *Prompt) changed() tea.Cmd {
	if p.Fault("", -1); p.Live == nil {
		return nil
	}
	return p.Live(p.Input.Value())
}

// Set replaces the line, as history and completion do.
func (p *Prompt) Set(text string) tea.Cmd { return p.put(text, "") }

// Fault marks what is wrong with the line; at is a character, -1 for none.
func (p *Prompt) Fault(text string, at int) { p.ErrText, p.errAt = text, at }

// View implements Overlay.
func (p *Prompt) View(w, h int) string {
	t := p.a.Theme
	lead := " " + p.label + " "
	p.Input.SetWidth(max(1, w-Width(lead)-2))
	line := FitLine(t.Title.Render(lead)+p.Input.View(), w)
	below := []string{t.Faint.Render(" " + t.Cut(p.Hint, w-2))}
	switch {
	case p.offer.open():
		below = p.offer.view(t, w, max(2, min(10, h/2-2)))
	case p.ErrText != "":
		below = nil
		if p.errAt >= 0 {
			col := Width(lead) + columnOf(p.Input, p.errAt)
			below = append(below, strings.Repeat(" ", col)+t.Bad.Render("^"))
		}
		for _, l := range Wrap(p.ErrText, w-2) {
			below = append(below, " "+t.Bad.Render(l))
		}
		below = below[:min(len(below), 3)]
	}
	for i, l := range below {
		below[i] = FitLine(l, w)
	}
	return t.Border.Render(strings.Repeat(t.Sym.Rule, max(0, w))) + "\n" + line + "\n" + strings.Join(below, "\n")
}

// Cursor implements Overlay.
func (p *Prompt) Cursor() *tea.Cursor { return CaretOf(p.Input, Width(p.label)+2, 1) }

// Actions implements Overlay.
func (p *Prompt) Actions() []Action {
	back := func(step int) func() tea.Cmd {
		return func() tea.Cmd {
			if len(p.offer.list) > 0 {
				return p.pick(step)
			}
			if p.At+step < 0 || p.At+step > len(p.History) {
				return nil
			}
			if p.At == len(p.History) {
				p.draft = p.Input.Value()
			}
			p.At += step
			return p.Set(append(slices.Clone(p.History), p.draft)[p.At])
		}
	}
	acts := []Action{
		{ID: "prompt.accept", Keys: []string{"enter"}, Label: "accept", Text: "Take what is typed.", Run: func() tea.Cmd {
			if before, _ := p.parts(); p.offer.picked && strings.HasSuffix(before, ":") {
				return p.ask() // from a field to its values
			}
			p.offer = suggestions{}
			if p.Try != nil {
				return p.Try(p.Input.Value())
			}
			p.a.Shut(p)
			if p.Accept == nil {
				return nil
			}
			return p.Accept(p.Input.Value())
		}},
		{ID: "prompt.cancel", Keys: []string{"esc"}, Label: "cancel", Text: "Leave things as they were.", Run: func() tea.Cmd {
			if o := p.offer; o.open() {
				p.offer = suggestions{}
				return p.put(o.before, o.after)
			}
			p.a.Shut(p)
			if p.Cancel == nil {
				return nil
			}
			return p.Cancel()
		}},
		{ID: "prompt.older", Keys: []string{"up"}, Text: "Bring back what was typed before.", Run: back(-1)},
		{ID: "prompt.newer", Keys: []string{"down"}, Text: "Go forward in what was typed before.", Run: back(1)},
	}
	if p.Complete != nil {
		acts = append(acts, Action{ID: "prompt.complete", Keys: []string{"tab"}, Label: "complete", Text: "Complete the word; again for the next suggestion.", Run: func() tea.Cmd { return p.complete(1) }},
			Action{ID: "prompt.completeback", Keys: []string{"shift+tab"}, Text: "Go to the suggestion before.", Run: func() tea.Cmd { return p.complete(-1) }})
	}
	return append(acts, p.Keys...)
}
