package logs

import (
	"context"
	"database/sql"
	"errors"
	"hash/maphash"
	"time"
)

// guidSet knows for most new deliveries, without asking the index, that they
// are new: a Bloom filter of two MiB. At a million records one in four
// hundred new GUIDs has to be looked up; being full only makes it slower.
type guidSet struct {
	seed  maphash.Seed
	bits  []uint64
	whole bool // it has all that the index has
}

const (
	guidBits   = 1 << 24
	guidHashes = 4
)

func (g *guidSet) add(id string) {
	if g.bits == nil {
		g.bits = make([]uint64, guidBits/64)
	}
	h := maphash.String(g.seed, id)
	for range guidHashes {
		g.bits[h%guidBits/64] |= 1 << (h % 64)
		h = h>>11 ^ h*0x9e3779b97f4a7c15
	}
}

// fresh is true where the delivery is certainly not in the index.
func (g *guidSet) fresh(id string) bool {
	if !g.whole {
		return false
	}
	h := maphash.String(g.seed, id)
	for range guidHashes {
		if g.bits == nil || g.bits[h%guidBits/64]&(1<<(h%64)) == 0 {
			return true
		}
		h = h>>11 ^ h*0x9e3779b97f4a7c15
	}
	return false
}

// learnGUIDs fills the set from the index, once that is complete.
// Where the ledger is not complete, it is completed from there first.
func (f *filer) learnGUIDs(ctx context.Context, l *Log) {
	if errors.Join(until(ctx, f.ready), l.Ready(ctx, nil)) != nil {
		return
	}
	err := f.completeLedger(ctx)
	f.readGUIDs(ctx)
	for retry := firstRetry; err != nil && ctx.Err() == nil; retry = min(2*retry, longestRetry) {
		if retry == firstRetry {
			f.log.Warn("what is known of earlier deliveries is incomplete for now", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
			err = f.completeLedger(ctx)
		}
	}
}

func (f *filer) readGUIDs(ctx context.Context) {
	var last string
	for ctx.Err() == nil {
		ids, err := collect(ctx, f.index, scanString, `SELECT DISTINCT delivery FROM record WHERE delivery > ? AND delivery <> '' ORDER BY delivery LIMIT 10000`, last)
		if err != nil {
			f.log.Debug("the index does not list its deliveries; each is looked up", "error", err)
			return
		}
		f.mu.Lock()
		for _, id := range ids {
			f.guids.add(asciiLower(id))
		}
		if len(ids) == 0 {
			f.guids.whole = true
		}
		f.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		last = ids[len(ids)-1]
	}
}

// completeLedger takes from the index what the ledger lacks. What is pending is known as soon as the index was asked, also
// where the ledger cannot be written yet.
func (f *filer) completeLedger(ctx context.Context) error {
	if f.ledger.isWhole() {
		return nil
	}
	horizon := orderKey(f.ledger.now().Add(-knownFor))
	notes, err := collect(ctx, f.index, func(rows *sql.Rows) (n filedNote, err error) {
		err = rows.Scan(&n.file, &n.at, &n.id.guid, &n.id.path, &n.pending, &n.syncing)
		n.id.guid = asciiLower(n.id.guid)
		return n, err
	}, `SELECT file, at, delivery, path, pending > 0, syncing > 0 FROM record WHERE id >= ?
		UNION SELECT file, at, delivery, path, 1, syncing > 0 FROM record INDEXED BY record_pending WHERE pending > 0
		UNION SELECT file, at, delivery, path, pending > 0, 1 FROM record INDEXED BY record_syncing WHERE syncing > 0`, horizon)
	if err != nil {
		return err
	}
	return f.ledger.complete(notes, f.holds, func(notes []filedNote) {
		select {
		case <-f.complete: // before an attempt to write that failed; since then all that changed came by here
			return
		default:
		}
		f.mu.Lock()
		for _, n := range notes {
			if f.items[n.file] != nil {
				continue
			}
			if n.pending {
				noteIn(f.pending, n.file, n.at, true)
			}
			if n.syncing {
				noteIn(f.syncing, n.file, n.at, true)
			}
		}
		f.mu.Unlock()
		close(f.complete)
	})
}

func scanString(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }
