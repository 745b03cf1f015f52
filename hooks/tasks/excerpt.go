package tasks

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"hookctl/logs/text"
)

// How much of a log is read and kept.
const (
	excerptLines = 200      // of each job, the last ones
	excerptWidth = 1000     // characters of a line
	excerptRead  = 64 << 20 // bytes of a log
	lineRead     = 8 << 10  // bytes of a line that are looked at
	ringLines    = 1000     // lines that are held until the end is reached
)

// An Excerpt is the end of a job's log, cleaned, without time stamps, colours and secrets.
type Excerpt struct {
	Lines []string `json:"lines"`
	// Cut says that the log is longer than what is read of one, so that Lines are not its end.
	Cut bool `json:"cut,omitempty"`
}

// readExcerpt reads a log as GitHub keeps it. hide takes what must not be shown out of a line; nil hides nothing beyond what
// every log is rid of.
//
// Only the last lines are cleaned, because that takes a hundred times as long as reading. Where there are more, the first of
// them are not shown: a key or the head of a step may have begun before.
func readExcerpt(r io.Reader, hide func(string) string) (Excerpt, error) {
	limited := &io.LimitedReader{R: r, N: excerptRead + 1}
	in := bufio.NewReaderSize(limited, 64<<10)
	ring := make([][]byte, 0, ringLines)
	at := 0
	for {
		if len(ring) < ringLines {
			ring = append(ring, nil)
			at = len(ring) - 1
		}
		raw, err := readLine(in, ring[at][:0])
		ring[at] = raw
		at = (at + 1) % ringLines
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Excerpt{}, err
		}
	}
	hidden := 0
	if len(ring) == ringLines {
		ring = append(append([][]byte{}, ring[at:]...), ring[:at]...)
		hidden = max(pemLines, runLines)
	}
	if n := len(ring); len(ring[n-1]) == 0 { // what follows the last line break
		ring = ring[:n-1]
	}
	var c logCleaner
	lines := []string{}
	for i, raw := range ring {
		cleaned, keep := c.clean(strings.ToValidUTF8(string(raw), "\ufffd"))
		if !keep || i < hidden {
			continue
		}
		if hide != nil {
			cleaned = hide(cleaned)
		}
		lines = append(lines, text.Cut(cleaned, excerptWidth))
	}
	return Excerpt{Lines: lines[max(0, len(lines)-excerptLines):], Cut: limited.N == 0}, nil
}

// readLine appends a line without its break to buf, of a long one the beginning.
func readLine(in *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		if room := lineRead - len(buf); room > 0 {
			buf = append(buf, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimRight(buf, "\r\n"), err
	}
}

// logCleaner cleans a log line by line. It remembers where it is: in a private key, or in a group that shows how a step is run,
// with its environment.
type logCleaner struct {
	pem, run int // lines since the key, or the group, began; 0 outside
	blank    bool
}

var (
	stamp      = regexp.MustCompile(`^\x{feff}?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?`)
	pemBegin   = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|CERTIFICATE)[A-Z ]*-----`)
	pemEnd     = regexp.MustCompile(`-----END [A-Z0-9 ]+-----`)
	pemLine    = regexp.MustCompile(`^[\sA-Za-z0-9+/=:,.-]*$`)
	replaced   = regexp.MustCompile(`\x{fffd}[\x{fffd} ]*`)
	unreadable = "[unreadable bytes]"
)

// The longest that a private key or the head of a step may be before it is taken for something else.
const (
	pemLines = 200
	runLines = 500
)

func (c *logCleaner) clean(line string) (cleaned string, keep bool) {
	line = text.Clean(stamp.ReplaceAllString(line, ""))
	line = strings.TrimRight(stamp.ReplaceAllString(line, ""), " ")
	if c.pem > 0 && !c.pemIsOver(line) {
		return "", false
	}
	if at := pemBegin.FindStringIndex(line); at != nil {
		if end := pemEnd.FindStringIndex(line[at[1]:]); end != nil { // on one line, with \n for its breaks
			line = line[:at[0]] + "[key removed]" + line[at[1]+end[1]:]
		} else {
			c.pem = 1
			line = line[:at[0]] + "[key removed]"
		}
	}
	switch {
	case strings.HasPrefix(line, "##[group]Run "):
		c.run = 1
		return redact(strings.TrimPrefix(line, "##[group]")), true
	case c.run > 0:
		c.run++
		if strings.HasPrefix(line, "##[endgroup]") || c.run > runLines {
			c.run = 0
		}
		return "", false
	case strings.HasPrefix(line, "##[endgroup]"), strings.Contains(line, "::add-mask::"):
		return "", false
	}
	for _, mark := range []struct{ from, to string }{{"##[group]", ""}, {"##[error]", "Error: "}, {"##[warning]", "Warning: "}, {"##[command]", "$ "}, {"##[debug]", ""}, {"##[section]", ""}} {
		if rest, ok := strings.CutPrefix(line, mark.from); ok {
			line = mark.to + rest
		}
	}
	if n := strings.Count(line, "\ufffd"); n > 8 && 4*n > utf8.RuneCountInString(line) {
		line = unreadable
	}
	line = replaced.ReplaceAllString(line, "\ufffd")
	blank := strings.TrimSpace(line) == "" || line == unreadable
	if blank && c.blank {
		return "", false
	}
	c.blank = blank
	return redact(line), true
}

// pemIsOver reports whether a line no longer belongs to the key that began before it.
func (c *logCleaner) pemIsOver(line string) bool {
	c.pem++
	switch {
	case pemEnd.MatchString(line):
		c.pem = 0
		return false // it is the key's last
	case c.pem > pemLines || !pemLine.MatchString(line):
		c.pem = 0
		return true
	}
	return false
}
