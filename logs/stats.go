package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// Tally is how many records have a value in common.
type Tally struct {
	Name   string `json:"name"`
	Count  int    `json:"count"`
	Failed int    `json:"failed"` // of them, with a notification that failed
}

// Stats are the records by event, repository, sender and hour.
type Stats struct {
	Total        int       `json:"total"`
	Failed       int       `json:"failed"`
	First        time.Time `json:"first,omitzero"` // when the oldest of them came
	Last         time.Time `json:"last,omitzero"`
	Events       []Tally   `json:"events"` // the most frequent first, as the next two
	Repositories []Tally   `json:"repositories"`
	Senders      []Tally   `json:"senders"`
	Hours        [24]int   `json:"hours"` // by the hour of the day, from 0
}

// Group is the records by one of their properties.
type Group struct {
	By      string // event, repository, sender or hour
	Tallies []Tally
}

// Groups are the numbers in the order to show them. Of the hours, those without a record are left out; the records that
// failed are not known by hour.
func (s Stats) Groups() []Group {
	hours := []Tally{}
	for h, n := range s.Hours {
		if n > 0 {
			hours = append(hours, Tally{Name: fmt.Sprintf("%02d:00", h), Count: n})
		}
	}
	return []Group{{"event", s.Events}, {"repository", s.Repositories}, {"sender", s.Senders}, {"hour", hours}}
}

// Word is the word of a filter that chooses the records of a tally; hours are those of zone. An hour of the day can be chosen
// where all records came within a day, else there is no word, and ok is false.
func (s Stats) Word(by string, t Tally, zone *time.Location) (word string, ok bool) {
	switch by {
	case "repository":
		return "repo:" + QuoteFilter(t.Name), true
	case "event", "sender":
		return by + ":" + QuoteFilter(t.Name), true
	}
	first := s.First.In(zone)
	from := time.Date(first.Year(), first.Month(), first.Day(), first.Hour(), 0, 0, 0, zone)
	for range 24 {
		if from.Format("15:04") == t.Name && s.Last.Before(from.Add(24*time.Hour)) {
			return fmt.Sprintf("since:%s until:%s", from.UTC().Format(time.RFC3339), from.Add(time.Hour).UTC().Format(time.RFC3339)), true
		}
		from = from.Add(time.Hour)
	}
	return "", false
}

// Share is a number of records in percent of all.
func (s Stats) Share(count int) float64 { return 100 * float64(count) / float64(max(1, s.Total)) }

// Stats counts the records that a filter chooses. The hours are those of zone.
func (l *Log) Stats(ctx context.Context, f Filter, zone *time.Location) (Stats, error) {
	t := tallies{zone: zone, in: [3]map[string]Tally{{}, {}, {}}}
	if f.InPayloads() {
		for e, err := range l.All(ctx, f, nil) {
			if err != nil {
				return t.Stats, err
			}
			t.add(1, min(e.Failed, 1), e.Event, e.Repository, e.Sender)
			t.came(1, e.ReceivedAt, e.ReceivedAt)
		}
	} else if err := l.tally(ctx, f, &t); err != nil {
		return t.Stats, err
	}
	for i, list := range []*[]Tally{&t.Events, &t.Repositories, &t.Senders} {
		*list = slices.AppendSeq([]Tally{}, maps.Values(t.in[i]))
		slices.SortFunc(*list, func(a, b Tally) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	}
	return t.Stats, nil
}

// tallies are Stats that grow: in are those by event, repository and sender.
type tallies struct {
	Stats
	zone *time.Location
	in   [3]map[string]Tally
}

// add counts records of one event, repository and sender, in this order.
func (t *tallies) add(count, failed int, names ...string) {
	t.Total += count
	t.Failed += failed
	for i, name := range names {
		if name != "" {
			old := t.in[i][name]
			t.in[i][name] = Tally{name, old.Count + count, old.Failed + failed}
		}
	}
}

// came counts records of one hour by the times of the first and the last.
func (t *tallies) came(count int, first, last time.Time) {
	t.Hours[first.In(t.zone).Hour()] += count
	if t.First.IsZero() || first.Before(t.First) {
		t.First = first
	}
	if last.After(t.Last) {
		t.Last = last
	}
}

// tally has the index count.
func (l *Log) tally(ctx context.Context, f Filter, t *tallies) error {
	from, args := l.joined(ctx, f)
	type group struct {
		event, repo, sender string
		count, failed       int
	}
	groups, err := ask(ctx, l, func(rows *sql.Rows) (g group, err error) {
		return g, rows.Scan(&g.event, &g.repo, &g.sender, &g.count, &g.failed)
	}, "SELECT r.event, r.repo, r.sender, count(*), sum(r.failed > 0)"+from+" GROUP BY r.event, r.repo, r.sender", args...)
	if err != nil {
		return err
	}
	for _, g := range groups {
		t.add(g.count, g.failed, g.event, g.repo, g.sender)
	}
	type span struct {
		first, last int64
		count       int
	}
	// By quarters of an hour, which no zone divides.
	spans, err := collect(ctx, l.index, func(rows *sql.Rows) (s span, err error) {
		return s, rows.Scan(&s.first, &s.last, &s.count)
	}, "SELECT min(r.at), max(r.at), count(*)"+from+" GROUP BY r.at / 900000000000", args...)
	for _, s := range spans {
		t.came(s.count, time.Unix(0, s.first).UTC(), time.Unix(0, s.last).UTC())
	}
	return err
}

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

// maxBuckets bounds what Rates returns.
const maxBuckets = 100_000

// Rates returns how many records came in each span of time since then,
// oldest first, empty spans included.
func (l *Log) Rates(ctx context.Context, since time.Time, bucket time.Duration) ([]Rate, error) {
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
	groups, err := ask(ctx, l, func(rows *sql.Rows) (g group, err error) {
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
