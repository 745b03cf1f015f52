package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// watchInterval is the time between two batches of Watch in the long run;
	// watchBurst may come sooner, so that a record that comes alone is seen at once.
	// With what comes before and after it, a record is seen within 100 ms.
	watchInterval = 65 * time.Millisecond
	watchBurst    = 3
	// watchGather is how long the first of a batch waits for others.
	watchGather = 10 * time.Millisecond
	// watchGrace is how long the process that writes a record has to put it
	// into the index, before the watcher does it.
	watchGrace = 40 * time.Millisecond
	// watchCheck is how often to look whether the directory is still the one
	// that is watched.
	watchCheck = 2 * time.Second
)

// Watch reports records that are new or changed, in batches, about fifteen
// a second at most, each batch oldest first. What it reports, Page knows. The channel
// is closed when ctx ends. A slow reader gets larger batches, never old news.
// Where the system gives no watcher (a limit, a network file system) the newest records are
// looked at once a second, and the directory when it has changed.
func (l *Log) Watch(ctx context.Context) (<-chan []Entry, error) {
	w := &watcher{log: l, changed: map[string]time.Time{}, ready: map[string]Entry{}, out: make(chan []Entry)}
	if err := w.start(); err != nil {
		l.cfg.Logger.Info("the system does not report changes in the log directory; it is looked at every second", "reason", err)
		if err := w.poll(ctx); err != nil {
			return nil, fmt.Errorf("watch the log directory: %w", err)
		}
		clear(w.ready) // these are not new
		go w.run(ctx, l.cfg.pollInterval, w.poll)
	} else {
		w.events, w.errors = w.fsw.Events, w.fsw.Errors
		go w.run(ctx, watchCheck, w.reattach)
	}
	return w.out, nil
}

type watcher struct {
	log     *Log
	fsw     *fsnotify.Watcher // what follows is nil without one
	events  chan fsnotify.Event
	errors  chan error
	dir     os.FileInfo
	changed map[string]time.Time // files and when the event came
	ready   map[string]Entry     // to be reported
	due     time.Time            // of the next batch, were they evenly spaced
	out     chan []Entry

	// Without a watcher:
	seen     map[string]Entry // the newest records
	modified time.Time        // of the directory, when it was last compared
	compared time.Time
}

// start begins to watch.
func (w *watcher) start() (err error) {
	if w.fsw, err = w.log.cfg.newWatcher(); err != nil {
		return err
	}
	if err = w.attach(); err != nil {
		return errors.Join(err, w.fsw.Close())
	}
	return nil
}

// attach begins to watch the directory that the path leads to now.
func (w *watcher) attach() (err error) {
	if err = w.fsw.Add(w.log.cfg.Dir); err == nil {
		w.dir, err = os.Stat(w.log.cfg.Dir)
	}
	return err
}

// run reports until ctx ends, and calls check at an interval.
func (w *watcher) run(ctx context.Context, interval time.Duration, check func(context.Context) error) {
	defer close(w.out)
	if w.events != nil {
		defer func() { _ = w.fsw.Close() }()
	}
	timer := time.NewTimer(time.Hour)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		var out chan []Entry
		var batch []Entry
		if len(w.ready) > 0 && w.wait() <= 0 {
			out, batch = w.out, w.batch()
		}
		var err error
		select {
		case <-ctx.Done():
			return
		case out <- batch:
			w.due = later(w.due, time.Now()).Add(watchInterval)
			clear(w.ready)
		case ev, ok := <-w.events:
			if !ok {
				return
			}
			if w.event(ev) {
				timer.Reset(watchGather)
			}
		case err = <-w.errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.log.index.lose() // the directory is compared again
				err = nil
			}
		case <-timer.C:
			var wait time.Duration
			if wait, err = w.look(ctx); wait > 0 {
				timer.Reset(wait)
			}
		case <-tick.C:
			err = check(ctx)
		}
		if err != nil && ctx.Err() == nil {
			w.log.cfg.Logger.Warn("watching the log directory", "error", err)
		}
		if len(w.ready) > 0 && len(w.changed) == 0 {
			timer.Reset(max(time.Millisecond, w.wait()))
		}
	}
}

