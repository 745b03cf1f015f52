package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/server/route"
)

// catchupEvery is the receiver's own pace; GitHub keeps deliveries for three days.
const catchupEvery = 10 * time.Minute

// leaseCatchUp is for one node of a cluster, which also ends rotations whose grace period is over.
const leaseCatchUp = "catchup"

// keepCatchingUp fetches what is missing at start and every ten minutes until ctx ends, where there is a login and the
// settings do not switch it off.
func (r *receiver) keepCatchingUp(ctx context.Context) {
	fetch := func() {
		s := r.current()
		if !s.CatchUp {
			return
		}
		if _, err := r.catchUp(ctx, s, nil); err != nil && ctx.Err() == nil && !errors.Is(err, hooks.ErrNotLoggedIn) {
			r.logger.Warn("catching up failed, trying again", "error", err, "after", catchupEvery)
		}
	}
	fetch()
	every(ctx, catchupEvery, fetch)
}

// catchUp fetches what is missing of the targets, or of all that are known where none are given, and returns how many
// deliveries that were. Without targets it goes on where it stopped, which costs one call per hook when nothing is missing.
func (r *receiver) catchUp(ctx context.Context, s *Settings, targets []hooks.Target) (int, error) {
	r.catching.Lock()
	defer r.catching.Unlock()
	report, err := s.fleet.With(r.log.Log()).CatchUp(ctx, fleet.CatchUpRequest{Targets: targets, Continue: targets == nil, Up: r.up}, r.take)
	if targets == nil {
		r.judgeIntake(ctx, report.Silent, err)
	}
	if report.Recorded > 0 {
		r.logger.Info("fetched what never arrived", "deliveries", report.Recorded)
	}
	return report.Recorded, err
}

// judgeIntake raises an alarm where GitHub's own list shows that deliveries do not arrive, and notifies it once. What could not be
// asked changes nothing.
func (r *receiver) judgeIntake(ctx context.Context, silent []fleet.Silence, err error) {
	if len(silent) == 0 {
		if err == nil {
			r.silent = false
			r.server.SetAlarm(route.IntakeFailing, "", "")
		}
		return
	}
	s := silent[0]
	words := fmt.Sprintf("the newest %s of %s failed, since %s: %s",
		text.Count(s.Failed, "delivery", "deliveries"), s.Repository, s.Since.UTC().Format("2006-01-02 15:04 MST"), s.Reason)
	if s.Failed == 0 {
		words = fmt.Sprintf("GitHub calls the newest %s of %s delivered, since %s, and none arrived here: what stands before the receiver took them",
			text.Count(s.Lost, "delivery", "deliveries"), s.Repository, s.Since.UTC().Format("2006-01-02 15:04 MST"))
	}
	if more := len(silent) - 1; more > 0 {
		words += fmt.Sprintf("; the same with %s", text.Count(more, "other hook"))
	}
	r.server.SetAlarm(route.IntakeFailing, words, "hookctl doctor")
	if r.silent {
		return
	}
	r.silent = true
	if err := r.server.NotifyOwn(ctx, route.IntakeFailing, s.Repository, words, "hookctl doctor"); err != nil {
		r.logger.Error("cannot notify that deliveries do not arrive", "error", err)
	}
}

// take records a delivery that was fetched.
func (r *receiver) take(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error) {
	record := fetched(h, d)
	duplicate, err = r.server.Ingest(ctx, record)
	return record.File, duplicate, err
}
