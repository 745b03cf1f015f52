package logs

import (
	"context"
	"database/sql"
	"hash/maphash"
)

// guidSet tells for most new deliveries, without asking the index, that they
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
func (f *filer) learnGUIDs(ctx context.Context, l *Log) {
	if l.Ready(ctx, nil) != nil {
		return
	}
	var last string
	for ctx.Err() == nil {
		ids, err := collect(ctx, f.index, scanString, `SELECT DISTINCT delivery FROM record WHERE delivery > ? AND delivery <> '' ORDER BY delivery LIMIT 10000`, last)
		if err != nil {
			f.log.Debug("the index does not tell its deliveries; each is looked up", "error", err)
			return
		}
		f.mu.Lock()
		for _, id := range ids {
			f.guids.add(id)
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

func scanString(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }
