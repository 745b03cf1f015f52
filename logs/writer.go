package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"hookctl/logs/disk"
)

// Writer appends to a log directory. One process at a time has one. It is
// safe for concurrent use.
type Writer struct {
	cfg   Config
	log   *Log
	lock  *flock.Flock
	spool *spool
	filer *filer

	background sync.WaitGroup
	unlearn    context.CancelFunc

	mu     sync.Mutex
	closed bool
}

// OpenWriter opens the log directory for appending. What the spool holds from
// an earlier run becomes files in the background; Append waits until it is
// known which deliveries that may be. Nobody waits for the index but who asks it. ErrLocked means that another
// process appends to the directory.
func OpenWriter(_ context.Context, cfg Config) (*Writer, error) {
	cfg = cfg.withDefaults()
	hidden := filepath.Join(cfg.Dir, hiddenDir)
	d := &disk.FS{Fault: cfg.fault, Trace: cfg.trace}
	if err := d.MakeDirs(hidden); err != nil {
		return nil, fmt.Errorf("make the log directory: %w", err)
	}
	w := &Writer{cfg: cfg, lock: flock.New(filepath.Join(hidden, "writer.lock"), flock.SetPermissions(0o600))}
	if locked, err := w.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("lock the log directory: %w", err)
	} else if !locked {
		return nil, ErrLocked
	}
	if err := w.start(d); err != nil {
		return nil, errors.Join(err, w.lock.Unlock())
	}
	return w, nil
}

// start reads the spool while the index is opened, for which nobody waits.
func (w *Writer) start(d *disk.FS) (err error) {
	if w.log, err = newLog(w.cfg); err != nil {
		return err
	}
	w.spool = &spool{disk: d, dir: spoolDir(w.cfg.Dir), log: w.cfg.Logger, limit: w.cfg.SpoolBytes, segmentSize: w.cfg.segmentSize}
	w.filer = newFiler(d, w.cfg, w.spool)
	w.spool.durable = w.filer.accept
	w.spool.refused = func(c *commit) {
		if c.item != nil { // who waited for it may be gone; the delivery must not pass for known because of that
			w.filer.dismiss(c.item)
		}
	}
	if err := w.filer.prepare(); err != nil {
		return err
	}
	segs, err := openSpool(w.spool)
	if err != nil {
		return err
	}
	w.filer.start(w.log)
	w.log.start()
	w.background.Go(func() { w.filer.takeUp(segs) })
	learning, stop := context.WithCancel(context.Background())
	w.unlearn = stop
	w.background.Go(func() { w.filer.learnGUIDs(learning, w.log) })
	return nil
}

// Log is the reading side of the same directory. It sees at once what was
// appended. Do not close it.
func (w *Writer) Log() *Log { return w.log }

// Close refuses new records and ends the Writer once those that were taken
// are durable. Not all of them are files then: the rest is in the spool, and
// the next Writer makes files of it. To have them all as files, call
// [Log.Settle] first.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.closed = true
	w.mu.Unlock()
	w.unlearn()
	w.log.cancel()
	w.background.Wait()
	w.spool.stop()
	w.filer.stop()
	w.filer.ledger.close()
	return errors.Join(w.spool.close(), w.log.Close(), w.lock.Unlock())
}

// Append stores a record; it is durable when Append returns nil. It sets
// File and Timestamp, and ReceivedAt and Source where they are empty. A
// DeliveryID that is known for the same path gives *DuplicateError (records of
// SourceReplay and SourceTest may repeat one); a payload that is not JSON gives ErrNotJSON; ErrFull and ErrBusy mean that nothing is stored. When ctx
// ends first, the record may be stored nevertheless.
//
// Notifications that the record causes belong into it before Append, as
// pending: then they outlive a crash.
func (w *Writer) Append(ctx context.Context, r *Record) error {
	if len(r.Payload) > 0 && !r.isJSON() {
		return fmt.Errorf("append record: %w", ErrNotJSON)
	}
	if err := until(ctx, w.filer.heard); err != nil {
		return err
	}
	unique := r.DeliveryID != "" && r.Source != SourceReplay && r.Source != SourceTest
	if unique {
		land, err := w.filer.takeOff(ctx, r.identity())
		if err != nil {
			return err
		}
		defer land()
	}
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = w.cfg.Now()
	}
	if r.Source == "" {
		r.Source = SourceDelivery
	}
	r.Timestamp = r.ReceivedAt.UTC().Format(timeLayout)
	it := &item{stem: stem(r.ReceivedAt, r.EventType), id: r.identity()}
	r.File = w.filer.admit(it)
	frame, data, err := recordFrame(r.File, r)
	if err != nil {
		w.filer.dismiss(it)
		return fmt.Errorf("append record: %w", err)
	}
	it.data, it.entry = data, r.Entry(int64(len(data)))
	if err := w.spool.commit(ctx, &commit{frame: frame, item: it}); err != nil {
		return w.refused(ctx, it, err)
	}
	return nil
}

// refused says why a record is not stored.
func (w *Writer) refused(ctx context.Context, it *item, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		w.filer.dismiss(it)
	}
	if _, trouble := w.filer.state(); errors.Is(err, ErrBusy) && disk.IsFull(trouble) {
		err = ErrFull // the spool is full because the disk is
	}
	return fmt.Errorf("append record: %w", err)
}

