package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
)

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
