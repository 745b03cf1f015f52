package kit

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// Theme is every style and symbol of the interface. Its colours are readable on the terminal's own background (see palette);
// the selection is the accent reversed, so it has the accent's contrast.
type Theme struct {
	Ascii bool

	Accent, Bold, Faint, Text      Style
	Good, Warn, Bad                Style
	Selected, TabOn, tabOff, Title Style
	Here                           Style // the cursor's line in a pane that does not have the keys
	Key, Match, Border             Style
	jsonKey, jsonString, jsonOther Style

	Sym symbols
}

// Style is a style of Lip Gloss for text of one line, with what it writes before and after a text worked out once.
type Style struct {
	lipgloss.Style
	before, after string
}

func styleOf(s lipgloss.Style) Style {
	before, after, _ := strings.Cut(s.Render("x"), "x")
	return Style{s, before, after}
}

// Render is text in the style.
func (s Style) Render(text string) string {
	if text == "" {
		return ""
	}
	return s.before + text + s.after
}

// symbols are the few characters beyond ASCII that the interface draws, or
// their stand-ins.
type symbols struct {
	OK, Bad, Warn, Pending, Off string
	Cursor, Mark, Folded, Open  string
	More, Up, Down, Dash        string
	Running                     string
	spark                       []string
	box                         lipgloss.Border
	Rule, column                string
}

// NewTheme builds the styles for the background that the terminal says it has, nil where it did not say, in as many colours
// as profile has; and the symbols for a terminal that knows Unicode or one that does not.
func NewTheme(background color.Color, profile colorprofile.Profile, ascii bool) *Theme {
	c := paletteOn(background, profile)
	base := lipgloss.NewStyle()
	in := func(c color.Color) Style { return styleOf(base.Foreground(c)) }
	accent, strong := in(c.accent), base.Foreground(c.accent).Bold(true)
	t := &Theme{
		Ascii:  ascii,
		Accent: accent, Bold: styleOf(base.Bold(true)), Text: styleOf(base), Faint: in(c.muted),
		Good: in(c.good), Warn: in(c.warn), Bad: in(c.bad),
		Selected: styleOf(accent.Reverse(true)), Here: styleOf(strong),
		TabOn: styleOf(strong.Underline(true)), tabOff: styleOf(base), Title: styleOf(strong),
		Key: accent, Match: styleOf(base.Reverse(true)), Border: in(c.rule),
		jsonKey: accent, jsonString: in(c.good), jsonOther: in(c.warn),
	}
	if ascii {
		t.Sym = symbols{
			OK: "+", Bad: "x", Warn: "!", Pending: "~", Off: "-", Cursor: ">", Mark: "*", Folded: ">", Open: "v",
			More: "~", Up: "^", Down: "v", Dash: "-", Running: "o",
			spark: []string{" ", ".", ":", "-", "=", "+", "*", "#"}, box: lipgloss.ASCIIBorder(),
			Rule: "-", column: "|",
		}
		return t
	}
	t.Sym = symbols{
		OK: "✓", Bad: "✗", Warn: "!", Pending: "◌", Off: "○", Cursor: "▌", Mark: "◆", Folded: "▸", Open: "▾",
		More: "…", Up: "↑", Down: "↓", Dash: "–", Running: "●",
		spark: []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "█"}, box: lipgloss.RoundedBorder(),
		Rule: "─", column: "│",
	}
	return t
}

// Sign is the mark and the style of a level; another one than the three is of what was not checked.
func (t *Theme) Sign(level string) (mark string, style Style) {
	switch level {
	case LevelInfo:
		return t.Sym.OK, t.Good
	case LevelWarn:
		return t.Sym.Warn, t.Warn
	case LevelError:
		return t.Sym.Bad, t.Bad
	}
	return t.Sym.Pending, t.Faint
}

// Chart draws values as columns of block characters in h lines, the highest one full; 0 is blank.
func (t *Theme) Chart(values []int, h int) []string {
	top, steps := 0, len(t.Sym.spark)-1
	for _, v := range values {
		top = max(top, v)
	}
	lines := make([]string, max(0, h))
	for row := range lines {
		var b strings.Builder
		below := steps * (h - 1 - row)
		for _, v := range values {
			i := 0
			if v > 0 {
				i = max(1, int(int64(v)*int64(steps*h)/int64(top)))
			}
			b.WriteString(t.Sym.spark[max(0, min(steps, i-below))])
		}
		lines[row] = b.String()
	}
	return lines
}
