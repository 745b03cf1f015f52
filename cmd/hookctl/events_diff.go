package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
)

func newEventsDiff(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:   "diff FILE|GUID|latest FILE|GUID|latest",
		Short: "Compare two records",
		Long: "Compare two records: payload, headers, result and notifications. Delivery ids, times and signatures always differ and\n" +
			"are left out. Objects of a list that have an id are compared with the one of the same id. With --json each change has\n" +
			"the keys path, old and new; what a record lacks has no key.",
		Example: `  hookctl events diff 20260101_123045_push.json latest
  hookctl events diff 20260101_123045_push.json latest --jq '.[].path'`,
		Args: cobra.ExactArgs(2),
	}, p.diffEvents)
}

func (p *program) diffEvents(ctx context.Context, c call) error {
	var records [2]*logs.Record
	for i, name := range c.args {
		record, err := p.record(ctx, name)
		if err != nil {
			return err
		}
		records[i] = record
	}
	changes, err := logs.Diff(records[0], records[1])
	switch {
	case err != nil:
		return err
	case c.out.wanted():
		return c.out.print(p.out, append([]logs.Change{}, changes...))
	case len(changes) == 0:
		p.note("the records are the same")
		return nil
	}
	for _, change := range changes {
		fmt.Fprintln(p.out, text.Clean(change.Path))
		for _, side := range []struct {
			sign  string
			value json.RawMessage
		}{{"-", change.Old}, {"+", change.New}} {
			if side.value != nil {
				fmt.Fprintf(p.out, "  %s %s\n", side.sign, text.Clean(string(side.value)))
			}
		}
	}
	return nil
}
