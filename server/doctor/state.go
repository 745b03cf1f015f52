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
		s.Status = daemon.Status{Running: true, PID: silent.PID, Alarm: silent.Error(), LogDir: cfg.Logs.Dir}
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
	if cfg.Logs.Dir != "" {
		s.Failures = failures(ctx, cfg)
		s.FailedRecords = s.Failures.Records
	}
	return s, asked, nil
}

// quickly is how long counting in the log may delay a status.
const quickly = 2 * time.Second

// failures are none where the log cannot be asked: what is wrong with it is for the checks to say.
func failures(ctx context.Context, cfg Config) (found Failures) {
	ctx, cancel := context.WithTimeout(ctx, quickly)
	defer cancel()
	_, err := (&facts{cfg: cfg}).withLog(ctx, func(log *logs.Log) (err error) {
		found, err = ReadFailures(ctx, log)
		return err
	})
	if err != nil {
		return Failures{}
	}
	return found
}

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
