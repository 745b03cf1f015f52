package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/charmbracelet/x/ansi"
	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hookctl/logs/text"
	"hookctl/tui/line"
)

// output is how a command prints data: as a table for people, as JSON for programs, or through a jq expression.
type output struct {
	asJSON bool
	jq     string
}

// addOutputFlags gives a command --json and --jq, as gh has them, and returns it.
func addOutputFlags(cmd *cobra.Command, o *output) *cobra.Command {
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	cmd.Flags().StringVarP(&o.jq, "jq", "q", "", "filter JSON output with a jq `expression`")
	// A mistake in the expression is reported before the command does anything.
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if o.jq == "" {
			return nil
		}
		_, err := compileJQ(o.jq)
		return err
	}
	return cmd
}

// stdout is where data goes. It remembers the first write that failed, so that no command succeeds whose output
// was lost, even where it prints piece by piece.
type stdout struct {
	file   *os.File
	mu     sync.Mutex
	failed error
}

// Write is os.File's. A reader that has gone away ends the process with SIGPIPE, as everywhere.
func (s *stdout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.file.Write(p)
	if s.failed == nil {
		s.failed = err
	}
	return n, err
}

// check adds to the outcome of a command that its output could not be written.
func (s *stdout) check(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil || errors.Is(err, s.failed) || err != nil && errors.Is(s.failed, syscall.EPIPE) {
		return err
	}
	return errors.Join(err, fmt.Errorf("print: %w", s.failed))
}

// wanted reports whether JSON is asked for.
func (o *output) wanted() bool { return o.asJSON || o.jq != "" }

// print writes value as JSON, one line of it, or what the jq expression makes of it.
func (o *output) print(w io.Writer, value any) error {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	if o.jq == "" {
		_, err := shown(w).Write(buf.Bytes())
		return err
	}
	return runJQ(shown(w), o.jq, buf.Bytes())
}

// shown is w for data that holds text from outside. Where that is a terminal, the characters that it would obey are
// spelled as JSON spells them; a program that reads the output gets every byte.
func shown(w io.Writer) io.Writer {
	if f := fileOf(w); f != nil && isTerminal(f) {
		return spelled{w}
	}
	return w
}

// fileOf is the file that w writes to, nil where it is none.
func fileOf(w io.Writer) *os.File {
	switch w := w.(type) {
	case *stdout:
		return w.file
	case *os.File:
		return w
	}
	return nil
}

// spelled writes \u001b for what a terminal would obey. Characters must not be split between two writes.
type spelled struct{ w io.Writer }

// Write never reports fewer bytes than it was given, unless it fails.
func (s spelled) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, text.Spell(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// runJQ prints what expression makes of JSON.
func runJQ(w io.Writer, expression string, data []byte) error {
	code, err := compileJQ(expression)
	if err != nil {
		return err
	}
	_, err = printJQ(w, code, data)
	return err
}

// printJQ prints each result of an expression on its own line, strings without quotes, and reports whether it asked to halt.
// Numbers keep every digit: GitHub's delivery ids are too large for a float64. (go-gh's own jq reads numbers as float64.)
func printJQ(w io.Writer, code *gojq.Code, data []byte) (halted bool, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var input any
	if err := decoder.Decode(&input); err != nil {
		return false, fmt.Errorf("--jq: read JSON: %w", err)
	}
	results := code.Run(input)
	for {
		value, ok := results.Next()
		if !ok {
			return false, nil
		}
		if err, ok := value.(error); ok {
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return true, nil
			}
			return false, fmt.Errorf("--jq: %w", err)
		}
		line, err := gojq.Marshal(value)
		if text, ok := value.(string); ok {
			line = []byte(text)
		}
		if err != nil {
			return false, fmt.Errorf("--jq: %w", err)
		}
		if _, err := fmt.Fprintln(w, string(line)); err != nil {
			return false, err
		}
	}
}

// compileJQ compiles a jq expression; a mistake in it is wrong usage.
func compileJQ(expression string) (*gojq.Code, error) {
	query, err := gojq.Parse(expression)
	if err != nil {
		return nil, usage(fmt.Errorf("--jq: %w", err))
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, usage(fmt.Errorf("--jq: %w", err))
	}
	return code, nil
}

// table prints rows under a head, columns aligned, every cell cleaned: most of them come from outside. On a terminal it
// fits its width, with a note where that leaves columns out; a pipe gets every cell whole, and line mode prints the rows as
// numbered lines.
func (p *program) table(head []string, rows [][]string) error {
	if lines, ok := p.out.(*line.Output); ok {
		return lines.Table(head, rows)
	}
	l := layOut(terminalWidth(p.out), head, rows)
	if err := l.print(p.out, append([][]string{head}, rows...)); err != nil {
		return err
	}
	p.noteLeftOut(l)
	return nil
}

