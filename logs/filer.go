package logs

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hookctl/logs/disk"
)

// filer turns what is durable in the spool into record files. One goroutine
// writes the files and brings the index up to date, so that a record is seen
// soon; a second makes the files durable, many at once, and then releases
// their frames in the spool. What cannot be written stays in the spool and is
// tried again.
type filer struct {
	disk      *disk.FS
	dir       string // of the records
	tmp       string // of files that have no name yet
	log       *slog.Logger
	spool     *spool
	index     *index
	rec       *reconciler
	ledger    *ledger
	replaying func()
	heard     chan struct{} // closed when it is known which deliveries an earlier run may have left
	ready     chan struct{} // closed when what it left is taken up
	complete  chan struct{} // closed when the ledger lacks nothing

	mu      sync.Mutex
	early   early                      // empty once ready is closed
	items   map[string]*item           // by file: everything that is not safe as a file
	renamed map[string]string          // names that another program took before us
	ids     map[identity]string        // to the file, until the ledger has it
	flights map[identity]chan struct{} // deliveries on their way into the spool
	duties  duties
	guids   guidSet        // which the index may have
	lists   [3][]*item     // waiting: at once, lingering, rewrites
	numbers map[string]int // last number used of a stem
	older   map[string]int // the same, of stems not used lately
	started string         // when, as a stem begins
	memory  int64          // bytes of item.data
	settles []*settle
	failing error // why the last attempt failed
	stopped bool
	wake    chan struct{}
	giveUp  context.CancelFunc // ends the work at once: the spool has what is not done

	unsynced []filed // what the syncing goroutine is to make durable
	hurry    bool    // and at once
	syncWake chan struct{}
	syncStop chan struct{}
	done     sync.WaitGroup

	latest  string    // the newest record
	pointed string    // what latest.json points to
	pointAt time.Time // when it was set
}

// settle waits until what was there when it was made has been tried.
type settle struct {
	left map[*item]bool
	done chan struct{}
}

const (
	listNow = iota
	listLinger
	listRewrite
)

const (
	fileBatch     = 64
	rushBatch     = 16 // of files while deliveries come one after the other
	restShare     = 4  // in a rush, rest that many times as long as the work took
	longRest      = 50 * time.Millisecond
	crowdBatch    = 8 // of files, where creating one stalls a crowd for half a millisecond
	crowdRest     = 250 * time.Millisecond
	memoryLimit   = 32 << 20 // of contents kept for filing; beyond it they are read back
	firstBackoff  = 50 * time.Millisecond
	longBackoff   = 5 * time.Second
	closeMost     = 256 // files that stop still makes
	latestBetween = 100 * time.Millisecond
)

func (f *filer) start(l *Log) {
	f.index, f.rec, l.writer = l.index, l.rec, f
	ctx, giveUp := context.WithCancel(context.Background())
	f.giveUp = giveUp
	f.done.Go(func() { f.fileLoop(ctx) })
	f.done.Go(func() { f.syncLoop(ctx) })
}

// stop ends the filing. What little waits is filed first, so that it can be seen; whatever is not durable as a file is in
// the spool.
func (f *filer) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	if f.isOver() {
		f.giveUp()
	}
	f.nudge()
	f.done.Wait()
	f.giveUp()
}

func (f *filer) nudge() { poke(f.wake) }

// accept takes over a batch that is durable. The spool calls it.
func (f *filer) accept(batch []*commit) {
	now := time.Now()
	f.mu.Lock()
	for _, c := range batch {
		r := ref{seg: c.seg, salt: c.seg.salt, off: c.off, size: len(c.frame)}
		if c.item != nil {
			it := c.item
			d := duty{it.entry.key, it.entry.Pending > 0, it.entry.Syncing}
			f.duties.set(it.file, d)
			it.refs, it.from = append(it.refs, r), &r
			if f.memory += int64(len(it.data)); f.memory > memoryLimit {
				f.memory -= int64(len(it.data))
				it.data = nil
			}
			list := listNow
			if d.pending || d.syncing {
				list, it.due = listLinger, now.Add(linger)
			}
			f.push(it, list)
		} else {
			f.takeOutcome(c.file, r, c.outcome, listRewrite)
		}
	}
	f.mu.Unlock()
	f.nudge()
}

// takeOutcome gives the item of a record a newer outcome, and queues it. The caller holds mu.
func (f *filer) takeOutcome(file string, r ref, o outcome, list int) {
	file = f.realName(file) // it may have got another one on the way
	it := f.items[file]
	if it == nil {
		it = &item{file: file, filed: true}
		f.items[it.file] = it
	}
	if it.refs = append(it.refs, r); !it.queued {
		it.due = time.Now().Add(rewriteDelay)
		f.push(it, list)
	}
	d := f.duties[it.file]
	d.at = cmp.Or(d.at, nameKey(it.file))
	if o.sync != nil {
		it.sync, d.syncing = o.sync, o.sync.pending()
	} else {
		it.notes, d.pending = o.notes, hasPending(o.notes)
	}
	f.duties.set(it.file, d)
	it.version++
}

// push queues an item. The caller holds mu.
func (f *filer) push(it *item, list int) {
	it.queued = true
	f.lists[list] = append(f.lists[list], it)
}

