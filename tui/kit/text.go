package kit

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
)

// Width is how many columns s takes on screen. Nearly all text is ASCII, styles and the interface's own symbols; only in other
// text have graphemes to be distinguished, which takes a hundred times as long.
func Width(s string) int {
	n := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c >= ' ' && c < 0x7f:
			n, i = n+1, i+1
		case c == '\x1b' && style(s[i:]) > 0:
			i += style(s[i:])
		case c == 0xe2:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !single(r) {
				return ansi.StringWidth(s)
			}
			n, i = n+1, i+size
		default:
			return ansi.StringWidth(s)
		}
	}
	return n
}

// single reports whether r is one column wide and begins and ends a grapheme: dashes, arrows, lines, blocks, shapes, checks.
func single(r rune) bool {
	return r >= 0x2500 && r <= 0x25fc || r == '–' || r == '…' || r >= '←' && r <= '↓' || r == '✓' || r == '✗'
}

// style is the length of the style at the start of s, 0 for anything else.
func style(s string) int {
	for i := 2; i < len(s) && s[1] == '['; i++ {
		if c := s[i]; c == 'm' {
			return i + 1
		} else if (c < '0' || c > '9') && c != ';' && c != ':' {
			break
		}
	}
	return 0
}

// truncate shortens s to w columns, of which more is the last; s is wider.
func truncate(s string, w int, more string) string {
	keep := w - Width(more)
	if keep < 0 || strings.ContainsFunc(s[:min(len(s), w+1)], func(r rune) bool { return r < ' ' || r > '~' }) {
		return ansi.Truncate(s, w, more)
	}
	return s[:keep] + more
}

// Clean is text from outside on one line: without what could act on a terminal, and as wide in each.
func Clean(s string) string { return Steady(text.Clean(s)) }

// Steady is s with each character as wide in a terminal that counts by code points, such as tmux, as in one that counts by
// graphemes; else what stands behind it on the line moves. Of an emoji made of several the first is left; letters and vowel
// signs that combine with those before them get columns of their own.
func Steady(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return s
	}
	if ansi.StringWidth(s) == ansi.StringWidthWc(s) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\ufe0f' || r == '\u200d' }) {
		return s
	}
	var b strings.Builder
	for s != "" {
		c, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		s = s[len(c):]
		switch runes := []rune(c); {
		case w == ansi.StringWidthWc(c):
			b.WriteString(c)
		case unicode.IsLetter(runes[0]):
			for i, r := range runes {
				if i > 0 && ansi.StringWidthWc(string(r)) > 0 {
					b.WriteRune('\u200b') // begins another grapheme
				}
				b.WriteRune(r)
			}
		default:
			b.WriteRune(runes[0])
		}
	}
	return b.String()
}

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
	for word := range strings.FieldsSeq(text) {
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

// Hanging is text in lines of at most w columns, the first behind lead, the others behind as many blanks.
func Hanging(lead, text string, w int) []string {
	lines := Folded(text, max(1, w))
	for i := range lines {
		lines[i] = lead + lines[i]
		if i == 0 {
			lead = strings.Repeat(" ", Width(lead))
		}
	}
	return lines
}

// Paragraph is text with a margin, in lines.
func Paragraph(text string, w int) []string { return Hanging(" ", text, w-2) }

// Flagged is text that begins with a symbol; the lines that follow are indented.
func Flagged(style Painter, symbol, text string, wide int) []string {
	lines := Hanging(symbol+" ", text, wide-5)
	for i, l := range lines {
		lines[i] = " " + style.Render(l)
	}
	return lines
}

// CureLines are a cure as a hint below what it cures.
func CureLines(cure string, wide int) []string {
	if cure == "" {
		return nil
	}
	return Hanging("   ", "hint: "+Clean(cure), wide-5)
}

// Owners are those of repositories by the names of these, "" where several have a name.
type Owners map[string]string

// Add takes in a repository.
func (o Owners) Add(repository string) {
	if owner, name, ok := strings.Cut(repository, "/"); ok {
		if other, seen := o[name]; seen && other != owner {
			owner = ""
		}
		o[name] = owner
	}
}

// Short is a repository without its owner, unless another owner has one of that name.
func (o Owners) Short(repository string) string {
	if _, name, ok := strings.Cut(repository, "/"); ok && o[name] != "" {
		return name
	}
	return repository
}

// First are at most n lines.
func First(lines []string, n int) []string { return lines[:min(n, len(lines))] }

// Painter is a style.
type Painter interface{ Render(string) string }

// Age is a span of time in the unit that says most.
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Ago says how long ago something was.
func Ago(d time.Duration) string {
	if d < 0 {
		return "just now"
	}
	return Age(d) + " ago"
}

// Clock is a time of today as hours, of another day with its date.
func Clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("Jan 02 15:04")
}

// TimeIn fits w columns, nine or five: the time of today, the day before that.
func TimeIn(at, now time.Time, w int) string {
	if at.IsZero() || w == 0 {
		return ""
	}
	at, now = at.Local(), now.Local()
	long, short := "06-01-02", "01-02"
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		long, short = "15:04:05", "15:04"
	case now.Sub(at) < 7*24*time.Hour:
		long, short = "Mon 15:04", "Mon"
	case at.Year() == now.Year():
		long = "Jan 02"
	}
	if w < 8 {
		return at.Format(short)
	}
	return at.Format(long)
}

// Are is a number with its noun and verb.
func Are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return text.Count(n, noun) + " are"
}

// Some names the first n of many.
func Some(names []string, n int) string {
	if len(names) <= n+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// When is words where something holds, and "" elsewhere.
func When(holds bool, words string) string {
	if holds {
		return words
	}
	return ""
}

// HasWords reports whether a text has all of these words, in capitals or not.
func HasWords(text, words string) bool {
	text = strings.ToLower(text)
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(words)), func(w string) bool { return !strings.Contains(text, w) })
}

// Many is how many lines a person sees at a glance.
const Many = 9
