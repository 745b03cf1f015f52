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
// Where the system gives no watcher (a limit, a network file system) the log
// is looked at once a second.
func (l *Log) Watch(ctx context.Context) (<-chan []Entry, error) {
	out := make(chan []Entry)
	w, err := l.newWatcher(out)
	if err == nil {
		go func() {
			defer close(out)
			defer func() { _ = w.fsw.Close() }()
			w.run(ctx)
		}()
		return out, nil
	}
	l.cfg.Logger.Info("the system does not report changes in the log directory; it is looked at every second", "reason", err)
	p := &poller{log: l, out: out}
	if _, err := p.news(ctx); err != nil {
		return nil, fmt.Errorf("watch the log directory: %w", err)
	}
	go func() {
		defer close(out)
		p.run(ctx)
	}()
	return out, nil
}

func (l *Log) newWatcher(out chan []Entry) (*watcher, error) {
	fsw, err := l.cfg.newWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{log: l, fsw: fsw, changed: map[string]time.Time{}, ready: map[string]Entry{}, out: out}
	if err := w.attach(); err != nil {
		return nil, errors.Join(err, fsw.Close())
	}
	return w, nil
}

type watcher struct {
	log     *Log
	fsw     *fsnotify.Watcher
	dir     os.FileInfo
	changed map[string]time.Time // files and when the event came
	ready   map[string]Entry     // to be reported
	due     time.Time            // of the next batch, were they evenly spaced
	out     chan []Entry
}

// attach begins to watch the directory that the path leads to now.
func (w *watcher) attach() error {
	if err := w.fsw.Add(w.log.cfg.Dir); err != nil {
		return err
	}
	var err error
	w.dir, err = os.Stat(w.log.cfg.Dir)
	return err
}

func (w *watcher) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	check := time.NewTicker(watchCheck)
	defer check.Stop()
	for {
		var out chan []Entry
		var batch []Entry
		if len(w.ready) > 0 && w.wait() <= 0 {
			out, batch = w.out, w.batch()
		}
		select {
		case <-ctx.Done():
			return
		case out <- batch:
			w.due = later(w.due, time.Now()).Add(watchInterval)
			clear(w.ready)
		case ev, ok := <-w.fsw.Events:
			if !ok {
				return
			}
			if w.event(ev) {
				timer.Reset(watchGather)
			}
		case err := <-w.fsw.Errors:
			w.missed(err)
		case <-timer.C:
			if wait := w.look(ctx); wait > 0 {
				timer.Reset(wait)
			}
		case <-check.C:
			w.reattach()
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

// missed handles that events were lost: the directory is compared again.
func (w *watcher) missed(err error) {
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		w.log.index.lose()
		return
	}
	w.log.cfg.Logger.Warn("watching the log directory", "error", err)
}

// reattach follows a directory that was removed and made again.
func (w *watcher) reattach() {
	info, err := os.Stat(w.log.cfg.Dir)
	if err != nil || os.SameFile(info, w.dir) {
		return
	}
	_ = w.fsw.Remove(w.log.cfg.Dir)
	if err := w.attach(); err != nil {
		w.log.cfg.Logger.Warn("watching the log directory", "error", err)
		return
	}
	w.log.index.lose()
}

// look turns changed files into entries. Those that the index knows as they
// are on the disk are taken from there; others get some grace, and then are
// read and put into it. It returns how long until the next look, 0 when
// nothing is left.
func (w *watcher) look(ctx context.Context) time.Duration {
	var gone, late []string
	for name, since := range w.changed {
		info, err := os.Lstat(filepath.Join(w.log.cfg.Dir, name))
		if err != nil {
			gone = append(gone, name)
			delete(w.changed, name)
			continue
		}
		e, ok := w.log.index.current(ctx, name, info)
		switch {
		case ok:
			w.ready[name] = e
			delete(w.changed, name)
		case time.Since(since) >= watchGrace:
			late = append(late, name)
			delete(w.changed, name)
		}
	}
	if err := w.log.index.removeFiles(ctx, gone); err != nil && ctx.Err() == nil {
		w.log.cfg.Logger.Warn("watching the log directory", "error", err)
	}
	if len(late) > 0 {
		entries, err := w.log.index.refresh(ctx, late)
		if err != nil && ctx.Err() == nil {
			w.log.cfg.Logger.Warn("watching the log directory", "error", err)
			for _, name := range late { // to be tried again, or nobody would hear of them
				w.changed[name] = time.Now()
			}
		}
		for _, e := range entries {
			w.ready[e.File] = e
		}
	}
	if len(w.changed) > 0 {
		return watchGather
	}
	return 0
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
func (x *index) lose() {
	select {
	case x.lost <- struct{}{}:
	default:
	}
}

// current returns the row of a file if it describes the file as it is.
func (x *index) current(ctx context.Context, name string, info os.FileInfo) (Entry, bool) {
	list, err := x.entries(ctx, "SELECT "+columns+" FROM record WHERE file = ?", name)
	if err != nil || len(list) == 0 {
		return Entry{}, false
	}
	e := list[0]
	return e, e.Size == info.Size() && e.modified.Equal(info.ModTime())
}

// refresh reads files and puts them into the index. Files that are torn are
// noted as such: their writer may not be done, and then another event comes.
func (x *index) refresh(ctx context.Context, names []string) ([]Entry, error) {
	entries, problems, err := x.readFiles(ctx, names)
	if err != nil {
		return nil, err
	}
	if err := x.transact(ctx, func(tx *transaction) error { return putAll(ctx, tx, entries, problems) }); err != nil {
		return nil, err
	}
	return entries, nil
}

// Where the system gives no watcher, Watch looks itself: once a second at the
// newest records in the index, and now and then, when the directory has
// changed, at the directory.
const (
	pollInterval = time.Second
	pollDepth    = 1000
	pollCompare  = 10 * time.Second
)

// poller is Watch without the system's help. It sees changes of the newest
// records only.
type poller struct {
	log      *Log
	seen     map[string]Entry
	modified time.Time // of the directory, when it was last compared
	compared time.Time
	out      chan []Entry
}

func (p *poller) run(ctx context.Context) {
	tick := time.NewTicker(p.log.cfg.pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.compare()
		batch, err := p.news(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.cfg.Logger.Warn("looking for new records", "error", err)
		}
		if len(batch) == 0 {
			continue
		}
		select {
		case p.out <- batch:
		case <-ctx.Done():
			return
		}
	}
}

// compare has the index compared with a directory that has changed. The
// process that writes keeps the index up to date by itself; this finds the
// files of others.
func (p *poller) compare() {
	info, err := os.Stat(p.log.cfg.Dir)
	if err != nil || info.ModTime().Equal(p.modified) || time.Since(p.compared) < min(pollCompare, 10*p.log.cfg.pollInterval) {
		return
	}
	p.modified, p.compared = info.ModTime(), time.Now()
	p.log.index.lose()
}

// news returns what is new or changed since it was called before, oldest
// first.
func (p *poller) news(ctx context.Context) ([]Entry, error) {
	list, err := p.log.index.entries(ctx, "SELECT "+columns+" FROM record ORDER BY id DESC LIMIT ?", pollDepth)
	if err != nil {
		return nil, err
	}
	now := make(map[string]Entry, len(list))
	var batch []Entry
	for _, e := range list {
		now[e.File] = e
		if old, ok := p.seen[e.File]; !ok || old.Size != e.Size || !old.modified.Equal(e.modified) {
			batch = append(batch, e)
		}
	}
	p.seen = now
	slices.Reverse(batch)
	return batch, nil
}
