package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// State is what `status --json` prints: since is null, and not left out, where nothing runs, and so is secret_changed_at where the
// age of the shared secret is not known.
type State struct {
	daemon.Status
	Since           *time.Time `json:"since"`
	SecretChangedAt *time.Time `json:"secret_changed_at"`
	// FailedRecords counts the records in the log whose notification failed for good; failed_notifications counts since the start.
	FailedRecords int      `json:"failed_records"`
	Failures      Failures `json:"-"` // the same, with the newest
	// Unacknowledged counts the records that were offered to agents and that nobody acknowledged.
	Unacknowledged int          `json:"unacknowledged"`
	Offered        []logs.Offer `json:"-"` // which they are, oldest first
}

// ReadState asks the running receiver. Where none exists it says what can be known without it from cfg, of which it needs Home, Logs,
// Store, Version and PublicURL; asked is then why the receiver did not answer, as [daemon.Client.Status] returns it. A receiver that hangs is one that
// runs, in alarm.
func ReadState(ctx context.Context, cfg Config) (s State, asked, err error) {
	s.Status, asked = daemon.Dial(cfg.Home).Status(ctx)
	var silent *daemon.UnresponsiveError
	switch {
	case errors.As(asked, &silent) && !errors.Is(asked, daemon.ErrNotRunning):
		s.Status = daemon.Status{Running: true, PID: silent.PID, Alarm: silent.Error(), Alarms: []daemon.Alarm{{Text: silent.Error()}}, LogDir: cfg.Logs.Dir}
	case asked == nil:
	case !errors.Is(asked, daemon.ErrNotRunning):
		return s, asked, asked
	default:
		prints, err := accepted(cfg.Store, time.Now())
		if err != nil {
			return s, asked, err
		}
		s.Status = daemon.Status{LogDir: cfg.Logs.Dir, Version: cfg.Version, Secrets: prints, PublicURL: cfg.PublicURL}
		if len(prints) > 0 {
			s.Secret = prints[0]
		}
	}
	s = StateOf(cfg, s.Status)
	ctx, cancel := context.WithTimeout(ctx, quickly)
	defer cancel()
	// There are none where the log cannot be asked: what is wrong with it is for the checks to say.
	_, _ = (&facts{cfg: cfg}).withLog(ctx, func(log *logs.Log) (err error) {
		s.Failures, err = ReadFailures(ctx, log)
		return err
	})
	s.FailedRecords = s.Failures.Records
	return s, asked, nil
}

// quickly is how long counting in the log may delay a status.
const quickly = 2 * time.Second

// StateOf is a status that was asked for already with what the disk adds to it. That is left out where it cannot be read: what is
// wrong with the files is for the checks to say.
func StateOf(cfg Config, status daemon.Status) State {
	s := State{Status: status}
	if !status.Since.IsZero() {
		s.Since = &status.Since
	}
	if changed, err := cfg.Store.ChangedAt(); err == nil && !changed.IsZero() {
		s.SecretChangedAt = &changed
	}
	if list, err := logs.ReadOffers(cfg.Logs); err == nil && cfg.Logs.Dir != "" {
		s.Offered, s.Unacknowledged = list, len(list)
	}
	return s
}

// unnoticed is how long an agent may leave what it was offered unacknowledged without a warning.
const unnoticed = 10 * time.Minute

// Offers judges whether agents take notice of what they are offered, for everyone who shows it.
func Offers(list []logs.Offer, now time.Time) Check {
	out := ok("nothing waits to be acknowledged")
	if len(list) > 0 {
		oldest := slices.MinFunc(list, func(a, b logs.Offer) int { return a.OfferedAt.Compare(b.OfferedAt) })
		words := fmt.Sprintf("%s never acknowledged, the oldest for %s: %s",
			text.Count(len(list), "record was offered to an agent and", "records were offered to agents and"), text.Span(now.Sub(oldest.OfferedAt)), oldest.File)
		out = ok("%s", words)
		if now.Sub(oldest.OfferedAt) > unnoticed {
			out = warn("see whether the agent's session still runs, then: hookctl events ack --all", "%s", words)
		}
	}
	return out.named("agents")
}

// offers checks what agents were offered.
func (f *facts) offers(context.Context) Check {
	list, err := logs.ReadOffers(f.cfg.Logs)
	if err != nil {
		return failed(err, "check who owns "+f.cfg.Logs.Dir)
	}
	return Offers(list, f.cfg.Now())
}

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
