package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
)

// span is how long GitHub keeps deliveries.
const span = 3 * 24 * time.Hour

// DeliveriesRequest says which deliveries to show.
type DeliveriesRequest struct {
	Hooks   []hooks.Hook   // nil for every hook of ours
	Targets []hooks.Target // without Hooks: of these only
	Query   hooks.DeliveryQuery
	Missing bool // only what the log does not have
}

// Sent is an event as GitHub tried to deliver it to a hook, beside what the log has of it.
type Sent struct {
	Repository string           `json:"repository"`
	HookID     int64            `json:"hook_id"`
	ID         int64            `json:"id"` // of the latest attempt
	GUID       string           `json:"guid"`
	Event      string           `json:"event"`
	Action     string           `json:"action,omitempty"`
	Outcome    string           `json:"outcome"` // one of the hooks.Outcome constants
	Reason     string           `json:"reason,omitempty"`
	File       *string          `json:"file"`
	Attempts   []hooks.Delivery `json:"attempts"` // newest first
}

// OK reports whether an attempt was taken by the receiver.
func (s Sent) OK() bool { return slices.ContainsFunc(s.Attempts, hooks.Delivery.OK) }

// Missed reports whether the event never got here. Pings are proofs and no news, so they are never missed.
func (s Sent) Missed() bool { return !s.OK() && s.File == nil && s.Event != "ping" }

// Answer is what GitHub got as an answer to an attempt, in words.
func Answer(d hooks.Delivery) string {
	if d.OK() {
		return fmt.Sprintf("%d %s", d.StatusCode, d.Status)
	}
	return hooks.Explain(d.StatusCode, d.Status).State
}

// Deliveries compares GitHub's list with the log: hook by hook, the newest event of each first. A hook that cannot be
// looked at does not stop the others: its error is joined to the error.
func (f *Fleet) Deliveries(ctx context.Context, r DeliveriesRequest) ([]Sent, error) {
	list, aside, err := f.chosen(ctx, r.Hooks, r.Targets)
	if err != nil {
		return nil, err
	}
	client, err := f.GitHub()
	if err != nil {
		return nil, err
	}
	all := []Sent{}
	deliveries, failed := client.DeliveriesOf(ctx, list, r.Query)
	for i, h := range list {
		sent, err := f.beside(ctx, h, deliveries[i])
		if err != nil {
			return nil, err
		}
		for _, s := range sent {
			if !r.Missing || s.File == nil {
				all = append(all, s)
			}
		}
	}
	return all, errors.Join(joined(aside), failed)
}

// chosen are the hooks that a request names, or every hook of ours of its targets, and what could not be listed.
func (f *Fleet) chosen(ctx context.Context, list []hooks.Hook, targets []hooks.Target) ([]hooks.Hook, []Aside, error) {
	if list != nil {
		return list, nil, nil
	}
	l, err := f.List(ctx, ListRequest{Targets: targets})
	for _, h := range l.Ours() {
		list = append(list, h.Hook)
	}
	return list, l.Aside, err
}

// beside groups a hook's deliveries by event and looks each up in the log.
func (f *Fleet) beside(ctx context.Context, h hooks.Hook, deliveries []hooks.Delivery) (sent []Sent, err error) {
	err = f.withLog(ctx, func(log *logs.Log) error {
		for _, e := range hooks.GroupByGUID(deliveries) {
			s := Sent{Repository: h.Target.String(), HookID: h.ID, ID: e.Latest().ID, GUID: e.GUID, Event: e.Event, Action: e.Action, Attempts: e.Attempts}
			file, known, err := log.Known(ctx, e.GUID, hooks.PathName(h.URL))
			if err != nil {
				return err
			}
			if known {
				s.File = &file
			}
			s.Outcome, s.Reason = e.Outcome(s.File != nil)
			sent = append(sent, s)
		}
		return nil
	})
	return sent, err
}

// Delivery returns one attempt with its payload.
func (f *Fleet) Delivery(ctx context.Context, h hooks.Hook, id int64) (hooks.Delivery, error) {
	client, err := f.GitHub()
	if err != nil {
		return hooks.Delivery{}, err
	}
	return client.Delivery(ctx, h.Target, h.ID, id)
}

// RedeliverRequest says what GitHub is to send again.
type RedeliverRequest struct {
	Hooks   []hooks.Hook   // nil, with Missed, for every hook of ours
	Targets []hooks.Target // without Hooks: of these only
	IDs     []int64        // deliveries of the one hook in Hooks
	Missed  bool           // all that never arrived
}

// Asked is how many deliveries of a hook GitHub was asked for.
type Asked struct {
	Repository string `json:"repository"`
	HookID     int64  `json:"hook_id"`
	Asked      int    `json:"asked"`
}

// Redeliver asks GitHub to send deliveries again. One that it refuses does not stop the others: errors are joined.
func (f *Fleet) Redeliver(ctx context.Context, r RedeliverRequest, progress func(hooks.Step)) ([]Asked, error) {
	client, err := f.GitHub()
	if err != nil {
		return nil, err
	}
	asked := []Asked{}
	count := func(h hooks.Hook) {
		at := slices.IndexFunc(asked, func(a Asked) bool { return a.HookID == h.ID })
		if at < 0 {
			at, asked = len(asked), append(asked, Asked{Repository: h.Target.String(), HookID: h.ID})
		}
		asked[at].Asked++
	}
	list, aside, err := f.chosen(ctx, r.Hooks, r.Targets)
	if err != nil {
		return nil, err
	}
	errs := []error{joined(aside)}
	if r.Missed {
		missing, _, err := f.missed(ctx, list, CatchUpRequest{})
		errs = append(errs, err)
		_, err = client.RedeliverAll(ctx, missing, func(s hooks.Step) {
			if s.State == hooks.StateDone {
				count(hooks.Hook{ID: s.HookID, Target: s.Target})
			}
			if progress != nil {
				progress(s)
			}
		})
		errs = append(errs, err)
	}
	for _, id := range r.IDs {
		if err := client.Redeliver(ctx, list[0].Target, list[0].ID, id); err != nil {
			errs = append(errs, err)
			continue
		}
		count(list[0])
	}
	return asked, errors.Join(errs...)
}
