package kit

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Screen draws tabs, page, footer or toast, and the overlays above them.
func (s *Shell) Screen() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus, v.WindowTitle = true, true, "hookctl"
	v.ProgressBar = s.Progress
	if s.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if s.W <= 0 || s.H <= 0 {
		return v
	}
	head, foot := s.chrome()
	body := s.Pages[s.At].View(s.W, s.H-head-foot)
	screen := Fit(body, s.W, s.H-head-foot)
	if head > 0 {
		tabs, _ := s.tabs()
		screen = Fit(tabs+"\n"+s.Theme.Border.Render(strings.Repeat(s.Theme.Sym.Rule, s.W)), s.W, head) + "\n" + screen
	}
	// Boxes are drawn before the footer, whose keys may depend on what fits.
	overlays := s.drawn()
	boxes := make([]placed, len(overlays))
	for i, o := range overlays {
		boxes[i] = s.place(o)
	}
	if foot > 0 {
		line, _ := s.foot()
		screen += "\n" + FitLine(line, s.W)
	}
	for i, b := range boxes {
		screen = s.lay(screen, b)
		v.Cursor = nil
		if in, ok := overlays[i].(typed); ok && overlays[i] == s.Top() {
			v.Cursor = in.Cursor()
		}
		if v.Cursor != nil {
			v.Cursor.X, v.Cursor.Y = v.Cursor.X+b.x+b.frame, v.Cursor.Y+b.y+b.frame
		}
	}
	screen = Fit(screen, s.W, s.H)
	if s.Theme.Ascii {
		screen = asciiOnly(screen)
	}
	v.SetContent(screen)
	return v
}

// lay puts a box onto the screen. What little of the page would stand beside a
// wide box is left out.
func (s *Shell) lay(screen string, b placed) string {
	if lipgloss.Width(b.box) < s.W-4 {
		top := lipgloss.NewLayer(b.box).X(b.x).Y(b.y).Z(1)
		return lipgloss.NewCompositor(lipgloss.NewLayer(screen), top).Render()
	}
	lines := strings.Split(screen, "\n")
	for i, l := range strings.Split(b.box, "\n") {
		if b.y+i < len(lines) {
			lines[b.y+i] = FitLine(strings.Repeat(" ", b.x)+l, s.W)
		}
	}
	return strings.Join(lines, "\n")
}

// chrome is how many lines stand above and below the page; very low windows
// give them up.
func (s *Shell) chrome() (head, foot int) {
	switch {
	case s.H >= 16:
		return 2, 1
	case s.H >= 5:
		return 1, 1
	}
	return 0, 0
}

// placed is a box, where it stands, and how wide its frame is.
type placed struct {
	box         string
	x, y, frame int
}

// place renders an overlay's box and says where it goes. A prompt lies over
// the last lines, everything else in the middle.
func (s *Shell) place(o overlay) placed {
	if p, ok := o.(*Prompt); ok {
		box := p.View(s.W, s.H)
		return placed{box: box, y: max(0, s.H-lipgloss.Height(box))}
	}
	room, high := max(1, s.W-4), max(1, s.H-4)
	if s.W <= 60 || s.H <= 16 {
		room, high = max(1, s.W-2), max(1, s.H-3)
	}
	inside := o.View(room, high)
	w, h := min(room, lipgloss.Width(inside)), min(high, lipgloss.Height(inside))
	w = max(w, min(room, Width(o.Title())+4))
	return placed{s.Theme.boxed(o.Title(), inside, w, h), max(0, (s.W-w-2)/2), max(0, (s.H-1-h-2)/2), 1}
}

// namesFrom is the width from which the tabs have the names of all pages.
const namesFrom = 65

// tabs draws the pages and, at the right edge, the state of the receiver. hints are the tabs where they stand.
func (s *Shell) tabs() (line string, hints []hint) {
	t := s.Theme
	var b strings.Builder
	at := 0
	if s.W >= 100 {
		const name = "hookctl"
		home := ""
		if room := s.W - 100; s.Home != "" && room >= 12 { // it is not the default one
			home = " " + t.Cut(s.Home, min(room, 32)-1)
		}
		b.WriteString(" " + t.Title.Render(name) + t.Faint.Render(home))
		at = 1 + len(name) + Width(home)
	}
	for i, p := range s.Pages {
		key, style := string(rune('1'+i)), t.tabOff
		name := key + " " + p.Name()
		switch {
		case i == s.At:
			style = t.TabOn
		case s.W < namesFrom:
			name = key
		}
		b.WriteString("  " + style.Render(name))
		hints = append(hints, hint{key, at + 2, len(name)})
		at += 2 + len(name)
	}
	room := s.W - at - 2 // a space before it and one after
	if room < 1 {
		return b.String(), hints
	}
	right := s.Theme.lamp(s.Lamp(), room)
	return b.String() + strings.Repeat(" ", max(1, room+1-Width(right))) + right, hints
}

// Lamp is the state of the receiver, as the upper right corner shows it. Its
// text is clean.
type Lamp struct {
	Known   bool // the receiver was asked
	Running bool
	Stopped bool // there is no receiver
	Address string
	Alarm   string // what is wrong with a receiver that runs
}

// lamp draws the state of the receiver, in as many words as room has columns for.
func (t *Theme) lamp(l Lamp, room int) string {
	first := func(sign string, style Style, texts ...string) string {
		for _, text := range texts {
			if 2+Width(text) <= room {
				return sign + " " + style.Render(text)
			}
		}
		return sign
	}
	switch {
	case !l.Known:
		return ""
	case l.Running && l.Alarm != "":
		return first(t.Bad.Render(t.Sym.Warn), t.Bad, t.Cut(l.Alarm, 24), t.Cut(l.Alarm, max(12, room-2)))
	case l.Running:
		return first(t.Good.Render(t.Sym.Running), t.Faint, l.Address)
	case l.Stopped:
		return first(t.Warn.Render(t.Sym.Off), t.Warn, "receiver stopped", "stopped")
	}
	return first(t.Bad.Render(t.Sym.Bad), t.Bad, "receiver")
}

// foot is the keys that matter here, and beside them the toast while there is one. A toast that leaves no room for help stands
// alone. hints are the keys where they stand.
func (s *Shell) foot() (line string, hints []hint) {
	all := s.Actions()
	help := Action{ID: "help", Keys: []string{"?"}, Label: "help"}
	if len(s.drawn()) > 0 {
		help = Action{ID: "close", Keys: []string{"esc"}, Label: "close"}
		if act, ok := Find(all, "esc"); ok {
			help = act
		}
	}
	toast := s.Toast.view(s.Theme, s.W)
	room := s.W - Width(toast)
	line, width, hints := s.Theme.footer(all, help, room)
	if toast != "" && width > room {
		return toast, nil
	}
	return line + strings.Repeat(" ", max(0, room-width)) + toast, hints
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
