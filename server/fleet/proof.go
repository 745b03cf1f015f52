package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// Proof is a ping that arrived.
type Proof struct {
	Hook    hooks.Hook
	Secret  string // fingerprint of what it was signed with
	Current bool   // that is the secret that the hook is to sign with
	File    string // its record
	At      time.Time
}

// Ping asks GitHub to send a ping to a hook.
func (f *Fleet) Ping(ctx context.Context, h hooks.Hook) error {
	client, err := f.GitHub()
	if err != nil {
		return err
	}
	return client.Ping(ctx, h.Target, h.ID)
}

// Prove asks for a ping and waits until it is in the log, signed with any secret that the receiver accepts; wait is that of the
// Config if zero. What GitHub says became of it is watched in the meantime, so that a refusal is known at once, with its reason.
func (f *Fleet) Prove(ctx context.Context, h hooks.Hook, wait time.Duration) (Proof, error) {
	client, err := f.GitHub()
	if err != nil {
		return Proof{}, err
	}
	due, err := f.cfg.Store.SecretOf(h.ID, h.URL)
	if err == nil && due == "" {
		due, _, err = f.cfg.Store.Current()
	}
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Hook: h}
	err = f.withLog(ctx, func(log *logs.Log) error {
		confirm := func(ctx context.Context, hookID int64, _ string, since time.Time) error {
			e, err := awaitPing(ctx, log, hookID, "", since)
			if err == nil {
				p.Secret, p.File, p.At = e.Secret, e.File, e.ReceivedAt
			}
			return err
		}
		return client.Prove(ctx, h, secret.Fingerprint(due), confirm, cmp.Or(wait, f.cfg.Wait))
	})
	p.Current = err == nil && p.Secret == secret.Fingerprint(due)
	return p, err
}

// lookAgain is how often the log is looked through besides being watched: not every file system reports changes.
const lookAgain = time.Second

// awaitPing waits until a ping of the hook, received since then and signed with the secret of that fingerprint, is in the log.
// It watches first and looks then, so that nothing falls between, and looks once more when the time is up. Without a
// fingerprint any secret that the receiver accepts will do.
func awaitPing(ctx context.Context, log *logs.Log, hookID int64, fingerprint string, since time.Time) (logs.Entry, error) {
	match := func(e logs.Entry) bool {
		return e.Event == "ping" && e.HookID == hookID && e.Verified && !e.ReceivedAt.Before(since) && (fingerprint == "" || e.Secret == fingerprint)
	}
	pings, err := logs.ParseFilter(fmt.Sprintf("event:ping hook:%d verified:yes", hookID), since)
	if err != nil {
		return logs.Entry{}, err
	}
	look := func(ctx context.Context) (logs.Entry, bool, error) {
		page, err := log.Page(ctx, logs.Query{Filter: pings, Limit: 50})
		if at := slices.IndexFunc(page.Entries, match); at >= 0 {
			return page.Entries[at], true, nil
		}
		return logs.Entry{}, false, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	news, err := log.Watch(watching)
	if err != nil {
		news = nil // looking finds it too, if later
	}
	tick := time.Tick(lookAgain)
	for {
		e, found, err := look(ctx)
		if found || err != nil && ctx.Err() == nil {
			return e, err
		}
		select {
		case batch, ok := <-news:
			if !ok {
				news = nil
			}
			if at := slices.IndexFunc(batch, match); at >= 0 {
				return batch[at], nil
			}
		case <-tick:
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*lookAgain)
			defer stop()
			if e, found, _ := look(last); found { // without an answer the time is simply up
				return e, nil
			}
			return logs.Entry{}, context.Cause(ctx)
		}
	}
}

// confirm is the proof that a hook has a certain secret: a ping in this log that was signed with it.
func confirm(log *logs.Log) hooks.Confirm {
	return func(ctx context.Context, hookID int64, fingerprint string, since time.Time) error {
		if fingerprint == "" {
			return errors.New("no secret to look for")
		}
		_, err := awaitPing(ctx, log, hookID, fingerprint, since)
		return err
	}
}

// Reach asks a URL from here whether this home's receiver answers there, and says what is odd. GitHub may see what this machine
// cannot: only a ping proves a hook.
func (f *Fleet) Reach(ctx context.Context, url string) error {
	status, err := daemon.Dial(f.cfg.Home).Status(ctx)
	if err != nil {
		return err
	}
	return f.cfg.Probe(ctx, url, status.Instance)
}

// accept makes the receiver read its secrets again, and fails unless it says that it accepts all of these.
func (f *Fleet) accept(ctx context.Context, fingerprints []string) error {
	status, err := daemon.Dial(f.cfg.Home).Reload(ctx)
	if err != nil {
		return hooks.WithCure(fmt.Errorf("make the receiver accept the new secret: %w", err), "hookctl start")
	}
	return accepts(status, fingerprints)
}

// accepts checks that a receiver says that it accepts secrets.
func accepts(status daemon.Status, fingerprints []string) error {
	for _, print := range fingerprints {
		if !slices.Contains(status.Secrets, print) {
			return hooks.WithCure(fmt.Errorf("the receiver does not accept the secret %s", print),
				"it may work on another home, or have "+secret.Variable+" in its environment: hookctl status")
		}
	}
	return nil
}
