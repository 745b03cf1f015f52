package home

import (
	"context"
	"errors"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
)

// found is what Home asks the disk for.
type found struct {
	rates       []logs.Rate
	hour, total int
	failed      int
	recent      []logs.Entry
	secret      string
	origin      secret.Origin
	changed     time.Time
	rotation    *secret.Rotation

	askTotal, askRecent bool // what is asked for this time
	err                 error
}

// ask asks the disk; what is not asked for stays as it was in last.
func ask(ctx context.Context, l *logs.Log, store *secret.Store, now time.Time, last found) found {
	f := last
	f.hour = 0
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	var err error
	f.rates, err = l.Rates(ctx, now.Add(-time.Hour), time.Hour/30)
	note(err)
	for _, r := range f.rates {
		f.hour += r.Total
	}
	if f.askTotal {
		f.total, err = l.Count(ctx, logs.Filter{})
		note(err)
	}
	failed, err := logs.ParseFilter("status:failed", now)
	note(err)
	f.failed, err = l.Count(ctx, failed)
	note(err)
	if f.askRecent {
		matters, err := logs.ParseFilter("priority:medium,high,urgent since:7d", now)
		note(err)
		page, err := l.Page(ctx, logs.Query{Filter: matters, Limit: 5})
		note(err)
		f.recent = page.Entries
	}
	if store != nil {
		value, origin, err := store.Current()
		note(err)
		f.secret, f.origin = secret.Fingerprint(value), origin
		if value != "" {
			f.changed, err = store.ChangedAt()
			note(err)
		}
		f.rotation, err = store.Rotation()
		note(err)
	}
	f.err = errors.Join(errs...)
	return f
}
