package receiver

import (
	"regexp"
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

// logged is a line of slog's text handler: time, level, message and the rest.
var logged = regexp.MustCompile(`^(?:time=(\S+) )?(?:level=(\S+) )?msg=("(?:[^"\\]|\\.)*"|[^"\s]*)(?: (.*))?$`)

// parseLogLine reads a line of slog's text handler; other lines stay whole.
func parseLogLine(s string) logLine {
	m := logged.FindStringSubmatch(s)
	if m == nil {
		return logLine{text: kit.Clean(s)}
	}
	at, _ := time.Parse(time.RFC3339Nano, m[1]) // zero where the line does not say
	words, err := strconv.Unquote(m[3])
	if err != nil {
		words = m[3]
	}
	return logLine{at, kit.Clean(m[2]), kit.Clean(strings.TrimSpace(words + " " + m[4]))}
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
