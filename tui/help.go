package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// help lists every key of the page under it, with its sentence and, where one
// exists, the command line that does the same.
type help struct {
	a    *app
	of   []action
	head string
	pos  int
	max  int
	high int // lines in the last view
}

// newHelp takes the actions before it opens, because it has its own.
func newHelp(a *app) *help {
	h := &help{a: a, of: a.actions(), head: "Keys on " + a.pages[a.at].title()}
	if a.top() != nil {
		h.head = "Keys in this box"
	}
	return h
}

// helpAction shows every key of a box that has no text field.
func (a *app) helpAction() action {
	return action{id: "help", keys: []string{"?"}, label: "help", text: "Show every key of this box.", run: func() tea.Cmd { a.show(newHelp(a)); return nil }}
}

func (h *help) title() string { return h.head }

func (h *help) cursor() *tea.Cursor { return nil }

func (h *help) update(msg tea.Msg) tea.Cmd {
	if w, ok := msg.(wheel); ok {
		h.scroll(w.lines)
	}
	return nil
}

func (h *help) scroll(by int) { h.pos = max(0, min(h.max, h.pos+by)) }

func (h *help) view(w, high int) string {
	t := h.a.theme
	w, h.high = min(w, 92), high
	keys := 0
	for _, a := range h.of {
		keys = max(keys, ansi.StringWidth(a.keyNames(t.ascii)))
	}
	keys = min(keys, 18, w/3)
	var out []string
	for _, a := range h.of {
		lines := wrap(a.text, max(1, w-keys-4))
		if a.off != "" {
			lines = wrap(a.text+" ("+a.off+")", max(1, w-keys-4))
		}
		for i, l := range lines {
			k := ""
			if i == 0 {
				k = t.key.Render(t.cell(a.keyNames(t.ascii), keys))
			} else {
				k = strings.Repeat(" ", keys)
			}
			if a.off != "" {
				l = t.faint.Render(l)
			}
			out = append(out, " "+k+"  "+l)
		}
		if a.command != "" {
			out = append(out, strings.Repeat(" ", keys+3)+t.faint.Render(t.cut(a.command, w-keys-4)))
		}
	}
	h.max = max(0, len(out)-high)
	h.scroll(0)
	if h.max > 0 && high > 2 {
		shown := out[h.pos:min(len(out), h.pos+high-1)]
		more := t.sym.down + " more below"
		if h.pos == h.max {
			more = t.sym.up + " more above"
		}
		h.max = max(0, len(out)-high+1)
		return fit(strings.Join(shown, "\n"), w, high-1) + "\n" + t.faint.Render(" "+more)
	}
	return strings.Join(out, "\n")
}

func (h *help) actions() []action {
	step := func(id string, keys []string, by int, text string) action {
		return action{id: id, keys: keys, text: text, run: func() tea.Cmd { h.scroll(by); return nil }}
	}
	page := max(2, h.high-2)
	down := step("help.down", []string{"down", "j"}, 1, "Scroll down.")
	down.label = "scroll"
	return []action{
		down,
		step("help.up", []string{"up", "k"}, -1, "Scroll up."),
		step("help.pagedown", []string{"space", "pgdown"}, page, "Scroll a page down."),
		step("help.pageup", []string{"pgup"}, -page, "Scroll a page up."),
		step("help.halfdown", []string{"ctrl+d"}, page/2+1, "Scroll half a page down."),
		step("help.halfup", []string{"ctrl+u"}, -page/2-1, "Scroll half a page up."),
		{id: "help.close", keys: []string{"esc", "?", "q"}, label: "close", text: "Close the help.", run: func() tea.Cmd { h.a.shut(h); return nil }},
	}
}
