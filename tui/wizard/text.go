package wizard

import (
	"strings"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

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
		case kit.Width(line)+1+kit.Width(part) <= w:
			line += " " + part
		default:
			out = append(out, line)
			line = "  " + part
		}
	}
	return append(out, line)
}

// intro is what a step asks; in a low window the short form, in one line.
func (w *Wizard) intro(long, short string, wide, h int) []string {
	if h >= 12 {
		return append(kit.Paragraph(long, wide), "")
	}
	return []string{w.shell.Theme.Cut(" "+short, wide)}
}

// trouble is an error and its cure for a step's view.
func (w *Wizard) trouble(err error, wide int) []string { return w.shell.Trouble(err, wide) }

// good is what works, in lines.
func (w *Wizard) good(text string, wide int) []string {
	return marked(w.shell.Theme.Good.Render(w.shell.Theme.Sym.OK), text, wide)
}

// marked is text behind a mark, in lines.
func marked(mark, text string, wide int) []string {
	var out []string
	for i, l := range kit.Folded(text, max(1, wide-5)) {
		if i == 0 {
			out = append(out, " "+mark+" "+l)
		} else {
			out = append(out, "   "+l)
		}
	}
	return out
}

// doing is a line that says what is under way.
func (w *Wizard) doing(text string) string {
	t := w.shell.Theme
	return " " + t.Warn.Render(t.Sym.Pending) + " " + text
}

// warning is text to heed, in lines.
func (w *Wizard) warning(words string, wide int) []string {
	t := w.shell.Theme
	return kit.Flagged(t.Warn, t.Sym.Warn, text.Clean(words), wide)
}

// seen is what a test of the address saw, and what may help.
func (w *Wizard) seen(r reached, wide int) []string {
	return append(w.warning(r.saw, wide), kit.CureLines(r.cure, wide)...)
}
