package logs

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"

	"hookctl/logs/disk"
)

// Config of a Writer or Log.
type Config struct {
	Dir      string        // the log directory; made when missing
	Keep     time.Duration // Prune removes what is older; 0 keeps for ever
	MaxBytes int64         // Prune removes the oldest above this size; 0 is no limit

	// SpoolBytes bounds what is durable but not yet a file; beyond it Append
	// answers ErrBusy. 0 means 256 MiB.
	SpoolBytes int64
	Logger     *slog.Logger     // nil discards
	Now        func() time.Time // nil is time.Now

	segmentSize  int64         // of the spool
	pollInterval time.Duration // of Watch without a watcher
	lookEvery    time.Duration // of Wait, see lookEvery
	newWatcher   func() (*fsnotify.Watcher, error)
	fault        func(op disk.Op, path string) error // for tests, see disk.FS
	trace        func(disk.Event) (done func())      // likewise
	replaying    func()                              // for tests: called before the frames of the spool are taken up
}

func (c Config) withDefaults() Config {
	c.SpoolBytes = cmp.Or(c.SpoolBytes, 256<<20)
	c.segmentSize = cmp.Or(c.segmentSize, defaultSegment)
	c.pollInterval = cmp.Or(c.pollInterval, pollInterval)
	c.lookEvery = cmp.Or(c.lookEvery, lookEvery)
	if c.newWatcher == nil {
		c.newWatcher = fsnotify.NewWatcher
	}
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.replaying == nil {
		c.replaying = func() {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
