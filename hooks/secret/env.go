package secret

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Env is a .env file that is edited in place: comments, order, quoting, "export ", line ends and lines that are not
// understood survive. It does not print its values.
//
// An Env is for one goroutine. [Store] locks the file against other hookctl processes; what an editor wrote
// between [OpenEnv] and [Env.Save] is kept too, because Save makes the same changes to the file as it then is.
type Env struct {
	path  string
	lines []envLine
	edits []envEdit
	err   error // the first impossible edit, reported by Save
}

type envEdit struct {
	name, value string
	unset       bool
}

// OpenEnv reads a .env file. A missing file is an empty Env. A file that every user may read or write is refused with
// a *[PermissionError] (not on Windows, where modes mean nothing).
func OpenEnv(path string) (*Env, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	return &Env{path: path, lines: parseEnv(string(raw))}, nil
}

// String names the file only.
func (e *Env) String() string { return "env file " + e.path }

// GoString is String.
func (e *Env) GoString() string { return e.String() }

// Get returns the value of a variable. Where a name is assigned more than once the last one counts, as in a shell.
func (e *Env) Get(name string) (string, bool) {
	if i := e.find(name); i >= 0 {
		return e.lines[i].value, true
	}
	return "", false
}

// Names lists the variables in the order of the file, each once.
func (e *Env) Names() []string {
	var names []string
	seen := make(map[string]bool)
	for _, l := range e.lines {
		if l.name != "" && !seen[l.name] {
			seen[l.name] = true
			names = append(names, l.name)
		}
	}
	return names
}

// Set gives a variable a value: on the line that counts now, or on a new last line. Nothing is written before Save.
func (e *Env) Set(name, value string) {
	switch {
	case !isName(name):
		e.err = cmp.Or(e.err, fmt.Errorf("%q is not a valid variable name", name))
	case strings.ContainsRune(value, 0):
		e.err = cmp.Or(e.err, fmt.Errorf("the value of %s contains a NUL byte", name))
	default:
		e.apply(envEdit{name: name, value: value})
	}
}

// Unset removes every assignment of a variable.
func (e *Env) Unset(name string) { e.apply(envEdit{name: name, unset: true}) }

// Save writes the file: at once or not at all, mode 0600. A symbolic link stays, and what it points to is
// replaced. Without an edit nothing is written.
func (e *Env) Save() error {
	if e.err == nil && len(e.edits) == 0 {
		return nil
	}
	raw, err := readPrivate(e.path)
	if err != nil {
		return err
	}
	edits := e.edits
	e.lines, e.edits = parseEnv(string(raw)), nil
	for _, edit := range edits {
		e.apply(edit)
	}
	if e.err != nil {
		return fmt.Errorf("edit %s: %w", e.path, e.err)
	}
	target := e.path
	if real, err := filepath.EvalSymlinks(e.path); err == nil {
		target = real
	}
	if err := writePrivate(target, []byte(joinLines(e.lines))); err != nil {
		return err
	}
	e.edits = nil
	return nil
}

func joinLines(lines []envLine) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String())
	}
	return b.String()
}

func (e *Env) find(name string) int {
	for i := len(e.lines) - 1; i >= 0; i-- {
		if name != "" && e.lines[i].name == name {
			return i
		}
	}
	return -1
}

func (e *Env) apply(edit envEdit) {
	at := e.find(edit.name)
	switch {
	case edit.unset && at < 0, !edit.unset && at >= 0 && e.lines[at].value == edit.value:
		return
	case edit.unset:
		e.lines = slices.DeleteFunc(slices.Clone(e.lines), func(l envLine) bool { return l.name == edit.name })
	default:
		lines, ok := e.with(at, edit)
		if !ok {
			e.err = cmp.Or(e.err, fmt.Errorf("%s cannot be written without changing another line; is a quote left open there?", edit.name))
			return
		}
		e.lines = lines
	}
	e.edits = append(e.edits, edit)
}

// with gives the lines with a value set on line at, or on a new last line if at is negative. It takes the first way
// of quoting that is read back rightly: a quote that someone left open on an earlier line can swallow ours.
func (e *Env) with(at int, edit envEdit) ([]envLine, bool) {
	lines := slices.Clone(e.lines)
	if at < 0 {
		lines = appendLine(lines, edit.name)
		at = len(lines) - 1
	}
	for _, way := range quotings(edit.value, lines[at].quoted) {
		lines[at].quoted, lines[at].value = way, edit.value
		if slices.Equal(parseEnv(joinLines(lines)), lines) {
			return lines, true
		}
	}
	return nil, false
}

// appendLine adds an empty assignment at the end, with the line end that the file has.
func appendLine(lines []envLine, name string) []envLine {
	lineEnd := "\n"
	if n := len(lines); n > 0 {
		if strings.HasSuffix(lines[0].String(), "\r\n") {
			lineEnd = "\r\n"
		}
		if last := &lines[n-1]; !strings.HasSuffix(last.String(), "\n") {
			if last.name == "" {
				last.before += lineEnd
			} else {
				last.after += lineEnd
			}
		}
	}
	return append(lines, envLine{before: name + "=", name: name, after: lineEnd})
}
