package server

import (
	"context"
	"slices"
	"sync"

	"hookctl/logs"
)

// acquainted are the hooks that a signed delivery has come from. Bodies that are sent under the id of one have room of their own,
// which strangers, who do not know the ids, cannot fill. The id proves nothing else. The zero value knows none.
type acquainted struct {
	mu  sync.RWMutex
	ids map[int64]bool
}

// mostAcquainted bounds what is remembered; nobody has so many hooks.
const mostAcquainted = 10_000

func (a *acquainted) with(hook int64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.ids[hook]
}

// note remembers a hook whose delivery was signed.
func (a *acquainted) note(hook int64) {
	if hook == 0 || a.with(hook) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil || len(a.ids) >= mostAcquainted {
		a.ids = map[int64]bool{}
	}
	a.ids[hook] = true
}

// recall learns from the log which hooks delivered last, as soon as its index has them.
func (a *acquainted) recall(ctx context.Context, log *logs.Log) error {
	if err := log.Ready(ctx); err != nil {
		return err
	}
	page, err := log.Page(ctx, logs.Query{Limit: 1000})
	for _, e := range slices.Backward(page.Entries) {
		if e.Verified && e.Source == logs.SourceDelivery {
			a.note(e.HookID)
		}
	}
	return err
}
