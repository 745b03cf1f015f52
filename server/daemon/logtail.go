package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// LogTail is a place in the log of the background receiver; at first it is before its end.
type LogTail struct {
	Home string
	at   int64
	file fs.FileInfo // that was read last, nil for none
}

// Next returns the lines that were added since the last time, the first time those of the last most bytes, and the place
// behind them. A log that was replaced or cut is read from its beginning, and a missing one has no lines. A line that is not
// complete is left to the next time.
func (t LogTail) Next(most int64) (next LogTail, lines []string, err error) {
	f, err := os.Open(LogFile(t.Home))
	if errors.Is(err, fs.ErrNotExist) {
		return LogTail{Home: t.Home}, nil, nil
	}
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	defer f.Close() //nolint:errcheck // Only read from.
	info, err := f.Stat()
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	cut := false // the first line is
	switch {
	case t.file == nil:
		t.at = max(0, info.Size()-most)
		cut = t.at > 0
	case !os.SameFile(t.file, info) || info.Size() < t.at:
		t.at = 0
	}
	data, err := io.ReadAll(io.NewSectionReader(f, t.at, info.Size()-t.at))
	if err != nil {
		return t, nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	t.at, t.file = t.at+int64(len(data)), info
	if cut {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	for line := range strings.Lines(string(data)) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return t, lines, nil
}
