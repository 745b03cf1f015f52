package home

import (
	"context"
	"errors"
	"reflect"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
)

// found is what Home asks the disk for.
type found struct {
	rates  []logs.Rate // of the last day
	total  int
	failed doctor.Failures
	recent []logs.Entry
	red    []red
	ci     logs.CICounts

	askTotal, askRecent, askCI bool // what is asked for this time
	err                        error
}

// ask asks the disk; what is not asked for stays as it was in last.
func ask(ctx context.Context, l *logs.Log, now time.Time, last found) found {
	f := last
	f.err = nil
	note := func(err error) { f.err = errors.Join(f.err, err) }
	var err error
	if f.askTotal {
		f.total, err = l.Count(ctx, logs.Filter{})
		note(err)
		// In the last span is now.
		f.rates, err = l.Rates(ctx, now.Truncate(span).Add(span-day), span)
		note(err)
	}
	if f.askCI {
		note(f.readCI(ctx, l, now))
	}
	f.failed, err = doctor.ReadFailures(ctx, l)
	note(err)
	if f.askRecent {
		matters, err := logs.ParseFilter("priority:medium,high,urgent since:7d", now)
		note(err)
		page, err := l.Page(ctx, logs.Query{Filter: matters, Limit: mostRecent})
		note(err)
		f.recent = page.Entries
	}
	return f
}

// red is a workflow that fails on a branch, with the record that says so.
type red struct {
	logs.CIState
	entry logs.Entry
}

const (
	day        = 24 * time.Hour
	span       = 10 * time.Minute // of the chart
	mostRecent = 60
	mostRed    = 30
)

// readCI asks what fails, with the newest failures first.
func (f *found) readCI(ctx context.Context, l *logs.Log, now time.Time) error {
	counts, err := l.CICounts(ctx)
	if err != nil {
		return err
	}
	states, err := l.CI(ctx, logs.CIQuery{Red: true}, now)
	if err != nil {
		return err
	}
	f.ci, f.red = counts, nil
	for _, s := range states[:min(mostRed, len(states))] {
		e, err := l.Entry(ctx, s.File)
		if err != nil {
			return err
		}
		f.red = append(f.red, red{s, e})
	}
	return nil
}

// arrived counts a record that came in in the chart.
func (f *found) arrived(e logs.Entry) {
	if len(f.rates) == 0 {
		return
	}
	i := int(e.ReceivedAt.Sub(f.rates[0].Start) / span)
	if i >= len(f.rates) && i < len(f.rates)+int(day/span) {
		for range i - len(f.rates) + 1 {
			f.rates = append(f.rates[1:], logs.Rate{Start: f.rates[len(f.rates)-1].Start.Add(span)})
		}
		i = len(f.rates) - 1
	}
	if i >= 0 && i < len(f.rates) {
		f.rates[i].Total++
		if f.rates[i].Events == nil {
			f.rates[i].Events = map[string]int{}
		}
		f.rates[i].Events[e.Event]++
	}
}

// judged is the doctor's judgement of this moment.
type judged struct {
	rows    []doctor.Row
	checked time.Time // when the doctor checked everything, zero for never
	secret  bool      // there is one
	err     error
}

// judge has the doctor say how everything is. It reads the disk, and asks
// neither GitHub nor the receiver.
func (p *Page) judge() tea.Cmd {
	if p.judging {
		return nil
	}
	p.judging, p.judgeIn, p.judgedOf = true, judgeEvery, *p.cfg.Receiver
	cfg, r := p.cfg.Doctor, p.cfg.Receiver
	live := doctor.Live{Status: r.Value, Err: r.Err, Failed: p.facts.failed}
	if cfg.Fleet != nil {
		list, at := cfg.Fleet.Latest()
		if p.listed = at; !at.IsZero() {
			live.Hooks, live.HooksAt = &list, at
		}
	}
	return func() tea.Msg {
		last, err := doctor.Last(cfg.Home)
		m := judged{rows: doctor.Summary(cfg, live, last), checked: last.At, err: err}
		if cfg.Store != nil {
			value, _, err := cfg.Store.Current()
			m.secret = value != "" || err != nil // the row of the secret says what is wrong
		}
		return m
	}
}

// judgeDue reports whether the judgement may be another one by now: the receiver
// or GitHub gave another answer, or something waits, which is judged by its age.
func (p *Page) judgeDue(s daemon.Status, err error) bool {
	p.judgeIn--
	if p.cfg.Doctor.Fleet != nil {
		if _, at := p.cfg.Doctor.Fleet.Latest(); at != p.listed {
			return true
		}
	}
	return p.judgeIn <= 0 || s.PendingNotifications > 0 || len(s.FailingSinks) > 0 ||
		!reflect.DeepEqual(s, p.judgedOf.Value) || (err == nil) != (p.judgedOf.Err == nil) || err != nil && err.Error() != p.judgedOf.Err.Error()
}
