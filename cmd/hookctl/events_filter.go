package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sahilm/fuzzy"
	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
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

// doubt gives hints about a filter that matched nothing: on its values that no record can have.
func (p *program) doubt(filter logs.Filter) {
	events := eventNames()
	for word := range strings.FieldsSeq(filter.String()) {
		field, list, _ := strings.Cut(word, ":")
		for value := range strings.SplitSeq(list, ",") {
			switch {
			case strings.ContainsAny(value, `*"`) || value == "":
			case field == "repo" && !strings.Contains(value, "/"):
				p.note("hint: for every repository of an owner: repo:%s/*", text.Clean(value))
			case field == "event" && !slices.ContainsFunc(events, func(e logs.Completion) bool { return e.Text == strings.ToLower(value) }):
				cure := "list the events: hookctl hooks events"
				if near := fuzzy.FindFrom(value, names(events)); len(near) > 0 {
					cure = "did you mean: event:" + near[0].Str
				}
				p.note("hint: GitHub has no event %s; %s", text.Clean(value), cure)
			}
		}
	}
}

// names are those of a list of completions, to search in.
type names []logs.Completion

func (n names) String(i int) string { return n[i].Text }
func (n names) Len() int            { return len(n) }

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

func parseFilter(filter string) (logs.Filter, error) { return logs.ParseFilter(filter, time.Now()) }
