package logs

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watchInterval is the shortest time between two batches of Watch.
const watchInterval = 100 * time.Millisecond

// Watch tells of records that are new or changed, in batches, at most ten a
// second, each batch oldest first. The channel is closed when ctx ends. A
// slow reader gets larger batches, never old news.
func (l *Log) Watch(ctx context.Context) (<-chan []Entry, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the log directory: %w", err)
	}
	if err := w.Add(l.cfg.Dir); err != nil {
		return nil, fmt.Errorf("watch the log directory: %w", err)
	}
	out := make(chan []Entry)
	go func() {
		defer close(out)
		defer w.Close()
		l.watch(ctx, w, out)
	}()
	return out, nil
}

func (l *Log) watch(ctx context.Context, w *fsnotify.Watcher, out chan<- []Entry) {
	changed := map[string]bool{}
	timer := time.NewTimer(0)
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-w.Events:
			if !ok {
				return
			}
			if name := filepath.Base(ev.Name); isRecordName(name) && (ev.Has(fsnotify.Create) || ev.Has(fsnotify.Write)) {
				if len(changed) == 0 {
					timer.Reset(max(time.Millisecond, watchInterval-time.Since(last)))
				}
				changed[name] = true
			}
		case err := <-w.Errors:
			l.cfg.Logger.Warn("watching the log directory", "error", err)
		case <-timer.C:
			var batch []Entry
			for name := range changed {
				r, err := l.Read(ctx, name)
				if err == nil {
					batch = append(batch, r.Entry(0))
				}
			}
			clear(changed)
			last = time.Now()
			if len(batch) == 0 {
				continue
			}
			select {
			case out <- batch:
			case <-ctx.Done():
				return
			}
		}
	}
}
