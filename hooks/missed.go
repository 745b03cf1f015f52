package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Event is everything that GitHub did to deliver one event: attempts with one GUID.
type Event struct {
	GUID     string     `json:"guid"`
	Event    string     `json:"event"`
	Action   string     `json:"action,omitempty"`
	Attempts []Delivery `json:"attempts"` // newest first
}

// OK reports whether an attempt was taken by the receiver.
func (e Event) OK() bool { return slices.ContainsFunc(e.Attempts, Delivery.OK) }

// Latest is the newest attempt.
func (e Event) Latest() Delivery { return e.Attempts[0] }

// The outcomes of an event.
const (
	OutcomeDelivered = "delivered" // taken, and in the log
	OutcomeElsewhere = "elsewhere" // taken, but not in the log: pruned, or another receiver took it
	OutcomeRecovered = "recovered" // never taken, but in the log: it was caught up
	OutcomeRefused   = "refused"   // the receiver answered, but did not take it
	OutcomeMissing   = "missing"   // nothing that answered; in no log
)

// Outcome compares what GitHub saw with whether the log has the event. The reason says what the latest attempt came to,
// and what that means, where it was not taken.
func (e Event) Outcome(inLog bool) (outcome, reason string) {
	last := e.Latest()
	switch {
	case e.OK() && inLog:
		return OutcomeDelivered, ""
	case e.OK():
		return OutcomeElsewhere, ""
	case inLog:
		return OutcomeRecovered, last.Status
	}
	reason = last.Status + ": " + Explain(last.StatusCode, last.Status).Hint()
	if last.StatusCode >= 400 && last.StatusCode < 500 {
		return OutcomeRefused, reason
	}
	return OutcomeMissing, reason
}

// GroupByGUID puts attempts of one event together, in the order of their newest attempts. A redelivery keeps its GUID, so
// that only the group reports whether an event arrived.
func GroupByGUID(list []Delivery) []Event {
	var events []Event
	at := make(map[string]int)
	for _, d := range list {
		i, ok := at[d.GUID]
		if !ok {
			i = len(events)
			at[d.GUID] = i
			events = append(events, Event{GUID: d.GUID, Event: d.Event, Action: d.Action})
		}
		events[i].Attempts = append(events[i].Attempts, d)
	}
	return events
}

// Cursor remembers for each hook, by its id, up to which delivery everything has arrived. Keep it between calls of
// Missed: then a call costs one request for a hook where nothing is missing.
type Cursor map[int64]int64

// settling is how long a cursor stays behind the newest delivery: GitHub waits 10 seconds for an answer, so one that it
// began earlier, with a smaller id, may be listed later.
const settling = 30 * time.Second

// settled is the id up to which nothing can be added any more to a list of deliveries that begins after an id.
func settled(list []Delivery, after int64) int64 {
	for _, d := range list {
		if list[0].DeliveredAt.Sub(d.DeliveredAt) >= settling {
			return d.ID
		}
	}
	return after
}

// MissedQuery says where to look for missed deliveries.
type MissedQuery struct {
	Hooks  []Hook
	Since  time.Time                      // GitHub keeps three days
	Have   func(h Hook, guid string) bool // whether the log has it from this hook, or it is not wanted; one call at a time
	Cursor Cursor                         // of the last call; nil for none
	// Lost says whether an event that an attempt was answered 2xx for, and that the log does not have, is missed too, or that it
	// is too early to say; nil says no.
	Lost func(h Hook, e Event) (missed, early bool)
	// Saw, if set, gets what GitHub lists of a hook after the cursor, the newest event first; one hook at a time.
	Saw func(h Hook, events []Event)
}

// Missing is an event that no attempt brought.
type Missing struct {
	Hook Hook
	Event
}

