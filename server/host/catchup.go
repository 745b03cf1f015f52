package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
	"hookctl/logs"
)

// catchupEvery is the receiver's own pace; GitHub keeps deliveries for three days.
const catchupEvery = 10 * time.Minute

// keepCatchingUp fetches what is missing at start and every ten minutes until ctx ends, where there is a login and the
// settings do not switch it off. The cursor makes it one call per hook when nothing is missing.
func (r *receiver) keepCatchingUp(ctx context.Context) {
	tick := time.NewTicker(catchupEvery)
	defer tick.Stop()
	for {
		if s := r.current(); s.CatchUp {
			if _, err := r.catchUpOnce(ctx, s, nil); err != nil && ctx.Err() == nil && !errors.Is(err, hooks.ErrNotLoggedIn) {
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

// listedHooks are the hooks that catching up looks at, kept so that a look costs one call for each of them. They are listed
// again after a failure, when the settings were read again, and each hour.
type listedHooks struct {
	settings *Settings
	at       time.Time
	hooks    []hooks.Hook
}

const listedFor = time.Hour

// catchUpOnce fetches what is missing of the targets, or of all that are known where none are given, and returns how many
// deliveries that were.
func (r *receiver) catchUpOnce(ctx context.Context, s *Settings, targets []hooks.Target) (int, error) {
	r.catching.Lock()
	defer r.catching.Unlock()
	all := len(targets) == 0
	if all {
		var err error
		if targets, err = s.Targets(ctx); err != nil || len(targets) == 0 {
			return 0, err
		}
	}
	client, err := s.GitHub()
	if err != nil {
		return 0, err
	}
	if all && r.listed.settings == s && time.Since(r.listed.at) < listedFor {
		recorded, err := r.catchUpHooks(ctx, client, r.listed.hooks)
		if err != nil {
			r.listed = listedHooks{}
		}
		return recorded, err
	}
	list, listErr := client.ListAll(ctx, targets)
	list, err = s.Ours(ctx, list)
	if err != nil {
		return 0, errors.Join(listErr, err)
	}
	recorded, err := r.catchUpHooks(ctx, client, list)
	if err = errors.Join(listErr, err); err == nil && all {
		r.listed = listedHooks{s, time.Now(), list}
	}
	return recorded, err
}

func (r *receiver) cursorFile() string {
	return filepath.Join(r.cfg.Daemon.Home, "run", "catchup.json")
}

func (r *receiver) catchUpHooks(ctx context.Context, client *hooks.Client, list []hooks.Hook) (int, error) {
	cursor := readCursor(r.cursorFile())
	missing, moved, missedErr := missed(ctx, client, r.log.Log(), hooks.MissedQuery{Hooks: list, Since: time.Now().Add(-3 * 24 * time.Hour), Cursor: cursor})
	recorded, fetchErr := client.Fetch(ctx, missing, func(ctx context.Context, m hooks.Missing, d hooks.Delivery) error {
		_, err := r.server.Ingest(ctx, fetchedRecord(m, d))
		return err
	})
	if recorded > 0 {
		r.logger.Info("fetched what never arrived", "deliveries", recorded)
	}
	maps.Copy(cursor, moved)
	return recorded, errors.Join(missedErr, fetchErr, writeCursor(r.cursorFile(), cursor))
}

// Missed finds the events of hooks that no attempt of GitHub brought into the log, oldest first.
func Missed(ctx context.Context, client *hooks.Client, log *logs.Log, list []hooks.Hook, since time.Time) ([]hooks.Missing, error) {
	missing, _, err := missed(ctx, client, log, hooks.MissedQuery{Hooks: list, Since: since})
	return missing, err
}

// missed is client.Missed with a log. What cannot be looked up there counts as recorded, so that nothing is recorded twice;
// then there is an error, and no cursor, which would have gone past it.
func missed(ctx context.Context, client *hooks.Client, log *logs.Log, q hooks.MissedQuery) ([]hooks.Missing, hooks.Cursor, error) {
	problems := make(chan error, 1)
	q.Have = func(guid string) bool {
		entries, err := log.Find(ctx, guid)
		if err != nil {
			select {
			case problems <- fmt.Errorf("look a delivery up in the log: %w", err):
			default:
			}
			return true
		}
		return len(entries) > 0
	}
	missing, moved, err := client.Missed(ctx, q)
	select {
	case problem := <-problems:
		return missing, nil, errors.Join(err, problem)
	default:
		return missing, moved, err
	}
}

// readCursor reads how far catching up is. A cursor that cannot be read costs a few calls, so it counts as none.
func readCursor(file string) hooks.Cursor {
	data, err := os.ReadFile(file) //nolint:gosec // A file of our own.
	cursor := hooks.Cursor{}
	if err != nil || json.Unmarshal(data, &cursor) != nil {
		return hooks.Cursor{}
	}
	return cursor
}

func writeCursor(file string, cursor hooks.Cursor) error {
	data, err := json.Marshal(cursor)
	if err == nil {
		err = maybe.WriteFile(file, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store how far catching up is: %w", err)
	}
	return nil
}
