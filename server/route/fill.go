package route

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"hookctl/logs/jsonscan"
	"hookctl/logs/text"
)

// A template is text with places: {alert.state} is the payload's value there, {a|b} the first of them that has one,
// {pages.0.title} an element, {pages.#} how many elements there are where there are several. {Title} is the event's own field.
// {a:words} writes changes_requested as words, {a?, draft} is ", draft" where a is true. What stands in
// [brackets] is left out whole where one of its places is empty, or says what was said; brackets do not nest.

// fill expands a template. Values are cleaned and of one line; it is "" where none of the places has a value.
func (e *Event) fill(template string) string {
	var b strings.Builder
	var said []string
	found := false
	for rest := template; rest != ""; {
		part, optional := rest, false
		if rest[0] == '[' {
			part, rest, _ = strings.Cut(rest[1:], "]")
			optional = true
		} else if i := strings.IndexByte(rest, '['); i >= 0 {
			part, rest = rest[:i], rest[i:]
		} else {
			rest = ""
		}
		words, named, all := e.fillPart(part)
		if optional && (!all || len(named) == 1 && slices.Contains(said, named[0])) {
			continue
		}
		b.WriteString(words)
		said = append(said, named...)
		found = found || len(named) > 0
	}
	if !found && strings.Contains(template, "{") {
		return ""
	}
	words := strings.TrimSpace(b.String())
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(words, ", "), ": "), ",")
}

// fillPart returns the part's words, the values in it, and whether each of its places has one.
func (e *Event) fillPart(part string) (words string, named []string, all bool) {
	var b strings.Builder
	all = true
	for part != "" {
		before, rest, ok := strings.Cut(part, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		place, after, _ := strings.Cut(rest, "}")
		part = after
		if path, then, ok := strings.Cut(place, "?"); ok {
			if e.value(path) == "true" {
				b.WriteString(then)
				named = append(named, then)
			}
			continue
		}
		paths, asWords := strings.CutSuffix(place, ":words")
		v := ""
		for path := range strings.SplitSeq(paths, "|") {
			if v = e.value(path); v != "" {
				break
			}
		}
		if asWords {
			v = strings.ReplaceAll(v, "_", " ")
		}
		if v = text.Cut(v, 120); v == "" {
			all = false
			continue
		}
		b.WriteString(v)
		named = append(named, v)
	}
	return b.String(), named, all
}

// fields are the places of a template that are the event's own.
var fields = map[string]func(*Event) string{
	"Title":      func(e *Event) string { return e.Title },
	"Branch":     func(e *Event) string { return e.Branch },
	"Ref":        func(e *Event) string { return branchOf(e.Ref) },
	"Base":       func(e *Event) string { return e.Base },
	"Head":       func(e *Event) string { return e.Head },
	"Conclusion": func(e *Event) string { return e.Conclusion },
	"Label":      func(e *Event) string { return e.Label },
	"Sender":     func(e *Event) string { return e.Sender },
	"SHA":        func(e *Event) string { return short(e.SHA) },
	"Deleted":    func(e *Event) string { return strconv.FormatBool(e.Deleted) },
	"Commits": func(e *Event) string {
		if e.Commits == 0 {
			return ""
		}
		return text.Count(e.Commits, "commit")
	},
	"Number": func(e *Event) string {
		if e.Number == nil {
			return ""
		}
		return strconv.FormatInt(*e.Number, 10)
	},
}

// value is what stands in a place of a template, "" for nothing.
func (e *Event) value(path string) string {
	if field := fields[path]; field != nil {
		return field(e)
	}
	return e.at(path)
}

// at is the payload's value at a path as one clean line.
func (e *Event) at(path string) string {
	name, path, deeper := strings.Cut(path, ".")
	v := e.members.Get(name)
	for deeper {
		name, path, deeper = strings.Cut(path, ".")
		switch name {
		case "0":
			v = firstOf(v)
		case "#":
			if n := count(v); n > 1 {
				return strconv.Itoa(n)
			}
			return ""
		default:
			v = jsonscan.At(v, name)
		}
	}
	return plain(v)
}

// firstOf is the first element of an array.
func firstOf(v []byte) (first []byte) {
	jsonscan.Elements(v, func(v []byte) {
		if first == nil {
			first = v
		}
	})
	return first
}

// plain writes a string, a number or a boolean; a text's first line that says something, a branch without refs/heads/
// and a commit as its first digits. Null, objects and arrays give "".
func plain(v []byte) string {
	if len(v) == 0 || v[0] == '{' || v[0] == '[' || string(v) == "null" {
		return ""
	}
	s, ok := jsonscan.Text(v)
	if !ok {
		if v[0] == '"' {
			return ""
		}
		return text.Line(string(v), 40)
	}
	s = strings.TrimLeft(s, " \t\r\n")
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	return text.Line(short(branchOf(s)), 1000)
}

func branchOf(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "refs/heads/"), "refs/tags/")
}

func short(s string) string {
	if len(s) == 40 && text.SHA(s) != "" {
		return s[:7]
	}
	return s
}

// complete fills in what the row of an event knows beside the fields that are alike in many events.
func (e *Event) complete() {
	w, ok := wordings[e.Name]
	if !ok {
		return
	}
	if e.Title == "" {
		e.Title = text.Cut(e.fill(w.title), 200)
	}
	if e.Branch == "" {
		e.Branch = e.fill(w.branch)
	}
	if e.Conclusion == "" {
		e.Conclusion = text.Cut(e.fill(w.outcome), 64)
	}
	for path := range strings.SplitSeq(w.url, "|") {
		if u := address(e.at(path)); u != "" {
			e.URL = u
			break
		}
	}
}

// Line says in one line what happened, for the record of an event that nobody is notified of: "dependabot_alert created:
// high severity, lodash (npm) in package-lock.json". It repeats words of outsiders, cleaned.
func (e Event) Line() string {
	words := ""
	if w, ok := wordings[e.Name]; ok && len(e.payload) > 0 {
		words = e.fill(w.line)
	}
	if words = cmp.Or(words, e.Title); words == "" {
		return describe(e)
	}
	return text.Cut(describe(e)+": "+words, 220)
}

// count is how many elements an array has.
func count(v []byte) (n int) {
	jsonscan.Elements(v, func([]byte) { n++ })
	return n
}
