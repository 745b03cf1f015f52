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
	shell  *kit.Shell
	after  func() tea.Cmd // what follows each answer
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
	fetching bool // another page is
	building bool // the index is being made, older entries may be missing
	progress logs.Progress
	err      error

	gen  int             // number of the question; answers to older ones are dropped
	ctx  context.Context // ends with the question
	stop context.CancelFunc
}

// feedAgain asks again while the index is being made.
type feedAgain struct{}

// turn begins another question, and ends the one before.
func (f *feed) turn() {
	if f.stop != nil {
		f.stop()
	}
	f.ctx, f.stop = context.WithCancel(f.shell.Ctx)
	f.gen++
	f.fetching, f.counting = false, false
}

// ask asks the log something about what is listed.
func ask[T any](f *feed, question func(context.Context, *logs.Log, logs.Filter) (T, error), take func(T, error) tea.Cmd) tea.Cmd {
	ctx, l, filter, gen := f.ctx, f.log, f.filter, f.gen
	return kit.Ask(f.shell, func(context.Context) (T, error) { return question(ctx, l, filter) }, func(answer T, err error) tea.Cmd {
		if gen != f.gen {
			return nil
		}
		return tea.Batch(take(answer, err), f.after())
	})
}

// window is what load asks for: entries, the one that the cursor is to be on, and when the newest one of the log came in.
type window struct {
	page   logs.Page
	at     int
	newest time.Time
}

// load asks again: from the newest entry, or, with an anchor, around it.
func (f *feed) load(anchor *logs.Entry) tea.Cmd {
	return f.open(func(ctx context.Context, l *logs.Log, filter logs.Filter) (w window, err error) {
		if anchor == nil {
			w.page, err = l.Page(ctx, logs.Query{Filter: filter, Limit: feedPage})
			return w, err
		}
		above, err := l.Page(ctx, logs.Query{Filter: filter, Cursor: anchor.Cursor(), Newer: true, Limit: feedPage})
		if err != nil {
			return w, err
		}
		below, err := l.Page(ctx, logs.Query{Filter: filter, Cursor: anchor.Cursor(), Limit: feedPage})
		chosen, matchErr := l.Match(ctx, filter, *anchor)
		w.at = len(above.Entries)
		all := slices.Clone(above.Entries)
		if chosen {
			all = append(all, *anchor)
		} else if len(below.Entries) == 0 {
			w.at = max(0, w.at-1)
		}
		w.page = below
		w.page.Entries, w.page.HasNewer = append(all, below.Entries...), above.HasNewer
		return w, errors.Join(err, matchErr)
	})
}

// end asks for the oldest entries and puts the cursor on the last one.
func (f *feed) end() tea.Cmd {
	if !f.older {
		f.goTo(len(f.entries) - 1)
		return f.after()
	}
	return f.open(func(ctx context.Context, l *logs.Log, filter logs.Filter) (w window, err error) {
		w.page, err = l.Page(ctx, logs.Query{Filter: filter, Newer: true, Limit: feedPage})
		w.at = len(w.page.Entries) - 1
		return w, err
	})
}

// open asks for the first entries of another window.
func (f *feed) open(question func(context.Context, *logs.Log, logs.Filter) (window, error)) tea.Cmd {
	if f.log == nil {
		return nil
	}
	f.turn()
	f.loading, f.err = true, nil
	f.unread, f.checking = nil, false // they are among what is read now
	return ask(f, func(ctx context.Context, l *logs.Log, filter logs.Filter) (window, error) {
		newest, err := l.Page(ctx, logs.Query{Limit: 1})
		if err != nil {
			return window{}, err
		}
		w, err := question(ctx, l, filter)
		if len(newest.Entries) > 0 {
			w.newest = newest.Entries[0].ReceivedAt
		}
		return w, err
	}, f.loaded)
}

// loaded takes another window.
func (f *feed) loaded(w window, err error) tea.Cmd {
	f.loading, f.err = false, err
	if err != nil {
		return nil
	}
	f.newest = w.newest
	f.entries, f.newer, f.older = tidyAll(w.page.Entries), w.page.HasNewer, w.page.HasOlder
	f.building, f.progress = w.page.Building, w.page.Progress
	f.To(w.at, len(f.entries))
	f.base = -1
	f.place()
	f.fresh = 0
	f.paused = f.At > 0
	if f.building {
		return tea.Batch(f.count(), f.shell.Later(time.Second, feedAgain{}))
	}
	return f.count()
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
func (f *feed) prefetch() tea.Cmd {
	if f.loading || f.fetching || f.err != nil || len(f.entries) == 0 {
		return nil
	}
	// What came in while paused waits until the cursor gets to the top.
	above := f.newer || f.fresh > 0 && f.At == 0
	switch {
	case f.older && f.At+feedNear >= len(f.entries):
		return f.fetch(f.entries[len(f.entries)-1], false)
	case above && f.paused && f.At < feedNear:
		return f.fetch(f.entries[0], true)
	}
	return nil
}

func (f *feed) fetch(edge logs.Entry, newer bool) tea.Cmd {
	f.fetching = true
	return ask(f, func(ctx context.Context, l *logs.Log, filter logs.Filter) (logs.Page, error) {
		return l.Page(ctx, logs.Query{Filter: filter, Cursor: edge.Cursor(), Newer: newer, Limit: feedPage})
	}, func(p logs.Page, err error) tea.Cmd {
		if f.fetching = false; err != nil {
			f.err = err
			return nil
		}
		f.more(p, newer)
		return nil
	})
}

// more takes the answer of fetch and drops what is far from the cursor.
func (f *feed) more(page logs.Page, newer bool) {
	tidyAll(page.Entries)
	if newer {
		n := len(page.Entries)
		f.entries = append(page.Entries, f.entries...)
		f.At, f.Top, f.newer = f.At+n, f.Top+n, page.HasNewer
		if f.base >= 0 {
			f.base = max(0, f.base-n)
		}
		if !f.newer {
			f.base, f.fresh = 0, 0
		}
		f.trim()
		return
	}
	f.entries = append(f.entries, page.Entries...)
	f.older = page.HasOlder
	if over := len(f.entries) - feedKeep; over > 0 && f.At > over+feedPage {
		f.entries = slices.Clone(f.entries[over:])
		f.At, f.Top, f.newer = f.At-over, f.Top-over, true
		if f.base >= 0 {
			f.base += over
		}
	}
}

// trim drops the oldest entries of too many.
func (f *feed) trim() {
	if len(f.entries) > feedKeep {
		f.entries, f.older = f.entries[:feedKeep], true
	}
}

// goTo moves the cursor; away from the top it pauses, back there it follows.
func (f *feed) goTo(i int) {
	f.To(i, len(f.entries))
	f.paused = f.At > 0 || f.newer || f.fresh > 0
}

// current is the entry under the cursor.
func (f *feed) current() (logs.Entry, bool) { return kit.Under(f.Cursor, f.entries) }

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
