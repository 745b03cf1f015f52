package kit

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// help lists every key of the page under it by groups: the keys, what they do, and the rest of the sentence, in as many lines as
// that takes. The command line that does the same is in the palette.
type help struct {
	a    *Shell
	of   []Action
	head string
	pos  Scroll
	high int // lines in the last view
}

// newHelp takes the actions before it opens, because it has its own.
func newHelp(a *Shell) *help {
	h := &help{a: a, of: a.Actions(), head: "Keys on " + a.Pages[a.At].Name()}
	if a.Top() != nil {
		h.head = "Keys in this box"
	}
	return h
}

// HelpAction shows every key of a box that has no text field.
func (a *Shell) HelpAction() Action {
	return Action{ID: "help", Keys: []string{"?"}, Label: "help", Text: "Show every key of this box.", Run: func() tea.Cmd { a.Show(newHelp(a)); return nil }}
}

func (h *help) Title() string { return h.head }

func (h *help) Update(msg tea.Msg) tea.Cmd { return h.pos.Turn(msg) }

func (h *help) View(w, high int) string {
	t := h.a.Theme
	w, h.high = min(w, 92), high
	names := func(a Action) string {
		if w < 50 { // one key is enough
			return KeyName(a.Keys[0], t.Ascii)
		}
		return a.keyNames(t.Ascii)
	}
	keys := 0
	for _, a := range h.of {
		keys = max(keys, Width(names(a)))
	}
	keys = min(keys, 18, w/3)
	var out []string
	for _, group := range []string{groupPage, groupBox, groupMove, groupEverywhere} {
		first := true
		for _, a := range h.of {
			if a.group != group {
				continue
			}
			if first {
				out, first = append(out, " "+t.Title.Render(group)), false
			}
			name, rest := a.name()
			if a.Off != "" {
				name, rest = "", name+" ("+a.Off+")"
			}
			lead := " " + t.Key.Render(t.Cell(names(a), keys)) + "  "
			for _, l := range t.said(name, rest, w-keys-4) {
				out = append(out, t.Cut(lead+l, w))
				lead = strings.Repeat(" ", keys+3)
			}
		}
	}
	if len(out) > high && high > 2 { // one line says that there is more
		shown := h.pos.Window(out, high-1)
		more := t.Sym.Down + " more below"
		if h.pos.At == h.pos.Most {
			more = t.Sym.Up + " more above"
		}
		return Fit(strings.Join(shown, "\n"), w, high-1) + "\n" + t.Faint.Render(" "+more)
	}
	return strings.Join(h.pos.Window(out, len(out)), "\n")
}

// said is a name and the rest of its sentence, faint, in lines of at most w columns: in one line where both fit.
func (t *Theme) said(name, rest string, w int) (lines []string) {
	if name != "" {
		lines = Folded(name, max(1, w))
	}
	if rest == "" {
		return lines
	}
	if n := len(lines); n == 1 && Width(name)+2+Width(rest) <= w {
		return []string{name + "  " + t.Faint.Render(rest)}
	}
	for _, l := range Folded(rest, max(1, w)) {
		lines = append(lines, t.Faint.Render(l))
	}
	return lines
}

func (h *help) Actions() []Action {
	return append(scrolls(h.high-1, "scroll", h.pos.By), Action{ID: "help.close", Keys: []string{"esc", "?", "q"}, Label: "close", Text: "Close the help.", Run: func() tea.Cmd { h.a.Shut(h); return nil }})
}
