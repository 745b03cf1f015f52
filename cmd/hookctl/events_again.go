package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/host"
)

func newEventsReplay(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:   "replay FILE|GUID|latest…",
		Short: "Route records again, as new records",
		Example: `  hookctl events replay latest
  hookctl events replay 20260101_123045_push.json`,
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, c call) error {
		return p.actOnRecords(ctx, c, "replayed", func(receiver *host.Client, files []string) (int, error) {
			return receiver.Replay(ctx, files)
		})
	})
}

func newEventsResend(p *program) *cobra.Command {
	var failed bool
	cmd := p.printing(&cobra.Command{
		Use:   "resend FILE|GUID|latest…",
		Short: "Send the notifications of records again",
		Long:  "Send the notifications of records again: of each record those that failed or, where none did, all.",
		Example: `  hookctl events resend latest
  hookctl events resend --failed`,
		Args: cobra.ArbitraryArgs,
	}, func(ctx context.Context, c call) error {
		if len(c.args) == 0 && !failed {
			return usage(errors.New("name records, or give --failed"))
		}
		return p.actOnRecords(ctx, c, "resent", func(receiver *host.Client, files []string) (int, error) {
			done, err := receiver.Resend(ctx, files, failed)
			if done.Pending > 0 {
				p.note("%s pending already: the receiver tries again now", text.Count(done.Pending, "notification is", "notifications are"))
			}
			return done.Done, err
		})
	})
	cmd.Flags().BoolVar(&failed, "failed", false, "every notification that failed for good")
	return cmd
}

// actOnRecords has the running receiver do something to the records that are named.
func (p *program) actOnRecords(ctx context.Context, c call, verb string, act func(*host.Client, []string) (int, error)) error {
	var files []string
	if err := p.withLog(ctx, eventsFilter{}, func(log *logs.Log, _ logs.Filter) (err error) {
		files, err = p.findRecords(ctx, log, c.args)
		return err
	}); err != nil {
		return err
	}
	done, err := act(host.Dial(c.settings.Home), files)
	if err != nil && done == 0 {
		return err
	}
	return errors.Join(p.said(c.out, map[string]int{verb: done}, "%s %d", verb, done), err)
}

func newEventsPrune(p *program) *cobra.Command {
	var dryRun, yes bool
	cmd := p.printing(&cobra.Command{
		Use:     "prune",
		Short:   "Remove old records beyond log.keep and log.max_size",
		Long:    "Remove records beyond log.keep and log.max_size, oldest first. A record with a pending notification stays.",
		Example: "  hookctl events prune --dry-run\n  hookctl events prune --yes",
	}, func(ctx context.Context, c call) error { return p.pruneEvents(ctx, c, dryRun, yes) })
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be removed")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (p *program) pruneEvents(ctx context.Context, c call, dryRun, yes bool) error {
	s := c.settings
	result, err := host.Prune(ctx, s.Home, s.Logs(nil), true)
	if err != nil {
		return err
	}
	if !dryRun && len(result.Files) > 0 {
		if err := p.confirm(ctx, yes, fmt.Sprintf("remove %s (%s)?", text.Count(len(result.Files), "record", "records"), settings.Size(result.Bytes))); err != nil {
			return err
		}
		if result, err = host.Prune(ctx, s.Home, s.Logs(nil), false); err != nil {
			return err
		}
	}
	if result.Files == nil {
		result.Files = []string{}
	}
	if c.out.wanted() {
		return c.out.print(p.out, result)
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
		for _, file := range result.Files {
			fmt.Fprintln(p.out, file)
		}
	}
	switch n := len(result.Files); {
	case s.Log.Keep == 0 && s.Log.MaxSize == 0:
		p.note("nothing to remove: log.keep and log.max_size set no limit")
	case n == 0 && result.Kept == 0:
		p.note("nothing to remove: every record is within log.keep and log.max_size")
	case n == 0:
		p.note("nothing to remove")
	default:
		p.note("%s %s (%s)", verb, text.Count(n, "record", "records"), settings.Size(result.Bytes))
	}
	if result.Kept > 0 {
		p.note("%s because a notification is pending", text.Count(result.Kept, "record stays", "records stay"))
	}
	return nil
}
