package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/logs"
)

// eventsFilter are the flags that choose records.
type eventsFilter struct {
	filter string
	limit  int
}

func (f *eventsFilter) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.filter, "filter", "f", "", "only records that match this `filter`")
}

func (f *eventsFilter) parse() (logs.Filter, error) {
	if f.limit < 0 {
		return logs.Filter{}, usage(fmt.Errorf("--limit must not be negative: %d", f.limit))
	}
	filter, err := parseFilter(f.filter)
	var at *logs.FilterError
	if errors.As(err, &at) {
		mark := strings.Repeat(" ", len([]rune(f.filter[:min(at.Offset, len(f.filter))]))) + "^"
		return filter, hint(usage(fmt.Errorf("--filter: %w\n%s\n%s", err, f.filter, mark)), "write it like: event:push repo:octo-org/* !sender:*[bot] status:failed since:1h")
	}
	return filter, err
}

// withLog does something with the log and the records that the flags choose.
func (p *program) withLog(ctx context.Context, f eventsFilter, do func(*logs.Log, logs.Filter) error) error {
	return p.opened(ctx, p.openLog, f, do)
}

// opened is withLog for a log that open opens.
func (p *program) opened(ctx context.Context, open func(context.Context) (*logs.Log, error), f eventsFilter, do func(*logs.Log, logs.Filter) error) error {
	f, err := f.saved(p)
	if err != nil {
		return err
	}
	filter, err := f.parse()
	if err != nil {
		return err
	}
	log, err := open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(log, filter), log.Close())
}

// filterHelp explains --filter.
const filterHelp = `A filter is a list of words that must all match: free text, or field:value. In a value, * matches anything and commas
separate alternatives; ! before a word negates it. The fields are
  event action repo sender branch title conclusion result source id hook number
  type priority          of the notification
  status                 of the notification: pending, sent, failed or none
  verified               yes or no
  payload                text anywhere in the payload; slow, because it reads every file that the other words match
  since until            1h, 3d, 2026-01-31 or a whole timestamp`

func parseFilter(text string) (logs.Filter, error) { return logs.ParseFilter(text, time.Now()) }
