package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
)

func newEventsStats(p *program) *cobra.Command {
	var f eventsFilter
	cmd := p.printing(&cobra.Command{
		Use:     "stats",
		Short:   "Count records by event, repository, sender and hour",
		Long:    "Count records by event, repository, sender and hour of the day in the local time zone.\n\n" + filterHelp,
		Example: "  hookctl events stats\n  hookctl events stats --filter 'since:7d repo:octo-org/*' --json",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c call) error {
		return p.withLog(ctx, f, func(log *logs.Log, filter logs.Filter) error {
			if err := p.whole(ctx, log); err != nil {
				return err
			}
			s, err := log.Stats(ctx, filter, time.Local)
			if err != nil {
				return err
			}
			if s.Total == 0 {
				defer p.doubt(filter)
			}
			return p.showStats(s, c.out)
		})
	})
	f.add(cmd)
	return cmd
}

// statsRows are how many rows of each kind a table shows; --json has all.
const statsRows = 10

func (p *program) showStats(s logs.Stats, out *output) error {
	var rows [][]string
	for _, group := range s.Groups() {
		for i, t := range group.Tallies {
			if i == statsRows && group.By != "hour" {
				rows = append(rows, []string{group.By, fmt.Sprintf("and %d more", len(group.Tallies)-i), "", "", ""})
				break
			}
			failed := text.Thousands(t.Failed)
			if group.By == "hour" {
				failed = ""
			}
			rows = append(rows, []string{group.By, t.Name, text.Thousands(t.Count), fmt.Sprintf("%.1f%%", s.Share(t.Count)), failed})
		}
	}
	if !out.wanted() && s.Total > 0 {
		p.note("%s from %s to %s", text.Count(s.Total, "record"), s.First.Local().Format(time.DateTime), s.Last.Local().Format(time.DateTime))
	}
	return printList(p, out, s, rows, "no record matches", []string{"BY", "NAME", "RECORDS", "SHARE", "FAILED NOTIFICATIONS"}, func(row []string) []string { return row })
}
