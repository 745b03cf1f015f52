package kit

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Theme is every style and symbol of the interface: the sixteen colours of the
// user's palette, and one accent that is picked for a light or a dark ground.
type Theme struct {
	Ascii bool

	Accent, Bold, Faint, Text      lipgloss.Style
	Good, Warn, Bad                lipgloss.Style
	Selected, TabOn, tabOff, Title lipgloss.Style
	Here                           lipgloss.Style // the cursor's line in a pane that does not have the keys
	Key, Match, Border             lipgloss.Style
	jsonKey, jsonString, jsonOther lipgloss.Style

	Sym symbols
}

// symbols are the few characters beyond ASCII that the interface draws, or
// their stand-ins.
type symbols struct {
	OK, Bad, Warn, Pending, Off string
	Cursor, Mark, folded, open  string
	More, Up, Down, Dash        string
	Running                     string
	spark                       []string
	box                         lipgloss.Border
	Rule, column                string
}

// NewTheme builds the styles for a light or a dark background, and the symbols
// for a terminal that knows Unicode or one that does not.
func NewTheme(dark, ascii bool) *Theme {
	pick := lipgloss.LightDark(dark)
	accent := pick(lipgloss.Color("#4F46E5"), lipgloss.Color("#A5B4FC"))
	yellow := pick(lipgloss.Color("#B45309"), lipgloss.Yellow)
	base := lipgloss.NewStyle()
	t := &Theme{
		Ascii:  ascii,
		Accent: base.Foreground(accent), Bold: base.Bold(true), Text: base,
		Faint: base.Foreground(lipgloss.BrightBlack),
		Good:  base.Foreground(lipgloss.Green), Warn: base.Foreground(yellow),
		Bad:      base.Foreground(lipgloss.Red),
		Selected: base.Foreground(accent).Reverse(true), Here: base.Foreground(accent).Bold(true),
		TabOn: base.Foreground(accent).Bold(true).Underline(true), tabOff: base,
		Title: base.Foreground(accent).Bold(true),
		Key:   base.Foreground(accent), Match: base.Reverse(true),
		Border:  base.Foreground(lipgloss.BrightBlack),
		jsonKey: base.Foreground(accent), jsonString: base.Foreground(lipgloss.Green), jsonOther: base.Foreground(yellow),
	}
	if ascii {
		t.Sym = symbols{
			OK: "+", Bad: "x", Warn: "!", Pending: "~", Off: "-", Cursor: ">", Mark: "*", folded: ">", open: "v",
			More: "~", Up: "^", Down: "v", Dash: "-", Running: "o",
			spark: []string{" ", ".", ":", "-", "=", "+", "*", "#"}, box: lipgloss.ASCIIBorder(),
			Rule: "-", column: "|",
		}
		return t
	}
	t.Sym = symbols{
		OK: "✓", Bad: "✗", Warn: "!", Pending: "◌", Off: "○", Cursor: "▌", Mark: "◆", folded: "▸", open: "▾",
		More: "…", Up: "↑", Down: "↓", Dash: "–", Running: "●",
		spark: []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "█"}, box: lipgloss.RoundedBorder(),
		Rule: "─", column: "│",
	}
	return t
}

// Chart draws values as one row of block characters, the highest one full.
func (t *Theme) Chart(values []int) string {
	top := 0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 && v > 0 {
			i = max(1, v*(len(t.Sym.spark)-1)/top)
		}
		b.WriteString(t.Sym.spark[i])
	}
	return b.String()
}