// SetNotifications replaces the notifications of a record; they are durable
// when it returns. The file follows soon after: it is written with them where
// it is not written yet, and else atomically replaced.
func (w *Writer) SetNotifications(ctx context.Context, file string, n []Notification) error {
	n = append([]Notification{}, n...)
	if err := w.setOutcome(ctx, frameOutcome, n, &commit{file: file, outcome: outcome{notes: n}}); err != nil {
		return fmt.Errorf("set notifications of %s: %w", file, err)
	}
	return nil
}

// SetSync replaces the sync of a record; it is durable when it returns. The file follows soon after.
func (w *Writer) SetSync(ctx context.Context, file string, s Sync) error {
	if err := w.setOutcome(ctx, frameSync, s, &commit{file: file, outcome: outcome{sync: &s}}); err != nil {
		return fmt.Errorf("set sync of %s: %w", file, err)
	}
	return nil
}

// setOutcome makes an outcome of a record durable: value as a frame of that kind.
func (w *Writer) setOutcome(ctx context.Context, kind byte, value any, c *commit) error {
	if !isRecordName(c.file) {
		return ErrNotFound
	}
	if err := until(ctx, w.filer.ready); err != nil {
		return err
	}
	name, ok := w.filer.has(c.file)
	if !ok {
		return ErrNotFound
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	c.frame, c.file = newFrame(kind, name, data), name
	return w.spool.commit(ctx, c)
}

// Pending returns the files of records with a notification that is still to
// be sent, oldest first. It needs no index. Where what was known of them was
// lost, older ones are added when the index is complete, see PendingComplete.
func (w *Writer) Pending(ctx context.Context) ([]string, error) {
	if err := until(ctx, w.filer.ready); err != nil {
		return nil, err
	}
	return w.filer.filesOf(func(d duty) bool { return d.pending }), nil
}

// IsPending reports whether a record has a notification that is still to be sent. Like Pending it needs no index.
func (w *Writer) IsPending(ctx context.Context, file string) (bool, error) {
	if err := until(ctx, w.filer.ready); err != nil {
		return false, err
	}
	w.filer.mu.Lock()
	defer w.filer.mu.Unlock()
	return w.filer.duties[w.filer.realName(file)].pending, nil
}

// PendingComplete is closed as soon as Pending and PendingSync lack nothing.
func (w *Writer) PendingComplete() <-chan struct{} { return w.filer.complete }

// Health is how the writing goes.
type Health struct {
	SpoolBytes   int64 // durable, and not yet safe as a record file
	SpoolRecords int
	Pending      int // records with a notification that is still to be sent
	// Damage says what of the spool could not be read back, so that deliveries which were acknowledged may be lost. It
	// stays until the files *.bad in the spool are removed.
	Damage []string
	Err    error // why record files cannot be written now; nil while they can
	Index  error // why the index lacks records and is not being made now; nil while it is whole, or on its way
}

// Health returns how the writing goes.
func (w *Writer) Health() Health {
	var h Health
	h.SpoolBytes, h.SpoolRecords, h.Damage = w.spool.load()
	h.Pending, h.Err = w.filer.state()
	h.Index = w.log.rec.state().failure
	return h
}

// States of a record's sync beyond those of a notification: [StatusPending], [StatusFailed].
const (
	SyncDone      = "done"      // what had to be done at GitHub is done
	SyncSkipped   = "skipped"   // there was nothing to do; Text says why
	SyncSuggested = "suggested" // it waits for a person: hookctl sync apply KEY
)

// Sync is what project sync made of a record: the key sync of its file. A record that sync has nothing to do with has none.
type Sync struct {
	Status string `json:"status"`
	// Key names the failure, merge or block that it belongs to, for hookctl sync apply.
	Key      string    `json:"key,omitempty"`
	Text     string    `json:"text,omitempty"`  // what was done, or why not; one line
	Issue    int64     `json:"issue,omitempty"` // number of the issue, in the record's repository
	URL      string    `json:"url,omitempty"`   // of the issue
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at,omitzero"`      // of the last attempt
	NextAt   time.Time `json:"next_at,omitzero"` // when the next attempt is due
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"` // what to do about Error
	// Notices are what the sinks get of it; each is also among the record's notifications.
	Notices []SyncNotice `json:"notices,omitempty"`
}

// SyncNotice is one message about what sync did.
type SyncNotice struct {
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context,omitempty"`
	Sinks    []string       `json:"sinks,omitempty"` // names; none is all
	// Authors are the author associations of those whose words Message has, besides the author of the event, by login.
	Authors map[string]string `json:"authors,omitempty"`
}

func (s *Sync) pending() bool { return s != nil && s.Status == StatusPending }

// PendingSync returns the files of records whose sync is pending, oldest first. Like [Writer.Pending] it lacks older ones until
// PendingComplete is closed, where what was known of them was lost.
func (w *Writer) PendingSync(ctx context.Context) ([]string, error) {
	if err := until(ctx, w.filer.ready); err != nil {
		return nil, err
	}
	return w.filer.filesOf(func(d duty) bool { return d.syncing }), nil
}

// later reports whether this outcome was written after the other one.
func (s *Sync) later(than *Sync) bool { return s != nil && (than == nil || s.At.After(than.At)) }
