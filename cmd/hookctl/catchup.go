package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/server/fleet"
	"hookctl/server/host"
)

func newCatchup(p *program) *cobra.Command {
	var f targetFlags
	var request fleet.CatchUpRequest
	since := settings.Duration(72 * time.Hour)
	cmd := p.printing(&cobra.Command{
		Use:   "catchup",
		Short: "Fetch missed deliveries from GitHub",
		Long: "Fetch missed deliveries from GitHub, record them and send their notifications. The payloads come through GitHub's API,\n" +
			"so it works while a tunnel is down. A running receiver does the same at start and every ten minutes.\n\n" +
			"A proxy or relay can acknowledge a delivery and lose it; GitHub calls it delivered then. The receiver also fetches\n" +
			"those that were certainly sent here; --include-acknowledged fetches every one that is not in the log.",
		Example: "  hookctl catchup\n  hookctl catchup -R owner/repo --since 24h --dry-run\n  hookctl catchup --include-acknowledged --dry-run",
	}, func(ctx context.Context, c call) error {
		request.Since = time.Duration(since)
		return p.catchup(ctx, c, &f, request)
	})
	f.add(cmd, true)
	cmd.Flags().Var(&since, "since", "how far back to look; GitHub keeps three days")
	cmd.Flags().StringArrayVarP(&request.Events, "event", "e", nil, "only this `event`; may be repeated")
	cmd.Flags().BoolVar(&request.Taken, "include-acknowledged", false, "also fetch what GitHub calls delivered and the log does not have")
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "only show what is missing")
	return cmd
}

// catchup prints what it could find out, also where not everything could be looked at.
func (p *program) catchup(ctx context.Context, c call, f *targetFlags, request fleet.CatchUpRequest) error {
	all, err := p.atGitHub(c.settings)
	if err != nil {
		return err
	}
	if request.Targets, err = p.chosenTargets(ctx, all, f); err != nil {
		return err
	}
	report, err := p.catchUp(ctx, c.settings, all, request)
	if report.Hooks == 0 && err != nil {
		return err
	}
	return errors.Join(p.printCaughtUp(report, request.DryRun, c.out), err)
}

// catchUp has the running receiver record what is fetched, or this process where none runs.
func (p *program) catchUp(ctx context.Context, s *settings.Settings, all *fleet.Fleet, request fleet.CatchUpRequest) (report fleet.CatchUpReport, err error) {
	if _, err := all.GitHub(); err != nil { // before the log is opened for writing
		return report, err
	}
	if request.DryRun {
		return all.CatchUp(ctx, request, nil)
	}
	receiver, err := p.hostSettings(s)
	if err != nil {
		return report, err
	}
	intake, err := host.OpenIntake(ctx, s.Home, receiver)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, intake.Close(ctx)) }()
	return all.CatchUp(ctx, request, intake.Ingest)
}

func (p *program) printCaughtUp(report fleet.CatchUpReport, dryRun bool, out *output) error {
	head := []string{"DELIVERED", "REPOSITORY", "EVENT", "GITHUB SAW", "RECORDED AS"}
	if dryRun {
		head[4] = "LOG"
	}
	return printList(p, out, report, report.Events, "nothing is missing", head, func(e fleet.CaughtUp) []string {
		state := e.File
		if !e.Recorded {
			state = "missing"
		}
		return []string{e.DeliveredAt.Local().Format(time.DateTime), e.Repository, e.Event, e.Reason, state}
	})
}
