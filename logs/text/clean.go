package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes text from outside fit for one line of a terminal, a log or a
// prompt. Escape sequences are removed whole. Line breaks and tabs become a space; other control characters (C0,
// DEL, C1) and private use characters are removed, and so is what has no shape of its own: format characters (bidi
// controls, zero width, tags) and everything else that Unicode calls Default_Ignorable_Code_Point (variation selectors,
// fillers, U+034F). Invalid UTF-8 becomes U+FFFD. Emoji stay whole: a joiner or a selector remains where it is part of one.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = withoutSequences(s)
	var b strings.Builder
	b.Grow(len(s))
	var last rune // the last character that stays
	for s != "" {
		r, n, shown := first(s, last)
		switch {
		case isBreak(r):
			b.WriteByte(' ')
			last = ' '
			// A CRLF is one break.
			if r == '\r' && strings.HasPrefix(s, "\r\n") {
				n = 2
			}
		case r == utf8.RuneError:
			b.WriteRune(r)
			last = r
		case shown:
			b.WriteString(s[:n])
			last = r
		}
		s = s[n:]
	}
	return b.String()
}

// Spell writes what [Clean] would remove as a JSON string does, \u200b, and keeps the rest, with line feeds and tabs: for
// JSON on a terminal, which must neither obey nor hide anything and means the same afterwards.
func Spell(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	var last rune
	for s != "" {
		r, n, shown := first(s, last)
		switch high, low := utf16.EncodeRune(r); {
		case shown, r == '\n', r == '\t':
			b.WriteString(s[:n])
		case r == utf8.RuneError:
			b.WriteRune(r)
		case high == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
		if last = 0; shown {
			last = r
		}
		s = s[n:]
	}
	return b.String()
}

// first reads the first character of s, which follows last, and says whether it is shown. Of s it takes n bytes.
func first(s string, last rune) (r rune, n int, shown bool) {
	r, n = utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && n == 1:
		return r, n, false
	case r == joiner || r == emojiSelector:
		next, _ := utf8.DecodeRuneInString(s[n:])
		return r, n, inEmoji(last, r, next)
	case r == blackFlag:
		return r, flagLength(s, n), true
	}
	return r, n, printable(r)
}

func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\t', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
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

// printable is false for what acts on a terminal or hides in a line. Default_Ignorable_Code_Point is derived from the last
// two tables and most of Cf (Unicode, DerivedCoreProperties.txt).
func printable(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 0x20 && r != 0x7f
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
