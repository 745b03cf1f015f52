package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/daemon"
)

func newCatchup(p *program) *cobra.Command {
	var f targetFlags
	var out output
	var events []string
	var dryRun bool
	since := 3 * day
	cmd := &cobra.Command{
		Use:   "catchup",
		Short: "Fetch from GitHub what never arrived, record and notify it",
		Long: "Fetch from GitHub what never arrived, record and notify it. The payloads come through the API, so it works behind\n" +
			"a dead tunnel too. The running receiver does the same by itself at start and every ten minutes.",
		Example: "  hookctl catchup\n  hookctl catchup -R owner/repo --since 24h --dry-run",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.catchup(cmd.Context(), &f, since, events, dryRun, &out)
		},
	}
	f.add(cmd, true)
	cmd.Flags().Var(&since, "since", "how far back; GitHub keeps three days")
	cmd.Flags().StringArrayVarP(&events, "event", "e", nil, "only this `event`; may be repeated")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what is missing")
	addOutputFlags(cmd, &out)
	return cmd
}

// caughtUp is one missed delivery as `catchup --json` prints it.
type caughtUp struct {
	Repository  string    `json:"repository"`
	HookID      int64     `json:"hook_id"`
	DeliveryID  string    `json:"delivery_id"`
	Event       string    `json:"event"`
	Action      string    `json:"action,omitempty"`
	DeliveredAt time.Time `json:"delivered_at"`
	Reason      string    `json:"reason"`
	File        string    `json:"file,omitempty"`
	Recorded    bool      `json:"recorded"`
}

// caughtKey tells deliveries apart: hooks of one event share its GUID.
type caughtKey struct {
	hook int64
	guid string
}

func (p *program) catchup(ctx context.Context, f *targetFlags, since Duration, events []string, dryRun bool, out *output) error {
	s, client, err := p.atGitHub()
	if err != nil {
		return err
	}
	// What cannot be looked at does not keep the rest from being fetched.
	list, listErr := p.hooksOrOne(ctx, s, client, f, nil)
	if len(list) == 0 && listErr != nil {
		return listErr
	}
	missing, missedErr := p.missed(ctx, s, client, list, since)
	rows := []caughtUp{}
	chosen := missing[:0:0]
	for _, m := range missing {
		if len(events) > 0 && !containsFold(events, m.Event.Event) {
			continue
		}
		chosen = append(chosen, m)
		_, reason := m.Outcome(false)
		rows = append(rows, caughtUp{
			Repository: m.Hook.Target.String(), HookID: m.Hook.ID, DeliveryID: m.GUID, Event: m.Event.Event, Action: m.Action,
			DeliveredAt: m.Latest().DeliveredAt, Reason: reason,
		})
	}
	if !dryRun && len(chosen) > 0 {
		err = p.fetchMissed(ctx, s, client, chosen, rows)
	}
	return errors.Join(p.printCaughtUp(rows, dryRun, out), listErr, missedErr, err)
}

// fetchMissed records what is missing and notes each file. The running receiver takes it in; without one, this process is
// the writer, and the notifications go out when a receiver starts.
func (p *program) fetchMissed(ctx context.Context, s *settings, client *hooks.Client, missing []hooks.Missing, rows []caughtUp) (err error) {
	at := make(map[caughtKey]int, len(rows))
	for i, row := range rows {
		at[caughtKey{row.HookID, row.DeliveryID}] = i
	}
	ingest := func(ctx context.Context, record *logs.Record) (ingestAnswer, error) {
		return askReceiver[ingestAnswer](ctx, s.Home, "/ingest", record)
	}
	if _, err = daemon.Dial(s.Home).Status(ctx); errors.Is(err, daemon.ErrNotRunning) {
		var closeLog func() error
		if ingest, closeLog, err = p.offlineIngest(ctx, s); err == nil {
			defer func() { err = errors.Join(err, closeLog()) }()
		}
	}
	if err != nil {
		return err
	}
	_, err = client.Fetch(ctx, missing, func(ctx context.Context, m hooks.Missing, d hooks.Delivery) error {
		answer, err := ingest(ctx, caughtRecord(m, d))
		if err == nil {
			row := &rows[at[caughtKey{m.Hook.ID, m.GUID}]]
			row.File, row.Recorded = answer.File, true
		}
		return err
	})
	return err
}

