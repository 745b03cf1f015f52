package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server/host"
)

func newCatchup(p *program) *cobra.Command {
	var f targetFlags
	var out output
	var events []string
	var dryRun bool
	since := settings.Duration(72 * time.Hour)
	cmd := &cobra.Command{
		Use:   "catchup",
		Short: "Fetch deliveries that never arrived, record and notify",
		Long: "Fetch deliveries that never arrived, record and notify them. The payloads come through GitHub's API, so it also works\n" +
			"behind a dead tunnel. The running receiver does the same at start and every ten minutes.",
		Example: "  hookctl catchup\n  hookctl catchup -R owner/repo --since 24h --dry-run",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.catchup(cmd.Context(), &f, since, events, dryRun, &out)
		},
	}
	f.add(cmd, true)
	cmd.Flags().Var(&since, "since", "how far back; GitHub keeps three days")
	cmd.Flags().StringArrayVarP(&events, "event", "e", nil, "only this `event`; may be repeated")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what is missing")
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

func (p *program) catchup(ctx context.Context, f *targetFlags, since settings.Duration, events []string, dryRun bool, out *output) error {
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

// fetchMissed records what is missing and notes each file.
func (p *program) fetchMissed(ctx context.Context, s *settings.Settings, client *hooks.Client, missing []hooks.Missing, rows []caughtUp) error {
	at := make(map[string]int, len(rows))
	for i, row := range rows {
		at[row.DeliveryID] = i
	}
	receiver, err := p.hostSettings(s)
	if err != nil {
		return err
	}
	intake, err := host.OpenIntake(ctx, s.Home, receiver)
	if err != nil {
		return err
	}
	err = intake.Fetch(ctx, client, missing, func(m hooks.Missing, answer host.Ingested) {
		rows[at[m.GUID]].File, rows[at[m.GUID]].Recorded = answer.File, true
	})
	return errors.Join(err, intake.Close())
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
func (p *program) missed(ctx context.Context, s *settings.Settings, client *hooks.Client, list []hooks.Hook, since settings.Duration) (missing []hooks.Missing, err error) {
	log, err := logs.Open(ctx, s.Logs(nil))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return host.Missed(ctx, client, log, list, time.Now().Add(-time.Duration(since)))
}
