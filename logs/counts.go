package logs

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"time"
)

// Problems returns the files that are no whole record, by name, and segments
// of the spool in which a Writer found damage.
func (l *Log) Problems(ctx context.Context) ([]Problem, error) {
	list, err := collect(ctx, l.index, func(rows *sql.Rows) (p Problem, err error) {
		return p, rows.Scan(&p.File, &p.Reason)
	}, "SELECT file, reason FROM problem ORDER BY file")
	bad, globErr := filepath.Glob(filepath.Join(spoolDir(l.cfg.Dir), "*"+badSuffix))
	for _, path := range bad {
		if name, err := filepath.Rel(l.cfg.Dir, path); err == nil {
			list = append(list, Problem{File: name, Reason: "damage was found in this segment of the spool; deliveries may be lost"})
		}
	}
	return list, errors.Join(err, globErr)
}

// Counts returns the records that the filter chooses by event.
func (l *Log) Counts(ctx context.Context, f Filter) (Counts, error) {
	c := Counts{Events: map[string]int{}}
	if err := l.Settle(ctx); err != nil {
		return c, err
	}
	if f.InPayloads() {
		for e, err := range l.All(ctx, f, nil) {
			if err != nil {
				return c, err
			}
			c.Events[e.Event]++
			c.Total++
			c.Pending += min(e.Pending, 1)
			c.Failed += min(e.Failed, 1)
		}
		return c, nil
	}
	from, args := l.joined(ctx, f)
	type group struct {
		event string
		n     int
	}
	groups, err := collect(ctx, l.index, func(rows *sql.Rows) (g group, err error) {
		return g, rows.Scan(&g.event, &g.n)
	}, "SELECT r.event, count(*)"+from+" GROUP BY r.event", args...)
	if err != nil {
		return c, err
	}
	for _, g := range groups {
		c.Events[g.event] += g.n
		c.Total += g.n
	}
	for _, state := range []struct {
		column string
		to     *int
	}{{"r.pending > 0", &c.Pending}, {"r.failed > 0", &c.Failed}} {
		clause := " WHERE "
		if strings.Contains(from, " WHERE ") {
			clause = " AND "
		}
		n, err := l.index.number(ctx, "SELECT count(*)"+from+clause+state.column, args...)
		if err != nil {
			return c, err
		}
		*state.to = int(n)
	}
	return c, nil
}

// maxBuckets bounds what Rates returns.
const maxBuckets = 100_000

// Rates returns how many records came in each span of time since then,
// oldest first, empty spans included.
func (l *Log) Rates(ctx context.Context, since time.Time, bucket time.Duration) ([]Rate, error) {
	if err := l.Settle(ctx); err != nil {
		return nil, err
	}
	var rates []Rate
	if bucket <= 0 {
		return nil, errors.New("rates: the span of time must be positive")
	}
	now := l.cfg.Now()
	for t := since; !t.After(now) && len(rates) < maxBuckets; t = t.Add(bucket) {
		rates = append(rates, Rate{Start: t, Events: map[string]int{}})
	}
	type group struct {
		bucket, n int
		event     string
	}
	start := orderKey(since)
	groups, err := collect(ctx, l.index, func(rows *sql.Rows) (g group, err error) {
		return g, rows.Scan(&g.bucket, &g.event, &g.n)
	}, "SELECT (at - ?) / ?, event, count(*) FROM record WHERE id >= ? AND at >= ? GROUP BY 1, 2", start, int64(bucket), start, start)
	for _, g := range groups {
		if g.bucket >= 0 && g.bucket < len(rates) {
			rates[g.bucket].Events[g.event] += g.n
			rates[g.bucket].Total += g.n
		}
	}
	return rates, err
}
