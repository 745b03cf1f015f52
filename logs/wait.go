package logs

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// WaitRequest says what to wait for.
type WaitRequest struct {
	Filter Filter
	// Since counts records that were received since then, those that are in the log already too. Zero is the moment of the call.
	// Not looked at where After is given.
	Since time.Time
	After Mark // goes on where another Wait ended
	Count int  // how many records to wait for; 1 if zero
	Limit int  // return up to this many where more have arrived at once; Count if less
}

// WaitResult is what a Wait found.
type WaitResult struct {
	Entries []Entry // oldest first
	Next    Mark    // from which another Wait goes on, without a gap and without a repetition
}

// Mark is a place in the arrival of the records that a filter chooses. Records are not seen in the order of their times: one whose
// notification is pending is filed a little later, and what a receiver had acknowledged when it was killed is filed when the next
// one starts. So a Mark also knows the last arrival. What has arrived may be chosen later, when its notification has an outcome; so
// it knows too which of the newest were seen.
type Mark struct {
	came  int64   // everything that arrived later is new
	floor int64   // else everything up to this key is done with
	seen  []int64 // keys above floor that are done with, in order
}

// IsZero reports whether the mark is no place.
func (m Mark) IsZero() bool { return m.floor == 0 && len(m.seen) == 0 }

const (
	// lateness is how long after its arrival a record may be chosen by a Wait that goes on from a Mark.
	lateness = time.Minute
	// markKeys bounds a Mark. With more records than this within lateness, only those older than them are taken for done.
	markKeys = 256
	// lookEvery is how often the log is looked through besides being watched: not every file system reports changes.
	lookEvery = 2 * time.Second
)

// String is the mark as text for [ParseMark], "" for the zero Mark.
func (m Mark) String() string {
	if m.IsZero() {
		return ""
	}
	b := binary.AppendVarint(nil, m.floor)
	b = binary.AppendUvarint(append(b, 0), uint64(m.came)) //nolint:gosec // It is not negative.
	last := m.floor
	for _, key := range m.seen {
		b, last = binary.AppendUvarint(b, uint64(key-last)), key //nolint:gosec // The keys ascend.
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var errMark = errors.New("not a cursor of an earlier wait")

// ParseMark reads what String wrote. Anything else is an error.
func ParseMark(s string) (Mark, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) > 16*markKeys {
		return Mark{}, errMark
	}
	var m Mark
	if len(b) == 0 {
		return m, nil
	}
	floor, n := binary.Varint(b)
	if n <= 0 {
		return Mark{}, errMark
	}
	m.floor = floor
	if n < len(b) && b[n] == 0 { // marks of earlier versions have no arrival
		came, size := binary.Uvarint(b[n+1:])
		if m.came = int64(came); size <= 0 || m.came < 0 { //nolint:gosec // Checked here.
			return Mark{}, errMark
		}
		n += 1 + size
	}
	for last := floor; n < len(b); {
		delta, size := binary.Uvarint(b[n:])
		n += size
		key := last + int64(delta) //nolint:gosec // Checked below.
		if size <= 0 || key <= last {
			return Mark{}, errMark
		}
		m.seen, last = append(m.seen, key), key
	}
	return m, nil
}

func (m Mark) has(key int64) bool {
	_, found := slices.BinarySearch(m.seen, key)
	return key <= m.floor || found
}

// add notes that a record is done with.
func (m *Mark) add(key int64) {
	if at, found := slices.BinarySearch(m.seen, key); !found && key > m.floor {
		m.seen = slices.Insert(m.seen, at, key)
	}
}

// raise forgets what is too old to be seen late, and what is too much.
func (m *Mark) raise(floor int64) {
	if extra := len(m.seen) - markKeys; extra > 0 {
		floor = max(floor, m.seen[extra-1])
	}
	if floor > m.floor {
		at, found := slices.BinarySearch(m.seen, floor)
		if found {
			at++
		}
		m.floor, m.seen = floor, m.seen[at:]
	}
}

// Wait returns once as many records as asked for that the filter chooses have arrived, whichever process records them and whether or
// not one runs. When ctx ends before that, it returns what there is with the context's error: [context.DeadlineExceeded] where the
// time is up. Several may wait at once. The result is complete also beside an error, so that a later Wait goes on from its Next.
func (l *Log) Wait(ctx context.Context, r WaitRequest) (WaitResult, error) {
	w := wait{log: l, request: r, mark: r.After}
	w.request.Count = max(1, r.Count)
	w.request.Limit = max(w.request.Count, r.Limit)
	w.mark.seen = slices.Clone(r.After.seen)
	if r.After.IsZero() {
		since := r.Since
		if since.IsZero() {
			since = l.cfg.Now()
		}
		w.first = orderKey(since)
		w.mark.floor = max(1, w.first-int64(lateness))
	}
	err := w.run(ctx)
	slices.SortFunc(w.found, func(a, b Entry) int { return cmp.Compare(a.key, b.key) })
	floor := orderKey(l.cfg.Now())
	if n := len(w.found); n > 0 && w.done() {
		floor = min(floor, w.found[n-1].key) // what comes after that was not looked at
	}
	w.mark.raise(floor - int64(lateness))
	return WaitResult{Entries: w.found, Next: w.mark}, err
}

// wait is a Wait under way.
type wait struct {
	log     *Log
	request WaitRequest
	mark    Mark
	first   int64 // what the first look finds below this key was there before; 0 after that look
	found   []Entry
}

func (w *wait) done() bool { return len(w.found) >= w.request.Count }

// run watches first and looks then, so that nothing falls between. It looks once more when the time is up.
func (w *wait) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	news, err := w.log.Watch(watching)
	if err != nil {
		news = nil // looking finds it too, if later
	}
	// What an index that is being made lacks would pass for new later on, or be looked at no more.
	w.log.waitWhile(ctx, func(now agreement) bool { return now.failure == nil })
	looked := w.log.cfg.Now()
	err = w.look(ctx, w.mark.floor)
	tick := time.NewTicker(w.log.cfg.lookEvery)
	defer tick.Stop()
	for !w.done() {
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case batch, open := <-news:
			if !open {
				news = nil
			}
			if err = w.arrivals(ctx); err == nil {
				err = w.changed(ctx, batch)
			}
		case <-tick.C:
			from := looked.Add(-lateness)
			looked = w.log.cfg.Now()
			err = w.look(ctx, orderKey(from))
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookEvery)
			defer cancel()
			if _ = w.look(last, w.mark.floor); w.done() { // without an answer the time is simply up
				return nil
			}
			return ctx.Err()
		}
	}
	return nil
}

