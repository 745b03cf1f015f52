package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside fit for one line of a terminal, a log or a
// prompt. Escape sequences are removed whole. Line breaks and tabs become a space; other control characters (C0,
// DEL, C1), format characters (bidi overrides, zero width and tag
// characters), private use characters and line separators are removed;
// invalid UTF-8 becomes U+FFFD. The zero width joiner stays where it holds an
// emoji together, since it cannot move text.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = withoutSequences(s)
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f' || r == '\u0085':
			// A CRLF is one break.
			if r == '\n' && i > 0 && s[i-1] == '\r' {
				continue
			}
			b.WriteByte(' ')
		case r == '\u200d' && joins(s, i):
			b.WriteRune(r)
		case !printable(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// withoutSequences removes the escape sequences that have a body (CSI, OSC,
// DCS and their like), as far as they are ended. Of anything else only the
// escape character itself goes, later, so that no honest text is lost.
func withoutSequences(s string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, 0x1b)
		if at < 0 || at+1 == len(s) {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		s = s[at+1:]
		switch s[0] {
		case '[':
			if n := strings.IndexFunc(s[1:], func(r rune) bool { return r < 0x20 || r > 0x3f }); n >= 0 && s[1+n] >= 0x40 && s[1+n] <= 0x7e {
				s = s[1+n+1:]
			}
		case ']', 'P', 'X', '^', '_':
			if n := strings.IndexAny(s, "\x07\x1b"); n >= 0 && s[n] == 0x07 {
				s = s[n+1:]
			} else if n >= 0 && strings.HasPrefix(s[n:], "\x1b\\") {
				s = s[n+2:]
			}
		}
	}
}

// isClean is the quick way for what nearly all text is.
func isClean(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == 0x7f {
			return false
		} else if c >= utf8.RuneSelf {
			return cleanRunes(s[i:])
		}
	}
	return true
}

func cleanRunes(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if !printable(r) {
			return false
		}
	}
	return true
}

// printable is false for what acts on a terminal or hides in a line.
func printable(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 0x20 && r != 0x7f
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) &&
		r != '\u115f' && r != '\u1160' && r != '\u3164' && r != '\uffa0' // Hangul fillers print nothing
}

// joins says whether the joiner at s[i] stands between two symbols.
func joins(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+len("\u200d"):])
	symbol := func(r rune) bool {
		return unicode.In(r, unicode.So, unicode.Sk) || r == '\ufe0f'
	}
	return symbol(before) && symbol(after)
}
