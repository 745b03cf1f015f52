package server

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"hookctl/logs/text"
)

// FailingSink is a sink whose last attempt failed. Its error is clean and one line.
type FailingSink struct {
	Sink     string    `json:"sink"`
	Since    time.Time `json:"since"` // the first failure after the last success
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"` // of the last attempt
}

// failing remembers which sinks do not take what they are sent. One success and a sink is as good as new.
type failing struct {
	mu    sync.Mutex
	sinks map[string]FailingSink
}

// note takes the end of an attempt into account.
func (f *failing) note(sink string, err error, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		delete(f.sinks, sink)
		return
	}
	if f.sinks == nil {
		f.sinks = map[string]FailingSink{}
	}
	x, known := f.sinks[sink]
	if !known {
		x = FailingSink{Sink: sink, Since: now}
	}
	x.Attempts++
	x.Error = text.Line(err.Error(), 500)
	f.sinks[sink] = x
}

// list returns those that the settings still have, by name.
func (f *failing) list(set *settings) []FailingSink {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []FailingSink
	for name, x := range f.sinks {
		if _, there := set.sinks[name]; there {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b FailingSink) int { return cmp.Compare(a.Sink, b.Sink) })
	return out
}

// pendingSince is when the oldest of the pending notifications came in; the zero time where none is pending.
func (q *queue) pendingSince() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	var oldest time.Time
	for _, f := range q.files {
		if f.open > 0 && (oldest.IsZero() || f.since.Before(oldest)) {
			oldest = f.since
		}
	}
	return oldest
}
