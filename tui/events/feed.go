package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

const (
	feedPage = 200  // entries asked for at a time
	feedKeep = 2000 // entries kept in memory; the rest is asked for again
	feedNear = 80   // the next page is asked for this far before its edge
)

// feed is a window on the log: the entries around the cursor, in order, newest
// first. It asks for more before the cursor gets to an edge, so a million
// records cost what some hundreds do.
//
// At the top it follows: new records come in and the cursor stays on the
// newest. Anywhere else it is paused: nothing moves, and what is new is
// counted.
type feed struct {
	log    *logs.Log
	filter logs.Filter
	kit.Cursor
	entries  []logs.Entry
	newer    bool         // there are entries before the first one
	older    bool         // there are entries after the last one
	base     int          // entries before the first one; -1 while unknown
	total    int          // entries that the filter chooses; -1 while unknown
	fresh    int          // what came in while paused
	newest   time.Time    // when the newest entry that was counted came in
	counting bool         // count is at work
	stale    bool         // what is counted may be wrong: count again
	news     int          // batches that came in
	unread   []logs.Entry // news whose payloads the filter has to look into
	checking bool         // a batch of them is being looked into
	paused   bool
	loading  bool // the first page is on its way
	fetching int  // pages on their way: 1 older, 2 newer
	building bool // the index is being made, older entries may be missing
	progress logs.Progress
	err      error

	anchor *logs.Entry // what was asked for around, nil for the top
	gen    int         // number of the question; answers to older ones are dropped
	cancel context.CancelFunc
}

type (
	// feedAgain asks again while the index is being made.
	feedAgain struct{}
	// feedLoaded answers load: entries around the anchor, the cursor on at.
	feedLoaded struct {
		gen    int
		page   logs.Page
		newest time.Time
		at     int
		paused bool
		err    error
	}
	// feedMore answers fetch.
	feedMore struct {
		gen   int
		newer bool
		page  logs.Page
		err   error
	}
	// feedCount answers count: entries in all, and those before one.
	feedCount struct {
		gen, total, before int
		file               string
		err                error
	}
	// feedChecked answers check: which entries of a batch the filter chooses.
	feedChecked struct {
		gen    int
		batch  []logs.Entry
		chosen []bool
		err    error
	}
)

