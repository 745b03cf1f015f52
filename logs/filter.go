package logs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Filter chooses entries; all its terms must hold. The zero Filter matches
// everything. It is made by [ParseFilter] and immutable.
type Filter struct {
	text  string
	terms []term
}

// term is one word of a filter.
type term struct {
	field            // without a name for free text
	not    bool      // !term
	values []string  // lower case; any of them
	time   time.Time // of since and until
}

// String returns the text that the filter was parsed from.
func (f Filter) String() string { return f.text }

// split parts the terms that the index answers from those that look into payloads.
func (f Filter) split() (rest Filter, words []term) {
	rest = f
	if !f.InPayloads() {
		return f, nil
	}
	rest.terms = nil
	for _, t := range f.terms {
		if t.name == "payload" {
			words = append(words, t)
		} else {
			rest.terms = append(rest.terms, t)
		}
	}
	return rest, words
}

// InPayloads says whether the filter looks into payloads. What it chooses
// then, [Log.Match] says; Match takes those terms for true.
func (f Filter) InPayloads() bool {
	return slices.ContainsFunc(f.terms, func(t term) bool { return t.name == "payload" })
}

// IsZero says whether the filter matches everything.
func (f Filter) IsZero() bool { return len(f.terms) == 0 }

// And returns a filter that asks for both.
func (f Filter) And(g Filter) Filter {
	return Filter{
		text:  strings.TrimSpace(f.text + " " + g.text),
		terms: append(append([]term(nil), f.terms...), g.terms...),
	}
}

// FilterError says where a filter text goes wrong.
type FilterError struct {
	Offset    int    // in bytes, of the character that is at fault
	Character int    // the same in characters, counted from 1
	Msg       string // what is wrong and what would be right
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("filter, character %d: %s", e.Character, e.Msg)
}

// Match says whether the filter chooses the entry. It gives the same answer
// as the index does.
func (f Filter) Match(e Entry) bool {
	text := ""
	for i := range f.terms {
		t := &f.terms[i]
		if t.name == "" && text == "" {
			text = searchText(&e)
		}
		if t.name != "payload" && t.match(&e, text) == t.not {
			return false
		}
	}
	return true
}

func (t *term) match(e *Entry, text string) bool {
	switch t.name {
	case "":
		return strings.Contains(text, t.values[0])
	case "since":
		return !e.ReceivedAt.Before(t.time)
	case "until":
		return e.ReceivedAt.Before(t.time)
	}
	if t.value == nil {
		return slices.ContainsFunc(t.values, func(v string) bool { return t.choice(v).match(e) })
	}
	value := asciiLower(t.value(e))
	return slices.ContainsFunc(t.values, func(v string) bool { return globMatch(v, value) })
}

// asciiLower folds what SQLite's lower() and NOCASE fold, so that Match and
// the index agree.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// searchText is what free text is looked for in: the summary, one part a
// line, in lower case, so that nothing is found across two parts. A title that
// the result repeats stands there only: a shorter text is searched sooner.
func searchText(e *Entry) string {
	title := e.Title
	if strings.Contains(e.Result, title) {
		title = ""
	}
	var b strings.Builder
	for _, s := range [...]string{e.Event, e.Action, e.Repository, e.Sender, title, e.Branch, e.Conclusion, e.Result} {
		if s != "" {
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	if e.Number != nil {
		fmt.Fprintf(&b, "#%d\n", *e.Number)
	}
	return foldText(b.String())
}

// foldText folds text for searching, the same for needle and haystack.
func foldText(s string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", " "))
}

// globMatch matches a whole value against a pattern in which * stands for
// any text and ? for one character; nothing else is special, so that
// *[bot] means what it says.
func globMatch(pattern, s string) bool {
	p, v := []rune(pattern), []rune(s)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(v) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == v[j]):
			i++
			j++
		case star >= 0:
			i = star + 1
			mark++
			j = mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// where puts a filter into SQL. table r is record, s is search; search says
// that s is asked for.
func (f Filter) where() (conds []string, args []any, search bool) {
	for i := range f.terms {
		t := &f.terms[i]
		cond, more := t.where()
		if t.not {
			cond = "NOT " + cond
		}
		conds, args = append(conds, cond), append(args, more...)
		search = search || t.name == ""
	}
	return conds, args, search
}

func (t *term) where() (cond string, args []any) {
	switch t.name {
	case "":
		return "(s.text GLOB ?)", []any{"*" + globQuote(t.values[0], "*?[") + "*"}
	case "since":
		// The second bound is the one with an index.
		return "(r.at >= ? AND r.id >= ?)", []any{orderKey(t.time), orderKey(t.time)}
	case "until":
		return "(r.at < ? AND r.id < ?)", []any{orderKey(t.time), orderKey(t.time) + 1_000_000}
	}
	var parts []string
	for _, v := range t.values {
		switch {
		case t.value == nil:
			parts = append(parts, t.choice(v).cond)
		case strings.ContainsAny(v, "*?"):
			parts = append(parts, "lower("+t.column+") GLOB ?")
			args = append(args, globQuote(v, "["))
		default:
			parts = append(parts, t.column+" = ?")
			args = append(args, v)
		}
	}
	return "(" + balanced(parts, " OR ") + ")", args
}

// balanced joins conditions so that thousands of them are nested a few deep only: SQLite refuses what is nested deeper
// than 1000, as a plain chain of them is.
func balanced(conds []string, by string) string {
	const few = 100
	if len(conds) <= few {
		return strings.Join(conds, by)
	}
	half := len(conds) / 2
	return "(" + balanced(conds[:half], by) + ")" + by + "(" + balanced(conds[half:], by) + ")"
}

// globQuote takes the meaning from characters of SQLite's GLOB.
func globQuote(s, special string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(special, r) {
			b.WriteString("[" + string(r) + "]")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func whereClause(conds []string) string {
	if len(conds) == 0 {
		return ""
	}
	return " WHERE " + balanced(conds, " AND ")
}
