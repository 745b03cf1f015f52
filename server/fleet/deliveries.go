package fleet

import (
	"context"

	"hookctl/hooks"
)

// DeliveriesRequest says which deliveries to show.
type DeliveriesRequest struct {
	Hooks   []hooks.Hook // nil for every hook of ours
	Targets []hooks.Target
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

// Missed tells whether the event never got here. Pings are proofs and no news, so they are never missed.
func (s Sent) Missed() bool { return false }

// Deliveries compares GitHub's list with the log: the newest event of each hook first, hook by hook. A hook that cannot be
// looked at does not stop the others: its error is joined to the error.
func (f *Fleet) Deliveries(ctx context.Context, r DeliveriesRequest) ([]Sent, error) {
	return nil, errTodo
}

// Delivery returns one attempt with its payload.
func (f *Fleet) Delivery(ctx context.Context, h hooks.Hook, id int64) (hooks.Delivery, error) {
	return hooks.Delivery{}, errTodo
}

// RedeliverRequest says what GitHub is to send again.
type RedeliverRequest struct {
	Hooks  []hooks.Hook // nil, with Missed, for every hook of ours
	IDs    []int64      // deliveries of the one hook in Hooks
	Missed bool         // all that never arrived
}

// Asked is how many deliveries of a hook GitHub was asked for.
type Asked struct {
	Repository string `json:"repository"`
	HookID     int64  `json:"hook_id"`
	Asked      int    `json:"asked"`
}

// Redeliver asks GitHub to send deliveries again. One that it refuses does not stop the others: errors are joined.
func (f *Fleet) Redeliver(ctx context.Context, r RedeliverRequest, progress func(hooks.Step)) ([]Asked, error) {
	return nil, errTodo
}