// Missed finds the events that no attempt brought here, oldest first, and the cursor for the next call. A cursor does
// not go past what is missing, or may turn out to be, so that what could not be fetched is found again, nor up to what is still being delivered.
// Pings are never missed. A hook that cannot be looked at does not stop the others: its error is joined to the error, and
// its cursor stays.
func (c *Client) Missed(ctx context.Context, q MissedQuery) ([]Missing, Cursor, error) {
	cursor := make(Cursor, len(q.Hooks))
	for _, h := range q.Hooks {
		if at, ok := q.Cursor[h.ID]; ok {
			cursor[h.ID] = at
		}
	}
	var (
		mu      sync.Mutex
		missing []Missing
		errs    []error
	)
	each(len(q.Hooks), c.limits.Concurrent, func(i int) {
		h := q.Hooks[i]
		list, err := c.Deliveries(ctx, h.Target, h.ID, DeliveryQuery{Since: q.Since, After: q.Cursor[h.ID]})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
			return
		}
		if len(list) == 0 {
			return
		}
		upTo := settled(list, q.Cursor[h.ID])
		events := GroupByGUID(list)
		if q.Saw != nil {
			q.Saw(h, events)
		}
		for _, e := range events {
			if e.Event == "ping" || e.OK() && q.Lost == nil || q.Have(h, e.GUID) {
				continue
			}
			missed, early := true, false
			if e.OK() {
				missed, early = q.Lost(h, e)
			}
			if !missed && !early {
				continue
			}
			if missed {
				missing = append(missing, Missing{Hook: h, Event: e})
			}
			for _, d := range e.Attempts {
				upTo = min(upTo, d.ID-1)
			}
		}
		cursor[h.ID] = upTo
	})
	slices.SortStableFunc(missing, func(a, b Missing) int {
		first, second := a.Attempts[len(a.Attempts)-1], b.Attempts[len(b.Attempts)-1]
		return cmp.Or(first.DeliveredAt.Compare(second.DeliveredAt), cmp.Compare(first.ID, second.ID))
	})
	// Hooks of a repository and of its organization get one event with one GUID.
	seen := make(map[string]bool)
	missing = slices.DeleteFunc(missing, func(m Missing) bool {
		key := m.GUID + " " + normalURL(m.Hook.URL)
		again := seen[key]
		seen[key] = true
		return again
	})
	return missing, cursor, errors.Join(errs...)
}

// fetchAtOnce bounds the memory of Fetch: a payload may be 25 MB.
const fetchAtOnce = 4

// Fetch gets the payloads of missed events through the API, which needs no redelivery and so works where nothing reaches
// the receiver. It hands each to record in the order given, one at a time, and fetches a few ahead. An event that
// GitHub no longer has, or that record refuses, does not stop the others; their errors are joined.
func (c *Client) Fetch(ctx context.Context, missing []Missing, record func(context.Context, Missing, Delivery) error) (recorded int, err error) {
	var errs []error
	for chunk := range slices.Chunk(missing, fetchAtOnce) {
		got, failed := make([]Delivery, len(chunk)), make([]error, len(chunk))
		each(len(chunk), len(chunk), func(i int) {
			last := chunk[i].Latest()
			got[i], failed[i] = c.Delivery(ctx, chunk[i].Hook.Target, chunk[i].Hook.ID, last.ID)
		})
		for i, m := range chunk {
			if failed[i] == nil {
				failed[i] = record(ctx, m, got[i])
			}
			if failed[i] != nil {
				errs = append(errs, fmt.Errorf("catch up %s of %s: %w", m.GUID, m.Hook.Target, failed[i]))
				continue
			}
			recorded++
		}
		if ctx.Err() != nil {
			break
		}
	}
	return recorded, errors.Join(errs...)
}

// RedeliverAll asks GitHub to send missed events again, a few at a time, each once even where several hooks missed it
// with one GUID at the same URL. It returns how many were asked for.
func (c *Client) RedeliverAll(ctx context.Context, missing []Missing, progress func(Step)) (asked int, err error) {
	progress = oneAtATime(progress)
	unique := make(map[string]Missing)
	for _, m := range missing {
		unique[m.GUID+" "+normalURL(m.Hook.URL)] = m
	}
	keys := slices.Sorted(maps.Keys(unique))
	errs := make([]error, len(keys))
	each(len(keys), c.limits.Concurrent, func(i int) {
		m := unique[keys[i]]
		step := Step{Target: m.Hook.Target, HookID: m.Hook.ID, Name: "redeliver", Detail: m.GUID, State: StateDone}
		if errs[i] = c.Redeliver(ctx, m.Hook.Target, m.Hook.ID, m.Latest().ID); errs[i] != nil {
			step.State, step.Err = StateFailed, errs[i]
		}
		progress(step)
	})
	for _, e := range errs {
		if e == nil {
			asked++
		}
	}
	return asked, errors.Join(errs...)
}
