package events

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/tui/kit"
)

// nextFailure looks for the next record that somebody must look at: a failed
// run, or a notification that failed.
func (p *Page) nextFailure(older bool) (cmd tea.Cmd) {
	e, _ := p.feed.current()
	step, what := 1, "older"
	if !older {
		step, what = -1, "newer"
	}
	// Nearly always it is in memory.
	for i := p.feed.At + step; i >= 0 && i < len(p.feed.entries); i += step {
		if Failed(p.feed.entries[i]) {
			p.feed.goTo(i)
			return p.after()
		}
	}
	l, filter := p.feed.log, p.feed.filter
	p.seeking, cmd = kit.Instead(p.shell, p.seeking, func(ctx context.Context) (*logs.Entry, error) { return findFailure(ctx, l, filter, e, older) }, func(found *logs.Entry, err error) tea.Cmd {
		switch {
		case err != nil:
			return p.shell.Fail(err)
		case found == nil:
			return p.shell.Warn("no " + what + " failure here")
		}
		return p.feed.load(found)
	})
	return cmd
}

// failedRuns is the filter of the conclusions that failed names.
const failedRuns = "conclusion:failure,timed_out,startup_failure,action_required"

// Failed reports whether an entry is one that the search for failures stops at.
func Failed(e logs.Entry) bool { return failed(e.Conclusion) || e.Failed > 0 }

func findFailure(ctx context.Context, l *logs.Log, filter logs.Filter, from logs.Entry, older bool) (*logs.Entry, error) {
	var best *logs.Entry
	for _, text := range []string{failedRuns, "status:failed"} {
		f, err := logs.ParseFilter(text, time.Time{})
		if err != nil {
			return nil, err
		}
		page, err := l.Page(ctx, logs.Query{Filter: filter.And(f), Cursor: from.Cursor(), Newer: !older, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(page.Entries) == 0 {
			continue
		}
		e := page.Entries[0]
		if best == nil || older == e.ReceivedAt.After(best.ReceivedAt) {
			best = &e
		}
	}
	return best, nil
}
