package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// theme is every style and symbol of the interface: the sixteen colours of the
// user's palette, and one accent that is picked for a light or a dark ground.
type theme struct {
	ascii bool

	accent, bold, faint, text      lipgloss.Style
	good, warn, bad                lipgloss.Style
	selected, tabOn, tabOff, title lipgloss.Style
	here                           lipgloss.Style // the cursor's line in a pane that does not have the keys
	key, match, border             lipgloss.Style
	jsonKey, jsonString, jsonOther lipgloss.Style

	sym symbols
}

// symbols are the few characters beyond ASCII that the interface draws, or
// their stand-ins.
type symbols struct {
	ok, bad, warn, pending, off string
	cursor, mark, folded, open  string
	more, up, down, dash        string
	running                     string
	spark                       []string
	box                         lipgloss.Border
	rule, column                string
}

// newTheme builds the styles for a light or a dark background, and the symbols
// for a terminal that knows Unicode or one that does not.
func newTheme(dark, ascii bool) *theme {
	pick := lipgloss.LightDark(dark)
	accent := pick(lipgloss.Color("#4F46E5"), lipgloss.Color("#A5B4FC"))
	yellow := pick(lipgloss.Color("#B45309"), lipgloss.Yellow)
	base := lipgloss.NewStyle()
	t := &theme{
		ascii:  ascii,
		accent: base.Foreground(accent), bold: base.Bold(true), text: base,
		faint: base.Foreground(lipgloss.BrightBlack),
		good:  base.Foreground(lipgloss.Green), warn: base.Foreground(yellow),
		bad:      base.Foreground(lipgloss.Red),
		selected: base.Foreground(accent).Reverse(true), here: base.Foreground(accent).Bold(true),
		tabOn: base.Foreground(accent).Bold(true).Underline(true), tabOff: base,
		title: base.Foreground(accent).Bold(true),
		key:   base.Foreground(accent), match: base.Reverse(true),
		border:  base.Foreground(lipgloss.BrightBlack),
		jsonKey: base.Foreground(accent), jsonString: base.Foreground(lipgloss.Green), jsonOther: base.Foreground(yellow),
	}
	if ascii {
		t.sym = symbols{
			ok: "+", bad: "x", warn: "!", pending: "~", off: "-", cursor: ">", mark: "*", folded: ">", open: "v",
			more: "~", up: "^", down: "v", dash: "-", running: "o",
			spark: []string{" ", ".", ":", "-", "=", "+", "*", "#"}, box: lipgloss.ASCIIBorder(),
			rule: "-", column: "|",
		}
		return t
	}
	t.sym = symbols{
		ok: "✓", bad: "✗", warn: "!", pending: "◌", off: "○", cursor: "▌", mark: "◆", folded: "▸", open: "▾",
		more: "…", up: "↑", down: "↓", dash: "–", running: "●",
		spark: []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "█"}, box: lipgloss.RoundedBorder(),
		rule: "─", column: "│",
	}
	return t
}

// chart draws values as one row of block characters, the highest one full.
func (t *theme) chart(values []int) string {
	top := 0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 && v > 0 {
			i = max(1, v*(len(t.sym.spark)-1)/top)
		}
		b.WriteString(t.sym.spark[i])
	}
	return b.String()
}
