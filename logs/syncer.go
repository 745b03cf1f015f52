package logs

import (
	"context"
	"errors"
	"iter"
	"os"
	"time"

	"hookctl/logs/disk"
)

// filed is a file that is written and not yet durable.
type filed struct {
	it       *item
	name     string
	size     int64
	version  int
	f        *os.File // while it is written
	temp     string   // its name until it replaces the old file
	modified time.Time
	note     note
	there    bool  // it was there from an earlier run
	durable  bool  // only its name is to be made durable
	err      error // of its sync
}

// When files are made durable. Their syncs take the disk from those of the
// spool, for which deliveries wait, while the files can wait: the spool has
// them. So it happens when the spool is idle, or when so much has gathered
// that it has to be.
const (
	syncBatch   = 256
	syncWorkers = 8
	syncIdle    = 200 * time.Millisecond // without a commit
	syncAge     = 10 * time.Second       // of the oldest
	syncTick    = 100 * time.Millisecond
	syncShare   = 8 // the part of the spool's bound that may gather
)

// toSync hands files to the goroutine that syncs.
func (f *filer) toSync(done []filed) {
	if len(done) == 0 {
		return
	}
	f.mu.Lock()
	f.unsynced = append(f.unsynced, done...)
	f.mu.Unlock()
	f.nudgeSync(false)
}

func (f *filer) nudgeSync(hurry bool) {
	f.mu.Lock()
	f.hurry = f.hurry || hurry
	f.mu.Unlock()
	poke(f.syncWake)
}

// syncLoop makes files durable and releases their frames in the spool.
func (f *filer) syncLoop(ctx context.Context) {
	var held []filed
	var since time.Time
	timer := time.NewTimer(time.Hour)
	for {
		select {
		case <-f.syncWake:
		case <-timer.C:
		case <-f.syncStop:
			return // the spool has what is not durable as a file
		}
		f.mu.Lock()
		more, hurry := f.unsynced, f.hurry
		f.unsynced, f.hurry = nil, false
		f.mu.Unlock()
		if len(held) == 0 {
			since = time.Now()
		}
		held = append(held, more...)
		for len(held) > 0 && (hurry || time.Since(since) > syncAge || f.spool.idleFor() >= syncIdle || heldBytes(held) > f.spool.limit/syncShare) {
			n := min(syncBatch, len(held))
			f.sync(ctx, held[:n])
			held = held[n:]
		}
		if len(held) > 0 {
			timer.Reset(syncTick)
		}
	}
}

func heldBytes(held []filed) (n int64) {
	for i := range held {
		n += held[i].size
	}
	return n
}

// sync makes a batch of files durable. What fails is written again, since
// nothing in the page cache can be trusted after a sync that failed.
func (f *filer) sync(ctx context.Context, batch []filed) {
	f.syncFiles(ctx, batch)
	var again []*item
	good := batch[:0]
	for _, b := range batch {
		if errors.Is(b.err, context.Canceled) {
			continue // the spool has it
		}
		if b.err != nil {
			f.log.Error("a record file cannot be made durable; it is written again", "file", b.name, "error", b.err)
			again = append(again, b.it)
			continue
		}
		good = append(good, b)
	}
	repeat := func(reason string, err error) {
		f.log.Error(reason, "error", err)
		for _, b := range good {
			again = append(again, b.it)
		}
		good = nil
	}
	if err := f.disk.SyncDir(f.dir); err != nil {
		repeat("the log directory cannot be made durable; its newest files are written again", err)
	}
	if err := f.ledger.add(f.notes(good)); err != nil {
		repeat("what became a file cannot be noted; it is written again", err)
	}
	f.mu.Lock()
	var refs []ref
	for _, b := range good {
		if !b.isLast() {
			continue // a newer outcome is on its way and takes the frames along
		}
		refs = append(refs, b.it.refs...)
		b.it.refs, b.it.from = nil, nil
		delete(f.items, b.it.file)
		if f.ids[b.it.id] == b.it.file {
			delete(f.ids, b.it.id)
		}
	}
	for _, it := range again {
		it.version++
		if !it.queued && !f.stopped {
			it.due = time.Now().Add(rewriteDelay)
			f.push(it, listRewrite)
		}
	}
	if len(f.items) == 0 { // Maps and slices keep the room that they had once.
		f.items, f.ids, f.lists = map[string]*item{}, map[identity]string{}, [3][]*item{}
	}
	f.mu.Unlock()
	f.spool.release(refs)
	f.nudge()
}

// isLast says that what was written is the newest of its record. The caller holds mu.
func (b *filed) isLast() bool { return b.it.version == b.version && !b.it.queued && !b.it.busy }

// notes are what the ledger is to say of files whose frames can be released then.
func (f *filer) notes(batch []filed) []note {
	f.mu.Lock()
	defer f.mu.Unlock()
	notes := make([]note, 0, len(batch))
	for _, b := range batch {
		if !b.isLast() {
			continue
		}
		n := b.note
		n.file = []byte(b.it.file)
		for _, r := range b.it.refs {
			if p := r.place(); n.upTo.compare(p) < 0 {
				n.upTo = p
			}
		}
		notes = append(notes, n)
	}
	return notes
}

// syncFiles syncs files, several at a time: the kernel merges the flushes and
// journal commits of those who wait together. Writing of all is started
// before, so that the first commit serves many.
func (f *filer) syncFiles(ctx context.Context, batch []filed) {
	for i := range batch {
		b := &batch[i]
		if b.durable {
			continue
		}
		if b.f, b.err = os.OpenFile(f.path(b.name), os.O_RDWR, 0); b.err == nil {
			disk.StartWriteback(b.f)
		} else if errors.Is(b.err, os.ErrNotExist) {
			b.err, b.durable = nil, true // removed by someone; that is final
		}
	}
	sideBySide(syncWorkers, len(batch), func(each iter.Seq[int]) {
		for i := range each {
			if b := &batch[i]; b.f != nil && !b.durable {
				if b.err = ctx.Err(); b.err == nil {
					b.err = f.disk.Sync(b.f)
				}
				b.err = errors.Join(b.err, b.f.Close())
			}
		}
	})
}
