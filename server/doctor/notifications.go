package doctor

import (
	"context"
	"errors"
	"time"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// notifications checks for messages that wait, or that failed. While the receiver runs, it knows what waits.
func (f *facts) notifications(context.Context) Check {
	sum, err := f.log()
	if err != nil {
		return warn("", "the log cannot be read: %v", err)
	}
	st, err := f.status()
	if err != nil {
		st = daemon.Status{PendingNotifications: int64(len(sum.pending))}
		if len(sum.pending) > 0 {
			st.PendingSince = sum.pending[0].ReceivedAt
		}
	}
	return Notifications(st, sum.failures, f.cfg.Now())
}

// Failures are the notifications that failed for good.
type Failures struct {
	Records int    // how many records have one
	Newest  string // the sink of the newest and why it failed; "" where that is not known
}

// ReadFailures asks the log for them.
func ReadFailures(ctx context.Context, log *logs.Log) (Failures, error) {
	filter, err := logs.ParseFilter("status:"+logs.StatusFailed, time.Time{})
	if err != nil {
		return Failures{}, err
	}
	n, err := log.Count(ctx, filter)
	if err != nil || n == 0 {
		return Failures{}, err
	}
	out := Failures{Records: n}
	page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: 1})
	if err != nil || len(page.Entries) == 0 {
		return out, err
	}
	record, err := log.Read(ctx, page.Entries[0].File)
	if errors.Is(err, logs.ErrNotFound) {
		return out, nil // pruned just now
	}
	if err != nil {
		return out, err
	}
	for _, n := range record.Notifications {
		if n.Status == logs.StatusFailed && n.Error != "" {
			out.Newest = n.Sink + ": " + n.Error
		}
	}
	return out, nil
}

// longWait is how long a notification may wait without a warning.
const longWait = time.Minute

// Notifications judges whether notifications get through, for everyone who shows it: a sink whose last attempt failed is an
// error; one that waits for longer than a minute, or that failed for good, is a warning. st is what [daemon.Client.Status] returned,
// and failed is what the log has; its zero value where that was not asked.
func Notifications(st daemon.Status, failed Failures, now time.Time) Check {
	var all []Check
	for _, s := range st.FailingSinks {
		since := "has been failing for " + text.Span(now.Sub(s.Since))
		if now.Sub(s.Since) < time.Second {
			since = "fails"
		}
		all = append(all, fail("start what the sink sends to, or correct it: hookctl config edit; pending notifications are sent then",
			"the sink %s %s: %s", s.Sink, since, s.Error))
	}
	if st.Counting && !st.HasAlarm("index") {
		all = append(all, ok("still counting those that an earlier run left pending"))
	}
	if n := int(st.PendingNotifications); n > 0 {
		words := text.Count(n, "notification is pending", "notifications are pending")
		wait := now.Sub(st.PendingSince)
		switch {
		case st.PendingSince.IsZero(): // an older receiver does not say
			all = append(all, ok("%s", words))
		case wait > longWait:
			fix := "see which: hookctl events list --filter status:pending; they are sent as soon as the sink takes them"
			if !st.Running {
				fix = "hookctl start"
			}
			all = append(all, warn(fix, "%s, the oldest for %s", words, text.Span(wait)))
		default:
			all = append(all, ok("%s, the oldest for %s", words, text.Span(wait)))
		}
	}
	if failed.Records > 0 {
		words := text.Count(failed.Records, "notification failed", "notifications failed")
		if failed.Newest != "" {
			words += map[bool]string{true: ": ", false: ", the latest: "}[failed.Records == 1] + failed.Newest
		}
		all = append(all, warn("hookctl events resend --failed", "%s", words))
	}
	out := ok("none pending, none failed")
	if len(all) > 0 {
		out = worst(all...)
	}
	return out.named("notifications")
}
