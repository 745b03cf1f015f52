package webhooks

import (
	"context"
	"fmt"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// lookAfter is how often the log is looked through besides being watched: not
// every file system tells of changes.
const lookAfter = time.Second

// awaitPing waits until a ping of the hook that was signed with an accepted
// secret is in the log. It watches first and looks then, so nothing falls
// between, and looks once more at the end. An empty fingerprint takes any of
// the accepted secrets.
func awaitPing(ctx context.Context, l *logs.Log, hookID int64, fingerprint string, since time.Time) (logs.Entry, error) {
	match := func(e logs.Entry) bool {
		return e.Event == "ping" && e.HookID == hookID && e.Verified && !e.ReceivedAt.Before(since) &&
			(fingerprint == "" || e.Secret == fingerprint)
	}
	look := func(ctx context.Context) (logs.Entry, bool, error) {
		page, err := l.Page(ctx, logs.Query{Limit: 500})
		for _, e := range page.Entries {
			if match(e) {
				return e, true, nil
			}
		}
		return logs.Entry{}, false, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	news, err := l.Watch(watching)
	if err != nil {
		news = nil // looking finds it too, if later
	}
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	for {
		e, found, err := look(ctx)
		if found {
			return e, nil
		}
		if err != nil && ctx.Err() == nil {
			return logs.Entry{}, err
		}
	waiting:
		for {
			select {
			case batch, ok := <-news:
				if !ok {
					news = nil
				}
				for _, e := range batch {
					if match(e) {
						return e, nil
					}
				}
			case <-tick.C:
				break waiting
			case <-ctx.Done():
				last, stop := context.WithTimeout(context.WithoutCancel(ctx), lookAfter)
				defer stop()
				if e, found, _ := look(last); found {
					return e, nil
				}
				return logs.Entry{}, context.Cause(ctx)
			}
		}
	}
}

// confirmIn is the proof that hooks asks for: a signed ping in this log.
func confirmIn(l *logs.Log) hooks.Confirm {
	return func(ctx context.Context, hookID int64, fingerprint string, since time.Time) error {
		_, err := awaitPing(ctx, l, hookID, fingerprint, since)
		return err
	}
}

// acceptAt makes the receiver of a home read its secrets again and confirms
// that it accepts all of these.
func acceptAt(home string) func(context.Context, []string) error {
	return func(ctx context.Context, fingerprints []string) error {
		status, err := daemon.Dial(home).Reload(ctx)
		if err != nil {
			return fmt.Errorf("make the receiver accept the new secret: %w", err)
		}
		accepted := map[string]bool{}
		for _, f := range status.Secrets {
			accepted[f] = true
		}
		for _, f := range fingerprints {
			if !accepted[f] {
				return hooks.WithCure(fmt.Errorf("the receiver does not accept the secret %s", f),
					"it may work on another home, or have "+secret.Variable+" in its environment: hookctl status")
			}
		}
		return nil
	}
}
