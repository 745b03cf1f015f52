package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
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
	if err != nil {
		return fmt.Errorf("open the receiver's log: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open the receiver's log: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("protect the receiver's log: %w", err)
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