// offlineIngest is the receiver's way into the log without a receiver.
func (p *program) offlineIngest(ctx context.Context, s *settings) (func(context.Context, *logs.Record) (ingestAnswer, error), func() error, error) {
	writer, err := logs.OpenWriter(ctx, s.logsConfig(nil))
	if err != nil {
		return nil, nil, err
	}
	config, err := p.serverConfig(s, writer, nil)
	if err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	srv, err := server.New(config)
	if err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	return func(ctx context.Context, record *logs.Record) (ingestAnswer, error) {
		duplicate, err := srv.Ingest(ctx, record)
		return ingestAnswer{File: record.File, Duplicate: duplicate}, err
	}, func() error { return errors.Join(writer.Log().Settle(ctx), writer.Close()) }, nil
}

// caughtRecord is a delivery that came through the API. Its original bytes are gone, so no signature can be checked: the
// API call is the proof of where it comes from.
func caughtRecord(m hooks.Missing, d hooks.Delivery) *logs.Record {
	header := http.Header{}
	for name, value := range d.RequestHeaders {
		header.Set(name, value)
	}
	kept := keptHeaders(header)
	if name := logs.PathName(m.Hook.URL); name != "" {
		kept[logs.PathHeader] = name
	}
	return &logs.Record{
		EventType: d.Event, DeliveryID: d.GUID, HookID: m.Hook.ID, Source: logs.SourceCatchup, Headers: kept, Payload: d.Payload,
	}
}

// keptHeaders are the headers that a record keeps, as the receiver's intake keeps them.
func keptHeaders(header http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{
		"X-GitHub-Event", "X-GitHub-Delivery", "X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type",
		"X-GitHub-Hook-Installation-Target-ID", "X-Hub-Signature-256", "Content-Type", "User-Agent",
	} {
		if value := text.Clean(header.Get(name)); value != "" {
			kept[name] = value
		}
	}
	return kept
}

func (p *program) printCaughtUp(rows []caughtUp, dryRun bool, out *output) error {
	if out.wanted() {
		return out.print(p.out, rows)
	}
	if len(rows) == 0 {
		p.note("nothing is missing")
		return nil
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		state := r.File
		if !r.Recorded {
			state = "missing"
		}
		cells[i] = []string{r.DeliveredAt.Local().Format(time.DateTime), r.Repository, r.Event, r.Reason, state}
	}
	head := []string{"DELIVERED", "REPOSITORY", "EVENT", "GITHUB SAW", "RECORDED AS"}
	if dryRun {
		head[4] = "LOG"
	}
	return table(p.out, head, cells)
}

// missed are the events of the hooks that no attempt brought here, oldest first.
func (p *program) missed(ctx context.Context, s *settings, client *hooks.Client, list []hooks.Hook, since Duration) (missing []hooks.Missing, err error) {
	log, err := logs.Open(ctx, s.logsConfig(nil))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	have, failed := recordedIn(ctx, log)
	missing, _, err = client.Missed(ctx, hooks.MissedQuery{Hooks: list, Since: time.Now().Add(-time.Duration(since)), Have: have})
	return missing, errors.Join(err, failed())
}

