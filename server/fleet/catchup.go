package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/jsonfile"
)

// CatchUpRequest says where to look for what never arrived. Its zero value is all that GitHub still has.
type CatchUpRequest struct {
	Targets []hooks.Target // nil for all that are known
	Since   time.Duration  // how far back; 3 days if zero, which is what GitHub keeps
	Events  []string       // of these kinds only
	Taken   bool           // also what GitHub calls delivered and the log lacks
	DryRun  bool           // only looks
	// Continue, which takes no Targets, goes on where the last such call stopped, and lists the hooks only once an hour: the
	// receiver's own rounds cost one call for each hook where nothing is missing. They also fetch what GitHub calls delivered and the log lacks, where it is
	// certain that it was sent here, see [Fleet.lost], and judge whether deliveries arrive at all.
	Continue bool
	Up       time.Time // with Continue: since when the receiver runs
}

// Silence is a hook whose newest deliveries do not arrive, as GitHub's own list shows.
type Silence struct {
	Repository string
	HookID     int64
	Failed     int       // how many in a row GitHub could not deliver; 0 where it calls them delivered
	Lost       int       // how many in a row GitHub calls delivered, and the log lacks
	Since      time.Time // when the first of them was sent
	Reason     string    // what GitHub got as an answer to the last
}

// CaughtUp is an event that never arrived.
type CaughtUp struct {
	Repository  string    `json:"repository"`
	HookID      int64     `json:"hook_id"`
	DeliveryID  string    `json:"delivery_id"`
	Event       string    `json:"event"`
	Action      string    `json:"action,omitempty"`
	DeliveredAt time.Time `json:"delivered_at"`
	Reason      string    `json:"reason"`
	File        string    `json:"file,omitempty"`
	Recorded    bool      `json:"recorded"`
}

// CatchUpReport is what was missing, oldest first. As JSON it is the list of events.
type CatchUpReport struct {
	Events   []CaughtUp
	Recorded int       // how many are in the log now
	Hooks    int       // how many were looked at
	Aside    []Aside   // targets that could not be looked at
	Silent   []Silence // with Continue: hooks that nothing arrives from
}

// MarshalJSON writes the events, as `catchup` prints them.
func (r CatchUpReport) MarshalJSON() ([]byte, error) { return marshalList(r.Events) }

// Ingest records a delivery of a hook that was fetched, and returns its file; duplicate means that the log had it. The original bytes are
// gone, so no signature can be checked: the API call is the proof of where it comes from.
type Ingest func(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error)

// lists is what one Fleet remembers of what GitHub listed, for the rounds of [CatchUpRequest.Continue].
type lists struct {
	mu    sync.Mutex // held for a whole round: two would fetch the same
	at    time.Time
	hooks []hooks.Hook
	quiet map[int64]*quiet // by hook
}

// listedFor is how long a list of hooks serves the rounds.
const listedFor = time.Hour

// CatchUp fetches from GitHub's API what never arrived and hands it to ingest, which a dry run does not need. What cannot be
// looked at does not keep the rest from being fetched; its errors are joined to the error, and the report is as complete as it
// got.
func (f *Fleet) CatchUp(ctx context.Context, r CatchUpRequest, ingest Ingest) (CatchUpReport, error) {
	f.lists.mu.Lock()
	defer f.lists.mu.Unlock()
	list, out := f.lists.hooks, []Aside(nil)
	if !r.Continue || f.cfg.Now().Sub(f.lists.at) >= listedFor {
		var err error
		if list, out, err = f.chosen(ctx, nil, r.Targets); err != nil {
			return CatchUpReport{Aside: out, Events: []CaughtUp{}}, err
		}
		if r.Continue {
			f.lists.at, f.lists.hooks = f.cfg.Now(), list
		}
	}
	report, err := f.fetch(ctx, r, list, ingest)
	report.Hooks, report.Aside = len(list), out
	if r.Continue {
		report.Silent = f.lists.silent(list)
	}
	if err = errors.Join(joined(out), err); err != nil {
		f.lists.at = time.Time{}
	}
	return report, err
}

// fetch finds what is missing of some hooks, and records it.
func (f *Fleet) fetch(ctx context.Context, r CatchUpRequest, list []hooks.Hook, ingest Ingest) (CatchUpReport, error) {
	report := CatchUpReport{Events: []CaughtUp{}}
	client, err := f.GitHub()
	if err != nil {
		return report, err
	}
	missing, cursor, missedErr := f.missed(ctx, list, r)
	missing = slices.DeleteFunc(missing, func(m hooks.Missing) bool {
		return len(r.Events) > 0 && !slices.ContainsFunc(r.Events, func(e string) bool { return strings.EqualFold(e, m.Event.Event) })
	})
	for _, m := range missing {
		_, reason := m.Outcome(false)
		if m.OK() {
			reason = Answer(m.Latest()) + ", but it is not in the log"
		}
		report.Events = append(report.Events, CaughtUp{Repository: m.Hook.Target.String(), HookID: m.Hook.ID, DeliveryID: m.GUID,
			Event: m.Event.Event, Action: m.Action, DeliveredAt: m.Latest().DeliveredAt, Reason: reason})
	}
	if r.DryRun || len(missing) == 0 && !r.Continue {
		return report, missedErr
	}
	at := 0 // in missing and in the report: they are fetched in that order, without those that GitHub does not give
	_, fetchErr := client.Fetch(ctx, missing, func(ctx context.Context, m hooks.Missing, d hooks.Delivery) error {
		for missing[at].Hook.ID != m.Hook.ID || missing[at].GUID != m.GUID {
			at++
		}
		file, _, err := ingest(ctx, m.Hook, d)
		if err == nil {
			report.Events[at].File, report.Events[at].Recorded = file, true
			report.Recorded++
		}
		return err
	})
	if r.Continue && cursor != nil {
		fetchErr = errors.Join(fetchErr, f.writeCursor(cursor))
	}
	return report, errors.Join(missedErr, fetchErr)
}