// next takes what is to be written now; wait is how long until there is more,
// 0 for not before something happens.
func (f *filer) next(most int) (batch []job, wait time.Duration, stopped bool) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	hurry := f.stopped || len(f.settles) > 0
	for list := range f.lists {
		n := 0
		for _, it := range f.lists[list] {
			if len(batch) == most {
				break
			}
			if d := it.due.Sub(now); list != listNow && !hurry && d > 0 {
				if wait == 0 || d < wait {
					wait = d
				}
				break
			}
			it.queued, it.busy = false, true
			batch = append(batch, job{item: *it, it: it})
			n++
		}
		f.lists[list] = f.lists[list][n:]
	}
	return batch, wait, f.stopped
}

// fileLoop writes files until stop.
func (f *filer) fileLoop(ctx context.Context) {
	defer close(f.syncStop)
	backoff := firstBackoff
	timer := time.NewTimer(0)
	for ctx.Err() == nil && !f.isOver() {
		most := fileBatch
		if rush, crowd := f.spool.rush(); crowd {
			most = crowdBatch
		} else if rush {
			most = rushBatch
		}
		batch, wait, stopped := f.next(most)
		if len(batch) > 0 {
			start := time.Now()
			done, failed, err := f.write(ctx, batch)
			if rush, crowd := f.spool.rush(); crowd {
				wait = crowdRest
			} else if rush {
				// Leave the disk and the processor to those who wait for an answer.
				wait = min(restShare*time.Since(start), longRest)
			}
			f.attempted(batch, failed, err)
			f.toSync(done)
			if err == nil {
				backoff = firstBackoff
				if wait > 0 && !stopped {
					f.pause(timer, wait, func() bool { _, crowd := f.spool.rush(); return crowd })
				}
				continue
			}
			if stopped {
				return // the rest stays in the spool
			}
			f.pause(timer, backoff, func() bool { return true })
			backoff = min(2*backoff, longBackoff)
			continue
		}
		if stopped {
			f.pointLatest(true)
			return
		}
		if !f.pointLatest(false) && (wait == 0 || wait > latestBetween) {
			wait = latestBetween
		}
		if wait == 0 {
			<-f.wake
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-f.wake:
		}
	}
}

// isOver says that the filing stops and more waits than is worth waiting for.
func (f *filer) isOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped && len(f.lists[listNow])+len(f.lists[listLinger])+len(f.lists[listRewrite]) > closeMost
}

// pause waits unless someone wants the work done, and only while a condition holds. While a disk fails nobody settles.
func (f *filer) pause(timer *time.Timer, wait time.Duration, while func() bool) {
	timer.Reset(min(wait, longRest))
	for {
		select {
		case <-timer.C:
			if wait -= longRest; wait <= 0 || !while() {
				return
			}
			timer.Reset(min(wait, longRest))
		case <-f.wake:
			f.mu.Lock()
			wanted := f.stopped || len(f.settles) > 0
			f.mu.Unlock()
			if wanted {
				return
			}
		}
	}
}

// letGo ends all waiting for settle. The caller holds mu.
func (f *filer) letGo() {
	for _, s := range f.settles {
		close(s.done)
	}
	f.settles = nil
}

// attempted keeps the books after an attempt to write a batch.
func (f *filer) attempted(batch []job, failed []*item, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && (f.failing == nil || f.failing.Error() != err.Error()) {
		f.log.Error("records cannot be written to the log directory; they wait in the spool", "error", err, "waiting", len(f.items))
	} else if err == nil && f.failing != nil {
		f.log.Info("records are written to the log directory again", "waiting", len(f.items))
	}
	f.failing = err
	for _, j := range batch {
		j.it.busy = false
	}
	for i := len(failed) - 1; i >= 0; i-- {
		if it := failed[i]; !it.queued {
			it.queued = true
			f.lists[listNow] = append([]*item{it}, f.lists[listNow]...)
		}
	}
	if err != nil {
		f.letGo()
		return
	}
	kept := f.settles[:0]
	for _, s := range f.settles {
		for _, j := range batch {
			delete(s.left, j.it)
		}
		if len(s.left) == 0 {
			close(s.done)
		} else {
			kept = append(kept, s)
		}
	}
	f.settles = kept
}

// settleAll returns when everything that was durable at the call is a file
// and in the index, or an attempt to make it so has failed.
func (f *filer) settleAll(ctx context.Context) error {
	if err := until(ctx, f.ready); err != nil {
		return err
	}
	s := &settle{left: map[*item]bool{}, done: make(chan struct{})}
	f.mu.Lock()
	for _, list := range f.lists {
		for _, it := range list {
			s.left[it] = true
		}
	}
	for _, it := range f.items {
		if it.busy {
			s.left[it] = true
		}
	}
	if len(s.left) == 0 || f.stopped || f.failing != nil {
		f.mu.Unlock()
		return nil
	}
	f.settles = append(f.settles, s)
	f.mu.Unlock()
	f.nudge()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lookup returns the content of a record that is on its way into its file. It is read without holding mu, which
// deliveries wait for; a frame that is released in the meantime gives an error, and then the file is there.
func (f *filer) lookup(file string) (data []byte, ok bool, err error) {
	f.mu.Lock()
	it := f.items[f.realName(file)]
	if it == nil || len(it.refs) == 0 {
		f.mu.Unlock()
		return nil, false, nil
	}
	view := *it
	f.mu.Unlock()
	data, _, err = view.content(f.readFile)
	return data, true, err
}

// realName resolves the name that Append returned. The caller holds mu.
func (f *filer) realName(file string) string {
	if to, ok := f.renamed[file]; ok {
		return to
	}
	return file
}

func (f *filer) readFile(file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.dir, filepath.Base(file)))
}
