package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
)

// folded breaks text into lines of at most w columns, at blanks only, so that
// commands and addresses stay whole; a word that is wider than a line is cut.
func folded(text string, w int) []string {
	if w <= 0 {
		return nil
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch n := width(word); {
		case line != "" && width(line)+1+n <= w:
			line += " " + word
			continue
		case line != "":
			out = append(out, line)
		}
		for width(word) > w {
			out = append(out, ansi.Cut(word, 0, w))
			word = ansi.Cut(word, w, width(word))
		}
		line = word
	}
	if line != "" || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// callLines breaks a gh line before its flags, so that it can be read.
func callLines(call string, w int) []string {
	var out []string
	line := ""
	for i, part := range strings.Split(text.Clean(call), " -") {
		if i > 0 {
			part = "-" + part
		}
		switch {
		case line == "":
			line = part
		case width(line)+1+width(part) <= w:
			line += " " + part
		default:
			out = append(out, line)
			line = "  " + part
		}
	}
	return append(out, line)
}

// paragraph is text with a margin, in lines.
func paragraph(text string, w int) []string {
	var out []string
	for _, l := range folded(text, max(1, w-2)) {
		out = append(out, " "+l)
	}
	return out
}

// intro is what a step asks; in a low window the short form, in one line.
func (w *wizard) intro(long, short string, wide, h int) []string {
	if h >= 12 {
		return append(paragraph(long, wide), "")
	}
	return []string{w.a.theme.cut(" "+short, wide)}
}

// flagged is text that begins with a symbol; the lines that follow are indented.
func flagged(style painter, symbol, text string, wide int) []string {
	var out []string
	for i, l := range folded(text, max(1, wide-5)) {
		if i == 0 {
			l = symbol + " " + l
		} else {
			l = "  " + l
		}
		out = append(out, " "+style.Render(l))
	}
	return out
}

// cureLines are a cure as a hint below what it cures.
func cureLines(cure string, wide int) []string {
	if cure == "" {
		return nil
	}
	var out []string
	for _, l := range folded("hint: "+text.Clean(cure), max(1, wide-5)) {
		out = append(out, "   "+l)
	}
	return out
}

// troubleLines are an error and its cure.
func (t *theme) troubleLines(err error, wide int) []string {
	return append(flagged(t.bad, t.sym.bad, text.Clean(err.Error()), wide), cureLines(cureFor(err), wide)...)
}

// trouble is an error and its cure for a step's view.
func (w *wizard) trouble(err error, wide int) []string { return w.a.theme.troubleLines(err, wide) }

// good is what is well, in lines.
func (w *wizard) good(text string, wide int) []string {
	t := w.a.theme
	var out []string
	for i, l := range folded(text, max(1, wide-5)) {
		if i == 0 {
			out = append(out, " "+t.good.Render(t.sym.ok)+" "+l)
		} else {
			out = append(out, "   "+l)
		}
	}
	return out
}

// doing is a line that says what is under way.
func (w *wizard) doing(text string) string {
	t := w.a.theme
	return " " + t.warn.Render(t.sym.pending) + " " + text
}

// warning is text to heed, in lines.
func (w *wizard) warning(words string, wide int) []string {
	t := w.a.theme
	return flagged(t.warn, t.sym.warn, text.Clean(words), wide)
}

// seen is what a test of the address saw, and what may help.
func (w *wizard) seen(r reached, wide int) []string {
	return append(w.warning(r.saw, wide), cureLines(r.cure, wide)...)
}