// wait is how long until the next batch may go out.
func (w *watcher) wait() time.Duration {
	return time.Until(w.due.Add(-(watchBurst - 1) * watchInterval))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// event notes a change; true is the first since the last look.
func (w *watcher) event(ev fsnotify.Event) bool {
	name := filepath.Base(ev.Name)
	if !isRecordName(name) || ev.Op == fsnotify.Chmod {
		return false
	}
	first := len(w.changed) == 0
	if _, ok := w.changed[name]; !ok {
		w.changed[name] = time.Now()
	}
	return first
}

// reattach follows a directory that was removed and made again.
func (w *watcher) reattach(context.Context) error {
	info, err := os.Stat(w.log.cfg.Dir)
	if err != nil || os.SameFile(info, w.dir) {
		return nil
	}
	_ = w.fsw.Remove(w.log.cfg.Dir)
	if err = w.attach(); err == nil {
		w.log.index.lose()
	}
	return err
}

// look turns changed files into entries. Those that the index knows as they
// are on the disk are taken from there; others get some grace, and then are
// read and put into it. It returns how long until the next look, 0 when
// nothing is left. Files that are torn are noted as such: their writer may not be done, and then another event comes.
func (w *watcher) look(ctx context.Context) (next time.Duration, err error) {
	x := w.log.index
	var gone, late []string
	for name, since := range w.changed {
		info, err := os.Lstat(filepath.Join(w.log.cfg.Dir, name))
		if err != nil {
			gone = append(gone, name)
			delete(w.changed, name)
			continue
		}
		e, ok := x.current(ctx, name, info)
		switch {
		case ok:
			w.ready[name] = e
			delete(w.changed, name)
		case time.Since(since) >= watchGrace:
			late = append(late, name)
			delete(w.changed, name)
		}
	}
	err = x.removeFiles(ctx, gone)
	if len(late) > 0 {
		entries, problems, failed := x.readFiles(ctx, late)
		if failed == nil {
			failed = x.put(ctx, entries, problems)
		}
		if err = errors.Join(err, failed); failed != nil {
			for _, name := range late { // to be tried again, or nobody would hear of them
				w.changed[name] = time.Now()
			}
			return watchGather, err
		}
		for _, e := range entries {
			w.ready[e.File] = e
		}
	}
	if len(w.changed) > 0 {
		next = watchGather
	}
	return next, err
}

// batch is what is ready, oldest first.
func (w *watcher) batch() []Entry {
	list := make([]Entry, 0, len(w.ready))
	for _, e := range w.ready {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.key, b.key) })
	return list
}

// lose makes the reconciler look again.
func (x *index) lose() { poke(x.lost) }

// current returns the row of a file if it describes the file as it is.
func (x *index) current(ctx context.Context, name string, info os.FileInfo) (Entry, bool) {
	list, err := x.entries(ctx, "SELECT "+columns+" FROM record WHERE file = ?", name)
	if err != nil || len(list) == 0 {
		return Entry{}, false
	}
	e := list[0]
	return e, e.Size == info.Size() && e.modified.Equal(info.ModTime())
}

const (
	pollInterval = time.Second
	pollDepth    = 1000
	pollCompare  = 10 * time.Second
)

// poll finds what is new or changed of the newest records in the index. The process that writes keeps the index up to date by
// itself; for the files of others it is compared with a directory that has changed, now and then.
func (w *watcher) poll(ctx context.Context) error {
	info, err := os.Stat(w.log.cfg.Dir)
	if err == nil && !info.ModTime().Equal(w.modified) && time.Since(w.compared) >= min(pollCompare, 10*w.log.cfg.pollInterval) {
		w.modified, w.compared = info.ModTime(), time.Now()
		w.log.index.lose()
	}
	list, err := w.log.index.entries(ctx, "SELECT "+columns+" FROM record ORDER BY id DESC LIMIT ?", pollDepth)
	if err != nil {
		return err
	}
	now := make(map[string]Entry, len(list))
	for _, e := range list {
		now[e.File] = e
		if old, ok := w.seen[e.File]; !ok || old.Size != e.Size || !old.modified.Equal(e.modified) {
			w.ready[e.File] = e
		}
	}
	w.seen = now
	return nil
}