// look takes what has arrived, but first what the log has after a key, oldest first, of what had arrived before.
func (w *wait) look(ctx context.Context, after int64) (err error) {
	if w.mark.came == 0 {
		w.mark.came, err = w.log.index.number(ctx, "SELECT ifnull(max(came), 1) FROM record INDEXED BY record_came WHERE came > 0")
		if err != nil {
			return err
		}
	}
	after = max(after, w.mark.floor)
	w.log.each(ctx, Query{Filter: w.request.Filter, Newer: true, Cursor: Cursor{after}}, nil, func(e Entry, failed error) bool {
		switch {
		case failed != nil:
			err = failed
		case e.came > w.mark.came || w.mark.has(e.key):
		case e.key >= w.first:
			w.found = append(w.found, e)
			fallthrough
		default:
			w.mark.add(e.key)
		}
		return err == nil && len(w.found) < w.request.Limit
	})
	if err != nil {
		return err
	}
	w.first = 0
	return w.arrivals(ctx)
}

// arrivals takes the records that have arrived since then, however old they are.
func (w *wait) arrivals(ctx context.Context) error {
	for {
		list, err := w.log.index.entries(ctx, "SELECT "+columns+" FROM record INDEXED BY record_came WHERE came > 0 AND came > ? ORDER BY came LIMIT ?", w.mark.came, fullChunk)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			if len(w.found) >= w.request.Limit {
				return nil
			}
			if err := w.take(ctx, e, e.key <= w.mark.floor); err != nil {
				return err
			}
			w.mark.came = e.came
		}
	}
}

// changed takes of the records that the watcher reports those that had arrived before.
func (w *wait) changed(ctx context.Context, batch []Entry) error {
	for _, e := range batch {
		if e.came <= w.mark.came && len(w.found) < w.request.Limit {
			if err := w.take(ctx, e, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes a record where the filter chooses it and it is new, or not seen yet.
func (w *wait) take(ctx context.Context, e Entry, isNew bool) error {
	if !isNew && w.mark.has(e.key) {
		return nil
	}
	matches, err := w.log.Match(ctx, w.request.Filter, e)
	if matches {
		w.mark.add(e.key)
		w.found = append(w.found, e)
	}
	return err
}
