package fleet

import (
	"context"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
)

// CatchUpRequest says where to look for what never arrived. Its zero value is all that GitHub still has.
type CatchUpRequest struct {
	Targets []hooks.Target // nil for all that are known
	Hooks   []hooks.Hook   // of these only; Targets is not looked at then
	Since   time.Duration  // how far back; 3 days if zero, which is what GitHub keeps
	Events  []string       // of these kinds only
	Taken   bool           // also what GitHub calls delivered and the log lacks
	DryRun  bool           // only looks
	// Continue goes on where the last such call stopped, and lists the hooks only once an hour: the receiver's own rounds cost
	// one call for each hook where nothing is missing.
	Continue bool
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
	Recorded int     // how many are in the log now
	Hooks    int     // how many were looked at
	Aside    []Aside // targets and hooks that could not be looked at
}

// Ingest records a delivery as the receiver's intake does, and says in which file; duplicate means that the log had it.
type Ingest func(ctx context.Context, record *logs.Record) (file string, duplicate bool, err error)

// CatchUp fetches from GitHub's API what never arrived and hands it to ingest, or to the running receiver where that is nil:
// without one the error is [daemon.ErrNotRunning]. What cannot be looked at does not keep the rest from being fetched.
func (f *Fleet) CatchUp(ctx context.Context, r CatchUpRequest, ingest Ingest) (CatchUpReport, error) {
	return CatchUpReport{}, errTodo
}

// lists is what one Fleet remembers of what GitHub listed, for the rounds of [CatchUpRequest.Continue].
type lists struct {
	mu    sync.Mutex
	at    time.Time
	hooks []hooks.Hook
}
