package tui

import (
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// View draws tabs, page, footer or toast, and the overlays above them.
func (a *app) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus, v.WindowTitle = true, true, "hookctl"
	v.ProgressBar = a.progress
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if a.w <= 0 || a.h <= 0 {
		return v
	}
	head, foot := a.chrome()
	body := a.pages[a.at].view(a.w, a.h-head-foot)
	screen := fit(body, a.w, a.h-head-foot)
	if head > 0 {
		screen = fit(a.tabs()+"\n"+a.theme.border.Render(strings.Repeat(a.theme.sym.rule, a.w)), a.w, head) + "\n" + screen
	}
	// Boxes are drawn before the footer, whose keys may depend on what fits.
	type placed struct {
		overlay
		box  string
		x, y int
	}
	boxes := make([]placed, 0, len(a.overlays))
	for _, o := range a.overlays {
		box, x, y := a.place(o)
		boxes = append(boxes, placed{o, box, x, y})
	}
	if foot > 0 {
		screen += "\n" + fitLine(a.foot(), a.w)
	}
	for _, b := range boxes {
		o, x, y := b.overlay, b.x, b.y
		screen = a.lay(screen, b.box, x, y)
		v.Cursor = nil
		if c := o.cursor(); c != nil && o == a.top() {
			dx, dy := 1, 1
			if _, docked := o.(*prompt); docked {
				dx, dy = 0, 0
			}
			c.X, c.Y = c.X+x+dx, c.Y+y+dy
			v.Cursor = c
		}
	}
	screen = fit(screen, a.w, a.h)
	if a.theme.ascii {
		screen = asciiOnly(screen)
	}
	v.SetContent(screen)
	return v
}

// lay puts a box onto the screen. What little of the page would stand beside a
// wide box is left out.
func (a *app) lay(screen, box string, x, y int) string {
	if lipgloss.Width(box) < a.w-4 {
		return over(screen, box, x, y)
	}
	lines := strings.Split(screen, "\n")
	for i, l := range strings.Split(box, "\n") {
		if y+i < len(lines) {
			lines[y+i] = fitLine(strings.Repeat(" ", max(0, x))+l, a.w)
		}
	}
	return strings.Join(lines, "\n")
}

// chrome is how many lines stand above and below the page; very low windows
// give them up.
func (a *app) chrome() (head, foot int) {
	switch {
	case a.h >= 16:
		return 2, 1
	case a.h >= 5:
		return 1, 1
	}
	return 0, 0
}

// place renders an overlay's box and says where it goes. A prompt lies over
// the last lines, everything else in the middle.
func (a *app) place(o overlay) (box string, x, y int) {
	if p, ok := o.(*prompt); ok {
		box = p.view(a.w, a.h)
		return box, 0, max(0, a.h-lipgloss.Height(box))
	}
	room, high := max(1, a.w-4), max(1, a.h-4)
	if a.w <= 60 || a.h <= 16 {
		room, high = max(1, a.w-2), max(1, a.h-3)
	}
	inside := o.view(room, high)
	w, h := min(room, lipgloss.Width(inside)), min(high, lipgloss.Height(inside))
	w = max(w, min(room, ansi.StringWidth(o.title())+4))
	box = a.theme.boxed(o.title(), inside, w, h)
	return box, (a.w - w - 2) / 2, max(0, (a.h-1-h-2)/2)
}

// tabs draws the pages and, at the right edge, the state of the receiver.
func (a *app) tabs() string {
	t := a.theme
	var b strings.Builder
	if a.w >= 100 {
		b.WriteString(" " + t.title.Render("hookctl"))
	}
	for i, p := range a.pages {
		name := string(rune('1'+i)) + " " + p.name()
		if a.w < 60 && i != a.at {
			name = string(rune('1' + i))
		}
		if i == a.at {
			b.WriteString("  " + t.tabOn.Render(name))
		} else {
			b.WriteString("  " + t.tabOff.Render(name))
		}
	}
	left := b.String()
	right := a.light()
	gap := a.w - ansi.StringWidth(left) - ansi.StringWidth(right) - 1
	if gap < 1 {
		return left
	}
	return left + strings.Repeat(" ", gap) + right
}

// light is the receiver's state in a few characters.
func (a *app) light() string {
	t := a.theme
	switch {
	case !a.asked:
		return ""
	case a.running():
		if a.status.Alarm != "" {
			return t.bad.Render(t.sym.warn + " " + t.cut(text.Clean(a.status.Alarm), 24))
		}
		if a.w < 70 {
			return t.good.Render(t.sym.running)
		}
		return t.good.Render(t.sym.running) + " " + t.faint.Render(text.Clean(a.status.Address))
	case errors.Is(a.statusErr, daemon.ErrNotRunning):
		if a.w < 70 {
			return t.warn.Render(t.sym.off)
		}
		return t.warn.Render(t.sym.off + " receiver stopped")
	}
	return t.bad.Render(t.sym.bad + " receiver")
}

// foot is the toast while there is one, else the keys that matter here.
func (a *app) foot() string {
	if s := a.toast.view(a.theme, a.w); s != "" {
		return s
	}
	all := a.actions()
	help := action{id: "help", keys: []string{"?"}, label: "help"}
	if o := a.top(); o != nil {
		help = action{id: "close", keys: []string{"esc"}, label: "close"}
		if act, ok := find(all, "esc"); ok {
			help = act
		}
	}
	return a.theme.footer(all, help, a.w)
}

// asciiOnly replaces what is beyond ASCII, for terminals without Unicode, by as
// many columns of question marks.
func asciiOnly(s string) string {
	var b strings.Builder
	var state byte
	for len(s) > 0 {
		part, wide, n, next := ansi.DecodeSequence(s, state, nil)
		if strings.IndexFunc(part, func(r rune) bool { return r > 0x7e }) >= 0 {
			part = strings.Repeat("?", wide)
		}
		b.WriteString(part)
		s, state = s[n:], next
	}
	return b.String()
}
