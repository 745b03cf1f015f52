package logs

import (
	"context"
	"os"
	"slices"
	"time"
)

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
