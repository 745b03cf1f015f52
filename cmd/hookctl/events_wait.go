package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
)

func newEventsWait(p *program) *cobra.Command {
	var filter string
	var since settings.Duration
	count := 1
	timeout := settings.Duration(30 * time.Minute)
	cmd := p.printing(&cobra.Command{
		Use:   "wait",
		Short: "Wait until matching records arrive",
		Long: "Wait until matching records arrive, and print them as events list does, oldest first. It works whether or not a receiver\n" +
			"runs. The exit code is 0 once enough have arrived, 5 if the time is up first, and 2 if interrupted.\n\n" + filterHelp,
		Example: `  hookctl events wait --filter 'type:ci_failure repo:octo-org/api'
  hookctl events wait --filter 'event:workflow_run branch:main' --since 5m --timeout 1h --json --jq '.[].file'`,
	}, func(ctx context.Context, c call) error {
		began := time.Now() // what arrives while the log is being opened counts
		if count < 1 {
			return usage(fmt.Errorf("--count must be at least 1: %d", count))
		}
		return withNews(ctx, c.settings, filter, func(log *logs.Log, chosen logs.Filter) error {
			request := logs.WaitRequest{Filter: chosen, Since: began.Add(-time.Duration(since)), Count: count}
			return p.waitForEvents(ctx, log, request, time.Duration(timeout), c.out)
		})
	})
	addFilter(cmd, &filter)
	cmd.Flags().Var(&since, "since", "also print what arrived within this time before")
	cmd.Flags().IntVar(&count, "count", count, "wait for `n` records")
	cmd.Flags().Var(&timeout, "timeout", "how long to wait; 0 for as long as it takes")
	return cmd
}

// waitForEvents prints what arrived also where that is too little.
func (p *program) waitForEvents(ctx context.Context, log *logs.Log, request logs.WaitRequest, timeout time.Duration, out *output) error {
	waiting, stop := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		waiting, stop = context.WithTimeout(ctx, timeout)
	}
	defer stop()
	result, err := log.Wait(waiting, request)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = hint(fmt.Errorf("%w: %d of %s arrived within %s", errTimeUp, len(result.Entries), text.Count(request.Count, "matching record"), settings.Duration(timeout)),
			"wait longer with --timeout, or look back with --since")
	}
	if len(result.Entries) == 0 && !out.wanted() {
		return err
	}
	return errors.Join(printList(p, out, append([]logs.Entry{}, result.Entries...), result.Entries, "", eventsHead(), eventRow), err)
}

func newEventsAck(p *program) *cobra.Command {
	var all bool
	cmd := p.printing(&cobra.Command{
		Use:   "ack FILE|GUID|latest…",
		Short: "Acknowledge records that were offered to an agent",
		Long: "Acknowledge records that hookctl mcp --channel offered to an agent, so that they are not offered again. Records that\n" +
			"were not offered can be acknowledged, too.",
		Example: "  hookctl events ack latest\n  hookctl events ack --all",
		Args:    cobra.ArbitraryArgs,
	}, func(ctx context.Context, c call) error {
		if all == (len(c.args) > 0) {
			return usage(errors.New("name records, or give --all"))
		}
		return p.acknowledge(ctx, c)
	})
	cmd.Flags().BoolVar(&all, "all", false, "acknowledge every record that was offered")
	return cmd
}

// acknowledge acknowledges the records that are named, or all that were offered.
func (p *program) acknowledge(ctx context.Context, c call) error {
	var done []logs.Offer
	err := withLog(ctx, c.settings, "", func(log *logs.Log, _ logs.Filter) error {
		files, err := p.findRecords(ctx, log, c.args)
		if err != nil {
			return err
		}
		if len(c.args) == 0 {
			open, err := log.Offers()
			if err != nil {
				return err
			}
			for _, offer := range open {
				files = append(files, offer.File)
			}
		}
		done, err = log.Acknowledge(ctx, files...)
		return hint(err, "list the records: hookctl events list")
	})
	if err != nil {
		return err
	}
	return p.said(c.out, done, "acknowledged %s", text.Count(len(done), "record"))
}

func newEventsFollow(p *program) *cobra.Command {
	var filter string
	var limit int
	cmd := p.printing(&cobra.Command{
		Use:        "follow",
		SuggestFor: []string{"watch", "tail"},
		Short:      "Print records as they arrive, until interrupted",
		Long:       "Print records as they arrive, until interrupted.\n\n" + filterHelp,
		Example: `  hookctl events follow
  hookctl events follow --filter event:push --json
  hookctl events follow --jq '[.event, .repository] | @tsv'`,
	}, func(ctx context.Context, c call) error {
		if limit < 0 {
			return usage(fmt.Errorf("--limit must not be negative: %d", limit))
		}
		return withNews(ctx, c.settings, filter, func(log *logs.Log, chosen logs.Filter) error {
			return p.followEvents(ctx, log, chosen, limit, c.out)
		})
	})
	addFilter(cmd, &filter)
	cmd.Flags().IntVarP(&limit, "limit", "L", 0, "stop after `n` records; 0 for no limit")
	return cmd
}

// followEvents prints each new record once. An interrupt ends it without an error.
func (p *program) followEvents(ctx context.Context, log *logs.Log, filter logs.Filter, limit int, out *output) error {
	request := logs.WaitRequest{Filter: filter, Since: time.Now(), Limit: cmp.Or(limit, 1000)}
	p.note("following %s; press ctrl+c to stop", log.Dir())
	for count := 0; ; {
		result, ended := log.Wait(ctx, request)
		for _, e := range result.Entries {
			var err error
			if out.wanted() {
				err = out.print(p.out, e)
			} else {
				row := eventRow(e)
				for i := range row {
					row[i] = cmp.Or(text.Clean(row[i]), "-")
				}
				_, err = fmt.Fprintln(p.out, strings.Join(row, "  "))
			}
			if count++; err != nil || count == limit {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if ended != nil {
			return ended
		}
		request.After = result.Next
	}
}
