package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Writer appends to a log directory. One process at a time has one. It is
// safe for concurrent use.
type Writer struct {
	cfg Config
	log *Log

	mu     sync.Mutex
	ids    map[string]string // GUID to file
	names  map[string]int    // last number of a stem
	newest string
}

// OpenWriter opens the log directory for appending.
func OpenWriter(ctx context.Context, cfg Config) (*Writer, error) {
	cfg = cfg.withDefaults()
	l, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	w := &Writer{cfg: cfg, log: l, ids: map[string]string{}, names: map[string]int{}}
	list, err := l.scan(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.DeliveryID != "" {
			w.ids[e.DeliveryID] = e.File
		}
	}
	return w, nil
}

// Log is the reading side of the same directory.
func (w *Writer) Log() *Log { return w.log }

// Close ends the Writer.
func (w *Writer) Close() error { return w.log.Close() }

// Append stores a record; it is durable when Append returns nil. It sets
// File and Timestamp, and ReceivedAt and Source where they are empty. A known
// DeliveryID gives *DuplicateError (records of SourceReplay and SourceTest
// may repeat one); ErrFull and ErrBusy mean that nothing is stored.
//
// Notifications that the record causes belong into it before Append, as
// pending: then they outlive a crash.
func (w *Writer) Append(_ context.Context, r *Record) error {
	if len(r.Payload) > 0 && !json.Valid(r.Payload) {
		return errors.New("append record: the payload is not JSON")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	unique := r.DeliveryID != "" && r.Source != SourceReplay && r.Source != SourceTest
	if file, ok := w.ids[r.DeliveryID]; ok && unique {
		return &DuplicateError{DeliveryID: r.DeliveryID, File: file}
	}
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = w.cfg.Now()
	}
	if r.Source == "" {
		r.Source = SourceDelivery
	}
	r.Timestamp = r.ReceivedAt.UTC().Format(timeLayout)
	data, err := r.Encode()
	if err != nil {
		return err
	}
	s := stem(r.ReceivedAt, r.EventType)
	for {
		w.names[s]++
		r.File = numbered(s, w.names[s])
		err := writeNew(w.log.path(r.File), data)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("append record: %w", err)
		}
		break
	}
	if r.DeliveryID != "" {
		w.ids[r.DeliveryID] = r.File
	}
	if r.File < w.newest {
		return nil
	}
	w.newest = r.File
	if err := pointLatest(w.cfg.Dir, r.File); err != nil {
		w.cfg.Logger.Debug("no link to the newest record", "error", err)
	}
	return nil
}

// pointLatest makes latest.json a link to the newest record.
func pointLatest(dir, file string) error {
	tmp := filepath.Join(dir, hiddenDir, latestName)
	if err := errors.Join(os.MkdirAll(filepath.Dir(tmp), 0o700), os.RemoveAll(tmp), os.Symlink(file, tmp)); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, latestName))
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// SetNotifications replaces the notifications of a record.
func (w *Writer) SetNotifications(ctx context.Context, file string, n []Notification) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.log.Read(ctx, file)
	if err != nil {
		return err
	}
	r.Notifications = n
	data, err := r.Encode()
	if err != nil {
		return err
	}
	tmp := filepath.Join(w.cfg.Dir, hiddenDir, file)
	err = errors.Join(os.MkdirAll(filepath.Dir(tmp), 0o700), writeNew(tmp, data))
	if err == nil {
		err = os.Rename(tmp, w.log.path(file))
	}
	if err != nil {
		return fmt.Errorf("rewrite record %s: %w", file, err)
	}
	return nil
}

// Pending returns the records with a notification that is still to be sent,
// oldest first.
func (w *Writer) Pending(ctx context.Context) ([]Entry, error) { return w.log.Pending(ctx) }

// PruneResult says what Prune removed, or would remove.
type PruneResult struct {
	Files []string `json:"files"` // oldest first
	Bytes int64    `json:"bytes"`
	// Kept is how many were due but stay because a notification is pending.
	Kept int `json:"kept"`
}

// Prune removes the oldest records beyond Config.Keep and Config.MaxBytes,
// never one that has a pending notification. With dryRun it only tells.
func (w *Writer) Prune(ctx context.Context, dryRun bool) (PruneResult, error) {
	list, err := w.log.scan(ctx)
	if err != nil {
		return PruneResult{}, err
	}
	var total int64
	for _, e := range list {
		total += e.Size
	}
	var res PruneResult
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		tooOld := w.cfg.Keep > 0 && w.cfg.Now().Sub(e.ReceivedAt) > w.cfg.Keep
		if !tooOld && (w.cfg.MaxBytes <= 0 || total <= w.cfg.MaxBytes) {
			continue
		}
		if e.Pending > 0 {
			res.Kept++
			continue
		}
		if !dryRun {
			if err := w.log.root.Remove(e.File); err != nil {
				return res, fmt.Errorf("prune: %w", err)
			}
		}
		total -= e.Size
		res.Files = append(res.Files, e.File)
		res.Bytes += e.Size
	}
	return res, nil
}