// load asks again: from the newest entry, or, with an anchor, around it.
func (f *feed) load(ctx context.Context, anchor *logs.Entry) tea.Cmd {
	if f.log == nil {
		return nil
	}
	if f.cancel != nil {
		f.cancel()
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.gen++
	f.loading, f.fetching, f.err, f.anchor = true, 0, nil, anchor
	f.unread, f.checking = nil, false // they are among what is read now
	l, filter, gen := f.log, f.filter, f.gen
	return func() tea.Msg {
		newest, err := newestIn(ctx, l)
		if anchor == nil {
			p, err := l.Page(ctx, logs.Query{Filter: filter, Limit: feedPage})
			return feedLoaded{gen: gen, page: p, newest: newest, err: err}
		}
		if err != nil {
			return feedLoaded{gen: gen, err: err}
		}
		above, err := l.Page(ctx, logs.Query{Filter: filter, Cursor: anchor.Cursor(), Newer: true, Limit: feedPage})
		if err != nil {
			return feedLoaded{gen: gen, err: err}
		}
		below, err := l.Page(ctx, logs.Query{Filter: filter, Cursor: anchor.Cursor(), Limit: feedPage})
		at := len(above.Entries)
		all := slices.Clone(above.Entries)
		chosen, matchErr := l.Match(ctx, filter, *anchor)
		if chosen {
			all = append(all, tidy(*anchor))
		} else if len(below.Entries) == 0 {
			at = max(0, at-1)
		}
		err = errors.Join(err, matchErr)
		below.Entries = append(all, below.Entries...)
		below.HasNewer = above.HasNewer
		return feedLoaded{gen: gen, page: below, newest: newest, at: at, paused: true, err: err}
	}
}

// newestIn is when the newest record of the log came in.
func newestIn(ctx context.Context, l *logs.Log) (time.Time, error) {
	p, err := l.Page(ctx, logs.Query{Limit: 1})
	if err != nil || len(p.Entries) == 0 {
		return time.Time{}, err
	}
	return p.Entries[0].ReceivedAt, nil
}

// count asks how many entries there are, and how many before the first one here, unless that is known. It comes after the
// entries: on a large log it may take much longer.
func (f *feed) count(ctx context.Context) tea.Cmd {
	if f.err != nil || f.log == nil || f.counting || !f.stale && f.total >= 0 && f.base >= 0 {
		return nil
	}
	f.counting, f.stale = true, false
	ctx, stop := context.WithCancel(ctx)
	if load := f.cancel; load != nil {
		f.cancel = func() { load(); stop() }
	} else {
		f.cancel = stop
	}
	l, filter, m := f.log, f.filter, feedCount{gen: f.gen}
	var first time.Time
	if len(f.entries) > 0 {
		first, m.file = f.entries[0].ReceivedAt, f.entries[0].File
	}
	return func() tea.Msg {
		later, err := logs.ParseFilter("since:"+first.Add(1).UTC().Format(time.RFC3339Nano), time.Time{})
		if err == nil {
			m.total, err = l.Count(ctx, filter)
		}
		if err == nil && m.file != "" {
			m.before, err = l.Count(ctx, filter.And(later))
		}
		m.err = err
		return m
	}
}

// end asks for the oldest entries and puts the cursor on the last one.
func (f *feed) end(ctx context.Context) tea.Cmd {
	if f.log == nil {
		return nil
	}
	if !f.older {
		f.goTo(len(f.entries) - 1)
		return nil
	}
	if f.cancel != nil {
		f.cancel()
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.gen++
	f.loading, f.fetching, f.anchor = true, 0, nil
	f.unread, f.checking = nil, false
	l, filter, gen := f.log, f.filter, f.gen
	return func() tea.Msg {
		newest, err := newestIn(ctx, l)
		if err != nil {
			return feedLoaded{gen: gen, err: err}
		}
		p, err := l.Page(ctx, logs.Query{Filter: filter, Newer: true, Limit: feedPage})
		return feedLoaded{gen: gen, page: p, newest: newest, at: len(p.Entries) - 1, paused: true, err: err}
	}
}

// loaded takes the answer of load or end.
func (f *feed) loaded(m feedLoaded) {
	if m.gen != f.gen {
		return
	}
	f.loading, f.err, f.counting = false, m.err, false
	if m.err != nil {
		return
	}
	f.newest = m.newest
	f.entries, f.newer, f.older = tidyAll(m.page.Entries), m.page.HasNewer, m.page.HasOlder
	f.building, f.progress = m.page.Building, m.page.Progress
	f.To(m.at, len(f.entries))
	f.base = -1
	f.place()
	f.fresh = 0
	f.paused = m.paused && f.At > 0
}

// counted takes the answer of count, and asks again where the log changed since.
func (f *feed) counted(ctx context.Context, m feedCount) tea.Cmd {
	if m.gen != f.gen {
		return nil
	}
	f.counting = false
	if m.err != nil {
		return nil
	}
	if !f.stale {
		f.total = m.total
		if i := f.index(m.file); i >= 0 {
			base := max(0, m.before-i)
			switch { // deliveries that come in at once do not come in order
			case f.paused && !f.newer:
				f.fresh = base
			case f.paused && f.base >= 0:
				f.fresh = max(0, f.fresh+base-f.base)
			}
			f.base = base
		}
		f.place()
	}
	return f.count(ctx)
}

// place works out how many entries are before the first one, where an end of
// the list is in the window.
func (f *feed) place() {
	switch {
	case !f.newer && f.fresh == 0:
		f.base = 0
	case !f.older && f.total >= 0:
		f.base = max(0, f.total-len(f.entries))
	}
}

// prefetch asks for what lies beyond an edge that the cursor comes near.
func (f *feed) prefetch(ctx context.Context) tea.Cmd {
	if f.log == nil || f.loading || len(f.entries) == 0 {
		return nil
	}
	var cmds []tea.Cmd
	if f.older && f.fetching&1 == 0 && f.At+feedNear >= len(f.entries) {
		f.fetching |= 1
		cmds = append(cmds, f.fetch(ctx, false))
	}
	// What came in while paused waits until the cursor gets to the top.
	if above := f.newer || f.fresh > 0 && f.At == 0; above && f.paused && f.fetching&2 == 0 && f.At < feedNear {
		f.fetching |= 2
		cmds = append(cmds, f.fetch(ctx, true))
	}
	return tea.Batch(cmds...)
}

func (f *feed) fetch(ctx context.Context, newer bool) tea.Cmd {
	edge := f.entries[len(f.entries)-1]
	if newer {
		edge = f.entries[0]
	}
	l, filter, gen := f.log, f.filter, f.gen
	return func() tea.Msg {
		p, err := l.Page(ctx, logs.Query{Filter: filter, Cursor: edge.Cursor(), Newer: newer, Limit: feedPage})
		return feedMore{gen, newer, p, err}
	}
}

// more takes the answer of fetch and drops what is far from the cursor.
func (f *feed) more(m feedMore) {
	if m.gen != f.gen {
		return
	}
	if m.newer {
		f.fetching &^= 2
	} else {
		f.fetching &^= 1
	}
	if m.err != nil {
		f.err = m.err
		return
	}
	tidyAll(m.page.Entries)
	n := len(m.page.Entries)
	if m.newer {
		f.entries = append(slices.Clone(m.page.Entries), f.entries...)
		f.At, f.Top, f.newer = f.At+n, f.Top+n, m.page.HasNewer
		if f.base >= 0 {
			f.base = max(0, f.base-n)
		}
		if !f.newer {
			f.base, f.fresh = 0, 0
		}
		if len(f.entries) > feedKeep {
			f.entries, f.older = f.entries[:feedKeep], true
		}
		return
	}
	f.entries = append(f.entries, m.page.Entries...)
	f.older = m.page.HasOlder
	if over := len(f.entries) - feedKeep; over > 0 && f.At > over+feedPage {
		f.entries = slices.Clone(f.entries[over:])
		f.At, f.Top, f.newer = f.At-over, f.Top-over, true
		if f.base >= 0 {
			f.base += over
		}
	}
}

// arrive takes a batch of new or changed records, oldest first. Where the filter
// looks into payloads, a command reads them first, one batch after the other.
func (f *feed) arrive(ctx context.Context, batch []logs.Entry) tea.Cmd {
	f.news++
	if f.filter.InPayloads() {
		f.unread = append(f.unread, batch...)
		return f.check(ctx)
	}
	chosen := make([]bool, len(batch))
	for i, e := range batch {
		chosen[i] = f.filter.Match(e)
	}
	return f.take(ctx, batch, chosen)
}

// check asks which of the unread records the filter chooses.
func (f *feed) check(ctx context.Context) tea.Cmd {
	if f.checking || len(f.unread) == 0 {
		return nil
	}
	m := feedChecked{gen: f.gen, batch: f.unread, chosen: make([]bool, len(f.unread))}
	f.unread, f.checking = nil, true
	l, filter := f.log, f.filter
	return func() tea.Msg {
		for i, e := range m.batch {
			if m.chosen[i], m.err = l.Match(ctx, filter, e); m.err != nil {
				break
			}
		}
		return m
	}
}

// checked takes the answer of check.
func (f *feed) checked(ctx context.Context, m feedChecked) tea.Cmd {
	if m.gen != f.gen {
		return nil
	}
	f.checking = false
	if m.err != nil {
		f.err = m.err
	}
	return tea.Batch(f.take(ctx, m.batch, m.chosen), f.check(ctx))
}

// take puts records into the list: those that are there in their place, and of the new ones those that are chosen. A record
// that is neither here nor newer than all that was counted is an old one that changed or was fetched later: then the log is
// asked how many there are.
func (f *feed) take(ctx context.Context, batch []logs.Entry, chosen []bool) tea.Cmd {
	for n, e := range batch {
		switch i := f.index(e.File); {
		case i >= 0:
			e2 := tidy(e)
			if e2.Size == 0 {
				e2.Size = f.entries[i].Size
			}
			f.entries[i] = e2
			continue
		case !chosen[n]:
			continue
		case !e.ReceivedAt.After(f.newest):
			f.stale = true
			f.insert(tidy(e))
			continue
		}
		f.newest = e.ReceivedAt
		f.stale = f.stale || f.counting
		if f.total >= 0 {
			f.total++
		}
		if f.paused || f.newer {
			f.fresh++
			if f.base >= 0 {
				f.base++
			}
			continue
		}
		f.entries = append([]logs.Entry{tidy(e)}, f.entries...)
		if len(f.entries) > feedKeep {
			f.entries, f.older = f.entries[:feedKeep], true
		}
	}
	return f.count(ctx)
}

// insert puts an entry that is not the newest in its place, where that is
// inside the window of a feed that follows.
func (f *feed) insert(e logs.Entry) {
	if f.paused || f.newer {
		return
	}
	i, _ := slices.BinarySearchFunc(f.entries, e, func(a, b logs.Entry) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	if i < len(f.entries) || !f.older {
		f.entries = slices.Insert(f.entries, i, e)
	}
}

func (f *feed) index(file string) int {
	return slices.IndexFunc(f.entries, func(e logs.Entry) bool { return e.File == file })
}

// goTo moves the cursor; away from the top it pauses, back there it follows.
func (f *feed) goTo(i int) {
	f.To(i, len(f.entries))
	f.paused = f.At > 0 || f.newer || f.fresh > 0
}

// current is the entry under the cursor.
func (f *feed) current() (logs.Entry, bool) {
	if f.At < 0 || f.At >= len(f.entries) {
		return logs.Entry{}, false
	}
	return f.entries[f.At], true
}

// where says the place of the cursor among all entries.
func (f *feed) where() string {
	switch {
	case len(f.entries) == 0:
		return ""
	case f.base >= 0 && f.total >= 0:
		return fmt.Sprintf("%s/%s", text.Thousands(f.base+f.At+1), text.Thousands(max(f.total, f.base+len(f.entries))))
	case f.total >= 0:
		return text.Thousands(f.total)
	}
	return ""
}