// missed are the events of some hooks that no attempt brought here, oldest first, and the cursor that a later round goes on
// from: nil where it must not move, because the log could not be asked.
func (f *Fleet) missed(ctx context.Context, list []hooks.Hook, r CatchUpRequest) (missing []hooks.Missing, cursor hooks.Cursor, err error) {
	client, err := f.GitHub()
	if err != nil {
		return nil, nil, err
	}
	query := hooks.MissedQuery{Hooks: list, Since: f.cfg.Now().Add(-cmp.Or(max(r.Since, 0), span))}
	if r.Taken {
		query.Lost = func(hooks.Hook, hooks.Event) (bool, bool) { return true, false }
	}
	if r.Continue {
		query.Cursor, _ = jsonfile.Read[hooks.Cursor](f.cursorFile()) // one that cannot be read costs a few calls
	}
	err = f.withLog(ctx, func(log *logs.Log) error {
		// What cannot be looked up counts as there, so that nothing is recorded twice.
		var failed error
		query.Have = func(h hooks.Hook, guid string) bool {
			_, known, err := log.Known(ctx, guid, hooks.PathName(h.URL))
			if err != nil {
				failed = fmt.Errorf("look a delivery up in the log: %w", err)
				return true
			}
			return known
		}
		if r.Continue {
			query.Lost = func(h hooks.Hook, e hooks.Event) (missed, early bool) {
				if early = f.cfg.Now().Sub(e.Latest().DeliveredAt) < onTheWay; early {
					return false, true
				}
				return f.lost(ctx, log, h, e, r.Up), false
			}
			query.Saw = func(h hooks.Hook, events []hooks.Event) { f.lists.judge(h, events, r.Up, f.cfg.Now(), query.Have) }
		}
		var moved hooks.Cursor
		missing, moved, err = client.Missed(ctx, query)
		if failed == nil {
			cursor = hooks.Cursor{}
			maps.Copy(cursor, query.Cursor)
			maps.Copy(cursor, moved)
		}
		return errors.Join(err, failed)
	})
	return missing, cursor, err
}

func (f *Fleet) cursorFile() string { return filepath.Join(f.cfg.Home, "run", "catchup.json") }

func (f *Fleet) writeCursor(cursor hooks.Cursor) error {
	data, err := json.Marshal(cursor)
	if err == nil {
		err = maybe.WriteFile(f.cursorFile(), data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without run/ no receiver has run, and none goes on
		return fmt.Errorf("remember how far catching up is: %w", err)
	}
	return nil
}

// onTheWay is how long an event that was taken may be on its way through a proxy or relay.
const onTheWay = 2 * time.Minute

// lost reports whether an event that GitHub calls delivered, and the log does not have, was certainly sent here: the hook was not
// changed since, and the receiver ran, or the log had a signed delivery of this hook before. What took it lost it.
func (f *Fleet) lost(ctx context.Context, log *logs.Log, h hooks.Hook, e hooks.Event, up time.Time) bool {
	sent := e.Attempts[len(e.Attempts)-1].DeliveredAt
	if h.UpdatedAt.After(sent) {
		return false
	}
	if !up.IsZero() && sent.After(up) {
		return true
	}
	filter, err := logs.ParseFilter(fmt.Sprintf("hook:%d source:delivery verified:yes until:%s", h.ID, sent.UTC().Format(time.RFC3339)), f.cfg.Now())
	if err != nil {
		return false
	}
	page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: 1})
	return err == nil && len(page.Entries) > 0
}

// quiet is what the rounds saw of a hook's newest deliveries.
type quiet struct {
	Silence
	upTo int64 // the newest delivery that was judged
}

// silentFrom is how many deliveries in a row have to fail. One alone may have met a restart.
const silentFrom = 2

// judge looks at the deliveries of a hook that are new, the oldest first. What was sent while no receiver ran says nothing.
func (l *lists) judge(h hooks.Hook, events []hooks.Event, up, now time.Time, have func(hooks.Hook, string) bool) {
	if l.quiet == nil {
		l.quiet = map[int64]*quiet{}
	}
	q := l.quiet[h.ID]
	if q == nil {
		q = &quiet{Silence: Silence{Repository: h.Target.String(), HookID: h.ID}}
		l.quiet[h.ID] = q
	}
	for _, e := range slices.Backward(events) {
		last := e.Latest()
		known := e.OK() && have(h, e.GUID)
		switch {
		case last.ID <= q.upTo || last.DeliveredAt.Before(up):
			continue
		case e.OK() && !known && now.Sub(last.DeliveredAt) < onTheWay:
			return // judged next time
		case known:
			q.Failed, q.Lost = 0, 0
		case e.Event == "ping" || h.UpdatedAt.After(last.DeliveredAt):
		default:
			more, none := &q.Failed, &q.Lost
			if e.OK() {
				more, none = none, more
			}
			*none = 0
			if *more++; *more == 1 {
				q.Since = last.DeliveredAt
			}
			q.Reason = Answer(last)
		}
		q.upTo = last.ID
	}
}

// silent are those of some hooks that nothing arrives from.
func (l *lists) silent(list []hooks.Hook) (out []Silence) {
	for _, h := range list {
		if q := l.quiet[h.ID]; q != nil && q.Failed+q.Lost >= silentFrom {
			out = append(out, q.Silence)
		}
	}
	return out
}
