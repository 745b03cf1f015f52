package events

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
)

// count asks how many entries there are, and how many before the first one here, unless that is known. It comes after the
// entries: on a large log it may take much longer.
func (f *feed) count() tea.Cmd {
	if f.err != nil || f.log == nil || f.loading || f.counting || !f.stale && f.total >= 0 && f.base >= 0 {
		return nil
	}
	f.counting, f.stale = true, false
	var first logs.Entry
	if len(f.entries) > 0 {
		first = f.entries[0]
	}
	return ask(f, func(ctx context.Context, l *logs.Log, filter logs.Filter) (n [2]int, err error) {
		if n[0], err = l.Count(ctx, filter); err != nil || first.File == "" {
			return n, err
		}
		later, err := logs.ParseFilter("since:"+first.ReceivedAt.Add(1).UTC().Format(time.RFC3339Nano), time.Time{})
		if err == nil {
			n[1], err = l.Count(ctx, filter.And(later))
		}
		return n, err
	}, func(n [2]int, err error) tea.Cmd {
		if f.counting = false; err != nil {
			return nil
		}
		return f.counted(n[0], n[1], first.File)
	})
}

// counted takes how many entries there are, and how many came in after one; it asks again where the log changed since.
func (f *feed) counted(total, before int, file string) tea.Cmd {
	if !f.stale {
		f.total = total
		if i := f.index(file); i >= 0 {
			base := max(0, before-i)
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
	return f.count()
}

// arrive takes a batch of new or changed records, oldest first. Where the filter
// looks into payloads, a command reads them first, one batch after the other.
func (f *feed) arrive(batch []logs.Entry) tea.Cmd {
	f.news++
	if f.filter.InPayloads() {
		f.unread = append(f.unread, batch...)
		return f.check()
	}
	chosen := make([]bool, len(batch))
	for i, e := range batch {
		chosen[i] = f.filter.Match(e)
	}
	return f.take(batch, chosen)
}

// check asks which of the unread records the filter chooses.
func (f *feed) check() tea.Cmd {
	if f.checking || len(f.unread) == 0 {
		return nil
	}
	batch := f.unread
	f.unread, f.checking = nil, true
	return ask(f, func(ctx context.Context, l *logs.Log, filter logs.Filter) (chosen []bool, err error) {
		chosen = make([]bool, len(batch))
		for i, e := range batch {
			if chosen[i], err = l.Match(ctx, filter, e); err != nil {
				break
			}
		}
		return chosen, err
	}, func(chosen []bool, err error) tea.Cmd {
		if f.checking = false; err != nil {
			f.err = err
		}
		return tea.Batch(f.take(batch, chosen), f.check())
	})
}

// take puts records into the list: those that are there in their place, and of the new ones those that are chosen. A record
// that is neither here nor newer than all that was counted is an old one that changed or was fetched later: then the log is
// asked how many there are.
func (f *feed) take(batch []logs.Entry, chosen []bool) tea.Cmd {
	for n, e := range batch {
		i := f.index(e.File)
		if i < 0 && !chosen[n] {
			continue
		}
		e = tidy(e)
		switch {
		case i >= 0:
			if e.Size == 0 {
				e.Size = f.entries[i].Size
			}
			f.entries[i] = e
			continue
		case !e.ReceivedAt.After(f.newest):
			f.stale = true
			f.insert(e)
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
		f.entries = slices.Insert(f.entries, 0, e)
		f.trim()
	}
	return f.count()
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
