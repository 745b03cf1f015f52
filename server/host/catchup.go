package host

import (
	"context"
	"errors"
	"time"

	"hookctl/hooks"
	"hookctl/server/fleet"
)

// catchupEvery is the receiver's own pace; GitHub keeps deliveries for three days.
const catchupEvery = 10 * time.Minute

// leaseCatchUp is for one node of a cluster, which also ends rotations whose grace period is over.
const leaseCatchUp = "catchup"

// keepCatchingUp fetches what is missing at start and every ten minutes until ctx ends, where there is a login and the
// settings do not switch it off.
func (r *receiver) keepCatchingUp(ctx context.Context) {
	tick := time.NewTicker(catchupEvery)
	defer tick.Stop()
	for {
		if s := r.current(); s.CatchUp {
			if _, err := r.catchUp(ctx, s, nil); err != nil && ctx.Err() == nil && !errors.Is(err, hooks.ErrNotLoggedIn) {
				r.logger.Warn("catching up failed, trying again", "error", err, "after", catchupEvery)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// catchUp fetches what is missing of the targets, or of all that are known where none are given, and returns how many
// deliveries that were. Without targets it goes on where it stopped, which costs one call per hook when nothing is missing.
func (r *receiver) catchUp(ctx context.Context, s *Settings, targets []hooks.Target) (int, error) {
	r.catching.Lock()
	defer r.catching.Unlock()
	report, err := s.fleet.With(r.log.Log()).CatchUp(ctx, fleet.CatchUpRequest{Targets: targets, Continue: targets == nil}, r.take)
	if report.Recorded > 0 {
		r.logger.Info("fetched what never arrived", "deliveries", report.Recorded)
	}
	return report.Recorded, err
}

// take records a delivery that was fetched.
func (r *receiver) take(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error) {
	record := fetched(h, d)
	duplicate, err = r.server.Ingest(ctx, record)
	return record.File, duplicate, err
}
