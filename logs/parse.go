package logs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hookctl/logs/text"
)

// ParseFilter reads a filter of the one grammar that the TUI and
// `events list --filter` share:
//
//	event:push repo:octo-org/* !sender:*[bot] status:failed since:1h "free text"
//
// Words are joined by "and". A word is field:value or free text that is
// looked for in the summary (or is a delivery id), a leading ! turns it round, and quotes hold text
// together. Values are compared whole, in any case; * and ? are wildcards,
// and a comma separates alternatives (event:push,release). since and until
// take an age (90s, 15m, 1h, 3d, 2w) counted back from now, a date
// (2026-01-31) or a time (2026-01-31T12:00:00Z). payload looks for text
// anywhere in what GitHub sent, in any case of ASCII letters; it reads the
// files of the records that the other terms leave. Errors are *[FilterError].
func ParseFilter(text string, now time.Time) (Filter, error) {
	p := filterParser{text: text, now: now}
	f := Filter{text: strings.TrimSpace(text)}
	for {
		p.space()
		if p.pos == len(text) {
			return f, nil
		}
		t, err := p.term()
		if err != nil {
			return Filter{}, err
		}
		f.terms = append(f.terms, t)
	}
}

type filterParser struct {
	text string
	pos  int
	now  time.Time
}

func (p *filterParser) fail(at int, format string, args ...any) error {
	return &FilterError{Offset: at, Character: utf8.RuneCountInString(p.text[:at]) + 1, Msg: fmt.Sprintf(format, args...)}
}

func (p *filterParser) space() {
	p.pos = len(p.text) - len(strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace))
}

func (p *filterParser) term() (term, error) {
	var t term
	start := p.pos
	if p.text[p.pos] == '!' {
		t.not = true
		p.pos++
		if at := p.pos; at == len(p.text) || strings.IndexFunc(p.text[at:], unicode.IsSpace) == 0 {
			return t, p.fail(start, "! stands before nothing; write !word or !field:value")
		}
	}
	nameAt := p.pos
	if name, ok := p.fieldName(); ok {
		if t.field, ok = fieldNamed(name); !ok {
			var names []string
			for _, f := range fields() {
				names = append(names, f.name)
			}
			return t, p.fail(nameAt, "there is no field %q; fields are %s; quote the word to search for it as text", name, strings.Join(names, ", "))
		}
		return t, p.values(&t)
	}
	word, err := p.word("")
	if err != nil {
		return t, err
	}
	if word == "" {
		return t, p.fail(nameAt, "empty text; write something between the quotes")
	}
	t.values = []string{foldText(word)}
	if isGUID(t.values[0]) {
		t.field, _ = fieldNamed("id")
	}
	return t, nil
}

// isGUID says whether free text is a whole delivery id, which is not part of
// the summary but is what people paste.
func isGUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && strings.Trim(s, "0123456789abcdef-") == ""
}

// fieldName takes letters and a colon, or nothing.
func (p *filterParser) fieldName() (string, bool) {
	name, _, found := strings.Cut(p.text[p.pos:], ":")
	isLetter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	if !found || !text.MadeOf(name, 1, len(name), isLetter) {
		return "", false
	}
	p.pos += len(name) + 1
	return name, true
}

// values reads one value or several with commas between, and checks them.
func (p *filterParser) values(t *term) error {
	for {
		at := p.pos
		v, err := p.word(",")
		if err != nil {
			return err
		}
		if v == "" {
			return p.fail(at, "a value is missing after %s:", t.name)
		}
		v = asciiLower(strings.ReplaceAll(strings.ToValidUTF8(v, "\ufffd"), "\x00", " "))
		if err := p.check(t, v, at); err != nil {
			return err
		}
		t.values = append(t.values, v)
		if p.pos == len(p.text) || p.text[p.pos] != ',' {
			return nil
		}
		if t.single {
			return p.fail(p.pos, "%s: takes one value", t.name)
		}
		p.pos++
	}
}

// check refuses values that can never match, where the choice is small.
func (p *filterParser) check(t *term, v string, at int) error {
	switch t.name {
	case "since", "until":
		when, ok := parseWhen(v, p.now)
		if !ok {
			return p.fail(at, "not a valid time: %q; write an age (90s, 15m, 1h, 3d, 2w), a date (2026-01-31) or a time (2026-01-31T12:00:00Z)", v)
		}
		t.time = when
		return nil
	case "number", "hook":
		if strings.Trim(v, "0123456789") != "" {
			return p.fail(at, "not a number: %q", v)
		}
		return nil
	}
	if !t.closed || t.choice(v).text != "" {
		return nil
	}
	var allowed []string
	for _, c := range t.choices {
		allowed = append(allowed, c.text)
	}
	return p.fail(at, "%s: cannot be %q; it is one of %s", t.name, v, strings.Join(allowed, ", "))
}

// word reads up to a space or one of the stops; quotes hold text together,
// and a backslash in quotes takes the next character as it is.
func (p *filterParser) word(stops string) (string, error) {
	var b strings.Builder
	for p.pos < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(stops, r):
			return b.String(), nil
		case r == '"':
			if err := p.quoted(&b); err != nil {
				return "", err
			}
		default:
			b.WriteString(p.text[p.pos : p.pos+n])
			p.pos += n
		}
	}
	return b.String(), nil
}

func (p *filterParser) quoted(b *strings.Builder) error {
	start := p.pos
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			return nil
		case '\\':
			if p.pos+1 < len(p.text) {
				p.pos++
			}
			b.WriteByte(p.text[p.pos])
		default:
			b.WriteByte(c)
		}
	}
	return p.fail(start, "the quote that begins here is not closed")
}

// parseWhen reads an age or a point in time; v is in lower case.
func parseWhen(v string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.Parse(layout, strings.ToUpper(v)); err == nil {
			return t, true
		}
	}
	if n := len(v); n > 1 && (v[n-1] == 'd' || v[n-1] == 'w') {
		days, err := strconv.ParseFloat(v[:n-1], 64)
		if err != nil || !(days >= 0 && days < 100_000) {
			return time.Time{}, false
		}
		if v[n-1] == 'w' {
			days *= 7
		}
		if days > 100_000 {
			return time.Time{}, false
		}
		return now.Add(-time.Duration(days * 24 * float64(time.Hour))), true
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return time.Time{}, false
	}
	return now.Add(-d), true
}
