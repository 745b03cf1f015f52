package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxTail is how much of the end of the receiver's output is of interest.
const maxTail = 64 << 10

// keepStderr moves what the receiver before said outside its log (the trace of a crash) into the log, since the file
// is about to be used again.
func keepStderr(home string) error {
	text, err := tail(stderrFile(home))
	if err != nil || len(text) == 0 {
		return err
	}
	log, err := os.OpenFile(LogFile(home), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep the output of the receiver before: %w", err)
	}
	_, err = fmt.Fprintf(log, "--- output of the receiver before ---\n%s\n--- end of that output ---\n", strings.TrimRight(string(text), "\n"))
	if err := errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("keep the output of the receiver before: %w", err)
	}
	return nil
}

func tail(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // a file of our own
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the receiver's output: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read from
	if info, err := f.Stat(); err == nil && info.Size() > maxTail {
		if _, err := f.Seek(-maxTail, io.SeekEnd); err != nil {
			return nil, fmt.Errorf("read the receiver's output: %w", err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTail))
	if err != nil {
		return nil, fmt.Errorf("read the receiver's output: %w", err)
	}
	return text, nil
}

// startError gathers what the process said before it ended.
func startError(home, reason string) error {
	text, err := tail(stderrFile(home))
	if err != nil {
		return errors.Join(&StartError{Reason: reason}, err)
	}
	e := &StartError{Reason: reason, hint: "read its log: " + LogFile(home)}
	output, hint := words(string(text))
	e.Output = output
	if hint != "" {
		e.hint = hint
	}
	return e
}

// words finds the message and the hint in the output of a command: the last lines, without what names the program,
// and of a crash only its first line.
func words(text string) (message, hint string) {
	var lines, hints []string
	for line := range strings.Lines(text) {
		line = printable(line)
		if line == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "hint:"); ok {
			hints = append(hints, strings.TrimSpace(rest))
			continue
		}
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			return line, ""
		}
		for _, prefix := range []string{"hookctl:", "error:", "Error:"} {
			line = strings.TrimSpace(strings.TrimPrefix(line, prefix))
		}
		lines = append(lines, line)
	}
	if len(lines) > 5 {
		lines = lines[len(lines)-5:]
	}
	return strings.Join(lines, "\n"), strings.Join(hints, "; ")
}

// printable removes what could move the cursor or change colours of the terminal that shows it.
func printable(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r), unicode.IsControl(r):
			return -1
		}
		return r
	}, ansi.Strip(line))
	return strings.TrimSpace(line)
}
