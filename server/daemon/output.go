package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"hookctl/logs/text"
)

// OpenLog opens the log of the background receiver, readable by its owner only. It keeps five files of 10 MB and
// compresses the old ones. What cannot be written because the disk is full is lost, and the receiver goes on; a file that
// somebody removed is created again. The caller closes it.
func OpenLog(home string) (io.WriteCloser, error) {
	if err := createLog(home); err != nil && !NoSpace(err) {
		return nil, err
	}
	return &receiverLog{home: home, file: lumberjack.Logger{Filename: LogFile(home), MaxSize: 10, MaxBackups: 5, Compress: true}}, nil
}

// createLog creates the log where it is missing. The library keeps the mode of the file that is there.
func createLog(home string) error {
	if err := makeRun(home); err != nil {
		return err
	}
	path := LogFile(home)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // a file of our own
	if err == nil {
		err = errors.Join(f.Close(), os.Chmod(path, 0o600))
	}
	if err != nil {
		return fmt.Errorf("open the receiver's log: %w", err)
	}
	return nil
}

// receiverLog writes to the file that has the log's name. It is safe for concurrent use.
type receiverLog struct {
	home string

	mu     sync.Mutex
	looked time.Time // when the file was last seen
	file   lumberjack.Logger
}

// Write appends to the log.
func (l *receiverLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.looked) > upkeepInterval {
		l.looked = now
		if _, err := os.Lstat(LogFile(l.home)); errors.Is(err, fs.ErrNotExist) {
			if err := errors.Join(createLog(l.home), l.file.Close()); err != nil {
				return 0, err
			}
		}
	}
	return l.file.Write(b)
}

// Close closes the file.
func (l *receiverLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// maxTail is how many bytes of the end of the receiver's output are of interest.
const maxTail = 64 << 10

// openStderr opens the file for the output of a receiver that is about to start. It is a file and no pipe: the receiver
// outlives us, and a write to a pipe without a reader would end it. What the previous receiver wrote there (the trace of a
// crash) moves into the log first. Where the disk is full the file is a temporary one that has no name, so that the
// reason why a receiver does not start can still be shown.
func openStderr(home string) (*os.File, error) {
	file, err := os.OpenFile(stderrFile(home), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err == nil {
		if err = keepStderr(home, file); err == nil {
			if _, err = file.Write(make([]byte, 4096)); err == nil { // is there room?
				err = file.Truncate(0)
			}
		}
		if err == nil {
			return file, nil
		}
		err = errors.Join(err, file.Close())
	}
	if !NoSpace(err) {
		return nil, fmt.Errorf("open the file for the receiver's output: %w", err)
	}
	if file, err := os.CreateTemp("", "hookctl-*"); err == nil {
		_ = os.Remove(file.Name()) // what is left there the system cleans
		return file, nil
	}
	return os.OpenFile(os.DevNull, os.O_RDWR, 0)
}

// keepStderr moves what file holds into the log, and empties it.
func keepStderr(home string, file *os.File) error {
	text, err := tail(file)
	if err != nil || len(text) == 0 {
		return err
	}
	log, err := os.OpenFile(LogFile(home), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep the output of the previous receiver: %w", err)
	}
	_, err = fmt.Fprintf(log, "--- output of the previous receiver ---\n%s\n--- end of that output ---\n", strings.TrimRight(string(text), "\n"))
	if err := errors.Join(err, log.Close(), file.Truncate(0)); err != nil {
		return fmt.Errorf("keep the output of the previous receiver: %w", err)
	}
	return nil
}

// tail reads the end of a file.
func tail(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-maxTail), maxTail))
}

// startError gathers what the process said before it ended.
func (p *process) startError(home, reason string) error {
	text, err := tail(p.said)
	output, hint := words(string(text))
	failed := fmt.Errorf("the receiver did not start: %s", cmp.Or(output, "it "+reason))
	return errors.Join(&hinted{failed, cmp.Or(hint, "read its log: "+LogFile(home))}, err)
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
	return strings.TrimSpace(strings.ReplaceAll(text.Clean(line), "\ufffd", ""))
}

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
