package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
)

func newEventsStats(p *program) *cobra.Command {
	var f eventsFilter
	var out output
	cmd := &cobra.Command{
		Use:     "stats",
		Short:   "Count records by event, repository, sender and hour",
		Long:    "Count records by event, repository, sender and hour of the day in the local time zone.\n\n" + filterHelp,
		Example: "  hookctl events stats\n  hookctl events stats --filter 'since:7d repo:octo-org/*' --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := f.saved(p)
			if err != nil {
				return err
			}
			return p.showStats(cmd.Context(), f, &out)
		},
	}
	f.add(cmd)
	addOutputFlags(cmd, &out)
	return cmd
}

// statsRows are how many rows of each kind a table shows; --json has all.
const statsRows = 10

func (p *program) showStats(ctx context.Context, f eventsFilter, out *output) (err error) {
	filter, err := f.parse()
	if err != nil {
		return err
	}
	log, err := p.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s, err := log.Stats(ctx, filter, time.Local)
	if err != nil {
		return err
	}
	var rows [][]string
	add := func(by, name string, count, failed int) {
		rows = append(rows, []string{by, name, text.Thousands(count), fmt.Sprintf("%.1f %%", 100*float64(count)/float64(s.Total)), text.Thousands(failed)})
	}
	for _, part := range []struct {
		by   string
		list []logs.Tally
	}{{"event", s.Events}, {"repository", s.Repositories}, {"sender", s.Senders}} {
		for i, t := range part.list {
			if i == statsRows {
				rows = append(rows, []string{part.by, fmt.Sprintf("and %d more", len(part.list)-i), "", "", ""})
				break
			}
			add(part.by, t.Name, t.Count, t.Failed)
		}
	}
	for h, n := range s.Hours {
		if n > 0 {
			rows = append(rows, []string{"hour", fmt.Sprintf("%02d:00", h), text.Thousands(n), fmt.Sprintf("%.1f %%", 100*float64(n)/float64(s.Total)), ""})
		}
	}
	if !out.wanted() && s.Total > 0 {
		p.note("%s from %s to %s", text.Count(s.Total, "record"), s.First.Local().Format(time.DateTime), s.Last.Local().Format(time.DateTime))
	}
	return printList(p, out, s, rows, "no record matches", []string{"BY", "NAME", "RECORDS", "SHARE", "FAILED"}, func(row []string) []string { return row })
}
