package route

import (
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

// fill expands a template for an event. Values are cleaned and of one line; it is "" where none of the places has a value.
func (e *Event) fill(template string, values map[string]string) string {
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
		words, named, all := e.fillPart(part, values)
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
func (e *Event) fillPart(part string, values map[string]string) (words string, named []string, all bool) {
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
			if e.value(path, values) == "true" {
				b.WriteString(then)
				named = append(named, then)
			}
			continue
		}
		paths, asWords := strings.CutSuffix(place, ":words")
		v := ""
		for path := range strings.SplitSeq(paths, "|") {
			if v = e.value(path, values); v != "" {
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

// value is what stands in a place of a template, "" for nothing.
func (e *Event) value(path string, values map[string]string) string {
	switch path {
	case "Title":
		return e.Title
	case "Branch":
		return e.Branch
	case "Ref":
		return branchOf(e.Ref)
	case "Base":
		return e.Base
	case "Head":
		return e.Head
	case "Conclusion":
		return e.Conclusion
	case "Label":
		return e.Label
	case "Sender":
		return e.Sender
	case "SHA":
		return short(e.SHA)
	case "Deleted":
		return strconv.FormatBool(e.Deleted)
	case "Commits":
		if e.Commits > 0 {
			return text.Count(e.Commits, "commit")
		}
		return ""
	case "Number":
		if e.Number != nil {
			return strconv.FormatInt(*e.Number, 10)
		}
		return ""
	}
	return values[path]
}

// places lists the paths of the payload that templates name.
func places(templates ...string) []string {
	var paths []string
	for _, t := range templates {
		for t != "" {
			_, rest, _ := strings.Cut(t, "{")
			place, after, _ := strings.Cut(rest, "}")
			t = after
			place, _, _ = strings.Cut(place, "?")
			for path := range strings.SplitSeq(strings.TrimSuffix(place, ":words"), "|") {
				if path != "" && (path[0] < 'A' || path[0] > 'Z') {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

// gather reads the payload's values of paths, each as one clean line.
func (e *Event) gather(paths ...string) map[string]string {
	values := make(map[string]string, len(paths))
	if len(paths) > 0 {
		for _, m := range e.members {
			gatherMember(values, "", m.Key, m.Value, paths)
		}
	}
	return values
}

// gatherMember reads the values of those paths that begin with key. prefix is what stands before it.
func gatherMember(values map[string]string, prefix string, key, v []byte, paths []string) {
	var inner []string
	for _, path := range paths {
		head, rest, deeper := strings.Cut(path, ".")
		switch {
		case head != string(key):
		case deeper:
			inner = append(inner, rest)
		default:
			if s := plain(v); s != "" {
				values[prefix+path] = s
			}
		}
	}
	if inner == nil {
		return
	}
	prefix += string(key) + "."
	jsonscan.Members(v, func(key, v []byte) { gatherMember(values, prefix, key, v, inner) })
	n := 0
	jsonscan.Elements(v, func(v []byte) {
		if n == 0 {
			gatherMember(values, prefix, []byte("0"), v, inner)
		}
		n++
	})
	if n > 1 {
		gatherMember(values, prefix, []byte("#"), strconv.AppendInt(nil, int64(n), 10), inner)
	}
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
	if len(s) == 40 && sha(s) != "" {
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
	templates := []string{w.url, w.branch, w.outcome}
	if e.Title == "" {
		templates = append(templates, w.title)
	}
	values := e.gather(places(templates...)...)
	if e.Title == "" {
		e.Title = text.Cut(e.fill(w.title, values), 200)
	}
	if s := e.fill(w.branch, values); s != "" && e.Branch == "" {
		e.Branch = s
	}
	if s := e.fill(w.outcome, values); s != "" && e.Conclusion == "" {
		e.Conclusion = text.Cut(s, 64)
	}
	for _, path := range places(w.url) {
		if u := address(values[path]); u != "" {
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
		words = e.fill(w.line, e.gather(places(w.line)...))
	}
	if words == "" {
		words = e.Title
	}
	if words == "" {
		return describe(e)
	}
	return text.Cut(describe(e)+": "+words, 220)
}
