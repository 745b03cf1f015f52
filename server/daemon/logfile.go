package daemon

import (
	"fmt"
	"io"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"
)

// OpenLog opens the log of the background receiver, readable by its owner only. It keeps five files of 10 MB and
// compresses the old ones. The caller closes it.
func OpenLog(home string) (io.WriteCloser, error) {
	if err := makeRun(home); err != nil {
		return nil, err
	}
	path := LogFile(home)
	// The library keeps the mode of the file that is there, so it is made here, and mended.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // a file of our own
	if err != nil {
		return nil, fmt.Errorf("open the receiver's log: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the receiver's log: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("protect the receiver's log: %w", err)
	}
	return &lumberjack.Logger{Filename: path, MaxSize: 10, MaxBackups: 5, Compress: true}, nil
}
