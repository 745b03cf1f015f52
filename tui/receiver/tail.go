package receiver

import (
	"regexp"
	"slices"
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

// weight orders levels: 0 to 3 for DEBUG to ERROR; lines without one count as information.
func (l logLine) weight() int {
	of := slices.IndexFunc([]string{"DEBUG", "INFO", "WARN", "ERROR"}, func(name string) bool { return strings.HasPrefix(l.level, name) })
	if of < 0 {
		return 1
	}
	return of
}
