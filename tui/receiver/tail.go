package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"hookctl/tui/kit"
)

const (
	tailStart = 256 << 10 // how much of an existing log is read at first
	tailKeep  = 5000      // lines kept in memory
)

// logLine is one line of the receiver's log.
type logLine struct {
	at    time.Time
	level string // DEBUG, INFO, WARN, ERROR, or "" where the line has none
	text  string
}

// tail is a place in a growing file.
type tail struct {
	path string
	off  int64
	info fs.FileInfo
	part []byte // an unfinished last line
}

// more reads what was written since the last call. A file that was replaced or
// cut is read from its start. A missing file has no lines.
func (t tail) more() (tail, []logLine, error) {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tail{path: t.path}, nil, nil
	}
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	skip := false
	switch {
	case t.info == nil:
		t.off = max(0, info.Size()-tailStart)
		skip = t.off > 0
	case !os.SameFile(t.info, info) || info.Size() < t.off:
		t.off, t.part = 0, nil
	}
	t.info = info
	buf, err := io.ReadAll(io.NewSectionReader(f, t.off, info.Size()-t.off))
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	t.off += int64(len(buf))
	buf = append(bytes.Clone(t.part), buf...)
	cut := bytes.LastIndexByte(buf, '\n') + 1
	t.part = bytes.Clone(buf[cut:])
	var out []logLine
	for line := range bytes.SplitSeq(buf[:cut], []byte("\n")) {
		if skip {
			skip = false // the first line is cut
			continue
		}
		if len(line) > 0 {
			out = append(out, parseLogLine(string(line)))
		}
	}
	return t, out, nil
}

// parseLogLine reads a line of slog's text handler; other lines stay whole.
func parseLogLine(s string) logLine {
	var l logLine
	var rest []string
	for s != "" {
		s = strings.TrimLeft(s, " ")
		key, after, ok := strings.Cut(s, "=")
		if !ok || strings.ContainsAny(key, " \"") {
			rest = append(rest, s)
			break
		}
		var value, raw string
		if strings.HasPrefix(after, `"`) {
			q, err := strconv.QuotedPrefix(after)
			if err != nil {
				rest = append(rest, s)
				break
			}
			value, _ = strconv.Unquote(q)
			raw, s = q, after[len(q):]
		} else {
			value, s, _ = strings.Cut(after, " ")
			raw = value
		}
		switch key {
		case "time":
			at, err := time.Parse(time.RFC3339Nano, value)
			if err == nil {
				l.at = at
				continue
			}
			rest = append(rest, key+"="+raw)
		case "level":
			l.level = value
		case "msg":
			rest = append([]string{value}, rest...)
		default:
			rest = append(rest, key+"="+raw)
		}
	}
	l.text = kit.Clean(strings.Join(rest, " "))
	l.level = kit.Clean(l.level)
	return l
}

// clock is when the line was written, "" where it does not say.
func (l logLine) clock() string {
	if l.at.IsZero() {
		return ""
	}
	return l.at.Local().Format("15:04:05")
}

// weight orders levels; lines without one count as information.
func (l logLine) weight() int {
	switch {
	case strings.HasPrefix(l.level, "ERROR"):
		return 3
	case strings.HasPrefix(l.level, "WARN"):
		return 2
	case strings.HasPrefix(l.level, "DEBUG"):
		return 0
	}
	return 1
}