// noteLeftOut names the columns that a table has no room for.
func (p *program) noteLeftOut(l layout) {
	if len(l.left) > 0 {
		p.note("no room for %s; --json prints everything", strings.Join(l.left, ", "))
	}
}

// printList prints a list: value as JSON where that is asked for, else a table with a row for each of list, or the line none
// where the list is empty.
func printList[T any](p *program, out *output, value any, list []T, none string, head []string, row func(T) []string) error {
	if out.wanted() {
		return out.print(p.out, value)
	}
	if len(list) == 0 {
		p.note("%s", none)
		return nil
	}
	rows := make([][]string, len(list))
	for i, item := range list {
		rows[i] = row(item)
	}
	return p.table(head, rows)
}

// unlimited is the width of what is not a terminal.
const unlimited = 1 << 20

// terminalWidth is how many columns w shows in a line.
func terminalWidth(w io.Writer) int {
	if f := fileOf(w); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return unlimited
}

// fill breaks a text at words into lines of at most width columns, each but the first behind lead. A word that is wider stays whole.
func fill(text string, width int, lead string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		wide := ansi.StringWidth(word)
		switch {
		case column == 0:
		case column+1+wide > width:
			b.WriteString("\n" + lead)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += wide
	}
	return b.String()
}

// layout is which columns a table shows, and how wide.
type layout struct {
	head    []string
	columns []int
	widths  []int
	left    []string // the names of those that it has no room for
}

const columnGap, narrowColumn = 2, 12

// layOut is the layout of a table that has these rows, for a given width: the widest columns give way until a row fits. Only where
// every column is as narrow as it can be and a row still does not fit, the columns go that a person can do without, one after the
// other. What a person copies into the next command is never cut.
func layOut(width int, head []string, rows [][]string) layout {
	l := layout{head: head}
	natural := make([]int, len(head)) // widths
	for i, name := range head {
		l.columns, natural[i] = append(l.columns, i), ansi.StringWidth(name)
	}
	for _, row := range rows {
		for i, cell := range cleanRow(row) {
			natural[i] = max(natural[i], ansi.StringWidth(cell))
		}
	}
	spares := []string{"SENDER", "RECEIVED", "NOTIFIED"}
	if slices.Contains(head, "FILE") { // whose name says both already
		spares = []string{"EVENT", "RECEIVED", "SENDER", "NOTIFIED"}
	}
	fits := l.fit(natural, width)
	for _, spare := range spares {
		at := slices.IndexFunc(l.columns, func(column int) bool { return head[column] == spare })
		if fits || at < 0 {
			continue
		}
		l.columns, l.left = slices.Delete(l.columns, at, at+1), append(l.left, spare)
		fits = l.fit(natural, width)
	}
	return l
}

// fit sets the widths of the columns, and reports whether a row fits into width then. Those that may be cut are made narrower for
// that, the widest first.
func (l *layout) fit(natural []int, width int) bool {
	l.widths = nil
	total := -columnGap
	for _, column := range l.columns {
		l.widths = append(l.widths, natural[column])
		total += natural[column] + columnGap
	}
	for ; total > width; total-- {
		widest := -1
		for i, column := range l.columns {
			if !isWhole(l.head[column]) && (widest < 0 || l.widths[i] > l.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 || l.widths[widest] <= narrowColumn {
			break
		}
		l.widths[widest]--
	}
	return total <= width
}

func cleanRow(row []string) []string {
	clean := make([]string, len(row))
	for i, cell := range row {
		clean[i] = cmp.Or(text.Clean(cell), "-")
	}
	return clean
}

func (l layout) print(w io.Writer, rows [][]string) error {
	var b strings.Builder
	for _, row := range rows {
		row, line := cleanRow(row), ""
		for i, column := range l.columns {
			cell := row[column]
			if !isWhole(l.head[column]) {
				cell = ansi.Truncate(cell, l.widths[i], "…")
			}
			line += cell + strings.Repeat(" ", max(0, l.widths[i]-ansi.StringWidth(cell))+columnGap)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// isWhole reports whether the cells of a column are never cut.
func isWhole(head string) bool {
	return slices.Contains([]string{"FILE", "HOOK", "ID", "DELIVERY", "RECEIVED", "DELIVERED"}, head)
}
