package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// toast is a message drawn over the footer for a few seconds. A newer one
// replaces it.
type toast struct {
	text  string
	level int
	id    int
}

const (
	levelInfo = iota
	levelWarn
	levelError
)

type toastOver int

// over takes the toast down, unless a newer one stands there.
func (t *toast) over(id toastOver) {
	if int(id) == t.id {
		t.text = ""
	}
}

func (t *toast) view(th *theme, w int) string {
	if t.text == "" {
		return ""
	}
	style, mark := th.good, th.sym.ok
	switch t.level {
	case levelWarn:
		style, mark = th.warn, th.sym.warn
	case levelError:
		style, mark = th.bad, th.sym.bad
	}
	return " " + style.Render(mark) + " " + th.cut(t.text, w-4)
}

func (a *app) put(level int, words string, stay time.Duration) tea.Cmd {
	a.toast.id++
	a.toast.text, a.toast.level = text.Clean(words), level
	return a.later(stay, toastOver(a.toast.id))
}

// say tells a good outcome.
func (a *app) say(text string) tea.Cmd { return a.put(levelInfo, text, 4*time.Second) }

// warn says why something does not happen.
func (a *app) warn(text string) tea.Cmd { return a.put(levelWarn, text, 5*time.Second) }

// fail shows an error: as a toast when one line holds it, else in a box that
// has room for the cure.
func (a *app) fail(err error) tea.Cmd {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	cure := cureOf(err)
	if text := err.Error(); cure == "" && ansi.StringWidth(text) <= a.w-5 {
		return a.put(levelError, text, 8*time.Second)
	}
	a.show(&message{a: a, head: "That did not work", lines: []string{err.Error()}, hint: cure, bad: true})
	return nil
}

// cureOf is the hint that an error carries, whichever package made it.
func cureOf(err error) string {
	if cure := hooks.CureOf(err); cure != "" {
		return cure
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// message is a box with text to read, closed with enter or esc.
type message struct {
	a     *app
	head  string
	lines []string
	hint  string
	bad   bool
	pos   int
	high  int  // lines in the last view
	long  bool // there are more of them
}

func (m *message) title() string       { return m.head }
func (m *message) cursor() *tea.Cursor { return nil }

func (m *message) update(msg tea.Msg) tea.Cmd {
	if w, ok := msg.(wheel); ok {
		m.scroll(w.lines)
	}
	return nil
}

// scroll goes by some lines; the view knows where the last one is.
func (m *message) scroll(by int) { m.pos = max(0, m.pos+by) }

func (m *message) view(w, h int) string {
	t := m.a.theme
	room := min(w-2, 76)
	var out []string
	for _, l := range m.lines {
		for _, s := range wrap(text.Clean(l), room) {
			if m.bad {
				s = t.bad.Render(s)
			}
			out = append(out, " "+s+" ")
		}
	}
	if m.hint != "" {
		out = append(out, "")
		for _, s := range wrap("hint: "+text.Clean(m.hint), room) {
			out = append(out, " "+s+" ")
		}
	}
	m.long = len(out) > h
	m.pos, m.high = max(0, min(m.pos, len(out)-h)), h
	out = out[m.pos:min(len(out), m.pos+h)]
	return strings.Join(out, "\n")
}

func (m *message) actions() []action {
	scroll := ""
	if m.long {
		scroll = "scroll"
	}
	return []action{
		{id: "message.close", keys: []string{"esc", "enter", "q"}, label: "close", text: "Close this box.", run: func() tea.Cmd { m.a.shut(m); return nil }},
		{id: "message.copy", keys: []string{"y"}, label: "copy", text: "Copy this text.", run: func() tea.Cmd {
			return m.a.copy("the text", strings.TrimSpace(strings.Join(m.lines, "\n")+"\n"+m.hint))
		}},
		{id: "message.pagedown", keys: []string{"space", "pgdown"}, text: "Scroll a page down.", run: func() tea.Cmd { m.scroll(max(1, m.high-1)); return nil }},
		{id: "message.pageup", keys: []string{"pgup"}, text: "Scroll a page up.", run: func() tea.Cmd { m.scroll(-max(1, m.high-1)); return nil }},
		{id: "message.down", keys: []string{"down", "j"}, label: scroll, text: "Scroll down.", run: func() tea.Cmd { m.scroll(1); return nil }},
		{id: "message.up", keys: []string{"up", "k"}, text: "Scroll up.", run: func() tea.Cmd { m.scroll(-1); return nil }},
	}
}
