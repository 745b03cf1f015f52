package kit

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
)

// Width is how many columns s takes on screen.
func Width(s string) int { return ansi.StringWidth(s) }

// Wrap breaks s into lines of at most w columns.
func Wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	return strings.Split(ansi.Wrap(s, w, " /"), "\n")
}

// Folded breaks text into lines of at most w columns, at blanks only, so that
// commands and addresses stay whole; a word that is wider than a line is cut.
func Folded(text string, w int) []string {
	if w <= 0 {
		return nil
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch n := Width(word); {
		case line != "" && Width(line)+1+n <= w:
			line += " " + word
			continue
		case line != "":
			out = append(out, line)
		}
		for Width(word) > w {
			out = append(out, ansi.Cut(word, 0, w))
			word = ansi.Cut(word, w, Width(word))
		}
		line = word
	}
	if line != "" || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// Paragraph is text with a margin, in lines.
func Paragraph(text string, w int) []string {
	var out []string
	for _, l := range Folded(text, max(1, w-2)) {
		out = append(out, " "+l)
	}
	return out
}

// Flagged is text that begins with a symbol; the lines that follow are indented.
func Flagged(style Painter, symbol, text string, wide int) []string {
	var out []string
	for i, l := range Folded(text, max(1, wide-5)) {
		if i == 0 {
			l = symbol + " " + l
		} else {
			l = "  " + l
		}
		out = append(out, " "+style.Render(l))
	}
	return out
}

// CureLines are a cure as a hint below what it cures.
func CureLines(cure string, wide int) []string {
	if cure == "" {
		return nil
	}
	var out []string
	for _, l := range Folded("hint: "+text.Clean(cure), max(1, wide-5)) {
		out = append(out, "   "+l)
	}
	return out
}

// First are at most n lines.
func First(lines []string, n int) []string { return lines[:min(n, len(lines))] }

// Painter is a style.
type Painter interface{ Render(...string) string }