// recordedIn tells whether the log has a delivery. What cannot be looked up counts as there, so that nothing is recorded
// twice; failed gives the error of that.
func recordedIn(ctx context.Context, log *logs.Log) (have func(h hooks.Hook, guid string) bool, failed func() error) {
	problems := make(chan error, 1)
	have = func(h hooks.Hook, guid string) bool {
		_, known, err := log.Known(ctx, guid, logs.PathName(h.URL))
		if err != nil {
			select {
			case problems <- err:
			default:
			}
			return true
		}
		return known
	}
	failed = func() error {
		select {
		case err := <-problems:
			return fmt.Errorf("look a delivery up in the log: %w", err)
		default:
			return nil
		}
	}
	return have, failed
}

// catchupEvery is the receiver's own pace; GitHub keeps deliveries for three days.
const catchupEvery = 10 * time.Minute

// keepCatchingUp fetches what is missing at start and every ten minutes until ctx ends, where a login is there and the
// settings do not switch it off. The cursor makes it one call per hook when nothing is missing.
func (r *receiver) keepCatchingUp(ctx context.Context) {
	tick := time.NewTicker(catchupEvery)
	defer tick.Stop()
	for {
		r.mu.Lock()
		s := r.settings
		r.mu.Unlock()
		if s.Receiver.Catchup == "on" {
			if _, err := r.catchUpOnce(ctx, s, nil); err != nil && ctx.Err() == nil && !errors.Is(err, hooks.ErrNotLoggedIn) {
				r.logger.Warn("catching up failed, it is tried again", "error", err, "after", catchupEvery)
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
// anew after a failure, where the settings were read again, and each hour.
type listedHooks struct {
	settings *settings
	at       time.Time
	hooks    []hooks.Hook
}

const listedFor = time.Hour

// catchUpOnce fetches what is missing of the targets, or of all that are known where none are given, and tells how many
// deliveries that were.
func (r *receiver) catchUpOnce(ctx context.Context, s *settings, targets []hooks.Target) (int, error) {
	r.catching.Lock()
	defer r.catching.Unlock()
	all := len(targets) == 0
	if all {
		var err error
		if targets, err = r.p.knownTargets(ctx, s); err != nil || len(targets) == 0 {
			return 0, err
		}
	}
	client, err := r.p.github(s)
	if err != nil {
		return 0, err
	}
	if all && r.listed.settings == s && time.Since(r.listed.at) < listedFor {
		recorded, err := r.catchUpHooks(ctx, s, client, r.listed.hooks)
		if err != nil {
			r.listed = listedHooks{}
		}
		return recorded, err
	}
	list, listErr := client.ListAll(ctx, targets)
	list, err = r.p.ownHooks(ctx, s, list)
	if err != nil {
		return 0, errors.Join(listErr, err)
	}
	recorded, err := r.catchUpHooks(ctx, s, client, list)
	if err = errors.Join(listErr, err); err == nil && all {
		r.listed = listedHooks{s, time.Now(), list}
	}
	return recorded, err
}

func (r *receiver) catchUpHooks(ctx context.Context, s *settings, client *hooks.Client, list []hooks.Hook) (int, error) {
	file := filepath.Join(s.runDir(), "catchup.json")
	cursor := readCursor(file)
	have, failed := recordedIn(ctx, r.log.Log())
	missing, moved, missedErr := client.Missed(ctx, hooks.MissedQuery{
		Hooks: list, Since: time.Now().Add(-3 * 24 * time.Hour), Have: have, Cursor: cursor,
	})
	recorded, fetchErr := client.Fetch(ctx, missing, func(ctx context.Context, m hooks.Missing, d hooks.Delivery) error {
		_, err := r.server.Ingest(ctx, caughtRecord(m, d))
		return err
	})
	if recorded > 0 {
		r.logger.Info("caught up with what never arrived", "deliveries", recorded)
	}
	if err := failed(); err != nil {
		// What could not be looked up counted as there, so the cursor has gone past it.
		return recorded, errors.Join(missedErr, err, fetchErr)
	}
	maps.Copy(cursor, moved)
	return recorded, errors.Join(missedErr, fetchErr, writeCursor(file, cursor))
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
		return fmt.Errorf("remember how far catching up is: %w", err)
	}
	return nil
}
