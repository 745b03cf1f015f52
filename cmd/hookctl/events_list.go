package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/line"
)

func newEventsList(p *program) *cobra.Command {
	var f eventsFilter
	cmd := p.printing(&cobra.Command{
		Use:   "list",
		Short: "List records, newest first",
		Long:  "List records, newest first.\n\n" + filterHelp,
		Example: `  hookctl events list
  hookctl events list --filter 'event:workflow_run conclusion:failure since:24h'
  hookctl events list --filter status:failed      # where a notification failed
  hookctl events list --jq '.[] | [.received_at, .repository, .result] | @tsv'`,
		Aliases: []string{"ls"},
	}, func(ctx context.Context, c call) error {
		return p.withLog(ctx, f, func(log *logs.Log, filter logs.Filter) error {
			any := false
			err := p.listEvents(func(yield func(logs.Entry, error) bool) {
				for e, err := range p.found(ctx, log, filter, f.limit) {
					if any = true; !yield(e, err) {
						return
					}
				}
			}, f.filter != "", c.out)
			if !any {
				p.doubt(filter)
			}
			return err
		})
	})
	f.add(cmd)
	cmd.Flags().IntVarP(&f.limit, "limit", "L", 30, "at most `n` records; 0 for all")
	return cmd
}

// listEvents prints the records that were found.
func (p *program) listEvents(all iter.Seq2[logs.Entry, error], filtered bool, out *output) error {
	if out.wanted() && out.jq == "" {
		return p.streamEntries(all)
	}
	if each, ok := elementwise(out.jq); ok {
		return p.streamJQ(all, each)
	}
	none := "no records yet\nhint: set up a hook: hookctl setup; or send a sample: hookctl test --sample push.main"
	if filtered {
		none = "no record matches"
	}
	if _, inLines := p.out.(*line.Output); !inLines && !out.wanted() {
		return p.streamTable(all, none)
	}
	entries := []logs.Entry{}
	for e, err := range all {
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	return printList(p, out, entries, entries, none, eventsHead(), eventRow)
}

// eventsHead names the columns of eventRow in a table.
func eventsHead() []string {
	return []string{"RECEIVED", "EVENT", "REPOSITORY", "SENDER", "RESULT", "NOTIFIED", "FILE"}
}

// found are the records that a filter chooses, at most limit of them unless that is 0. How far a search in payloads is
// shows on a terminal.
func (p *program) found(ctx context.Context, log *logs.Log, filter logs.Filter, limit int) iter.Seq2[logs.Entry, error] {
	return func(yield func(logs.Entry, error) bool) {
		if limit > 0 && limit <= pageLimit && !filter.InPayloads() {
			page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: limit})
			if err != nil || len(page.Entries) == limit || !page.Building { // the newest are there first
				yieldAll(page.Entries, err, yield)
				return
			}
		}
		if err := p.whole(ctx, log); err != nil {
			yield(logs.Entry{}, err)
			return
		}
		n := 0
		for e, err := range log.All(ctx, filter, p.counter("searched")) {
			if n++; !yield(e, err) || n == limit {
				return
			}
		}
	}
}

// pageLimit is how many records are asked for at once; more come in several pages.
const pageLimit = 1000

func yieldAll(entries []logs.Entry, err error, yield func(logs.Entry, error) bool) {
	for _, e := range entries {
		if !yield(e, nil) {
			return
		}
	}
	if err != nil {
		yield(logs.Entry{}, err)
	}
}

// whole waits until the index has every record, or what is printed would lack some. How far it is shows on a terminal. Where the
// index cannot be made, what it has counts, with a warning.
func (p *program) whole(ctx context.Context, log *logs.Log) error {
	err := log.Whole(ctx, p.counter("indexed"))
	if err != nil && ctx.Err() == nil {
		p.note("warning: records may be missing: %s", text.Clean(err.Error()))
		return nil
	}
	return err
}

// counter shows on a terminal how many records were treated so far.
func (p *program) counter(treated string) func(logs.Progress) {
	return func(at logs.Progress) {
		if f := fileOf(p.err); f != nil && isTerminal(f) && !p.accessible && at.Total > 1000 {
			fmt.Fprintf(p.err, "\r%d of %d records %s\x1b[K", at.Done, at.Total, treated)
			if at.Done >= at.Total {
				fmt.Fprint(p.err, "\r\x1b[K")
			}
		}
	}
}

// eventRow is a record as a line of `events list` and `events follow`.
func eventRow(e logs.Entry) []string {
	event, notified := e.Event, ""
	if e.Action != "" {
		event += " " + e.Action
	}
	if n := e.Notification; n != nil {
		notified = n.Priority + " " + n.Status
	}
	return []string{e.ReceivedAt.Local().Format(time.DateTime), event, e.Repository, e.Sender, e.Result, notified, e.File}
}

func newEventsFollow(p *program) *cobra.Command {
	var f eventsFilter
	cmd := p.printing(&cobra.Command{
		Use:        "follow",
		SuggestFor: []string{"watch", "tail"},
		Short:      "Print records as they arrive, until interrupted",
		Long:       "Print records as they arrive, until interrupted.\n\n" + filterHelp,
		Example: `  hookctl events follow
  hookctl events follow --filter event:push --json
  hookctl events follow --jq '[.event, .repository] | @tsv'`,
	}, func(ctx context.Context, c call) error {
		return p.opened(ctx, p.watchLog, f, func(log *logs.Log, filter logs.Filter) error {
			return p.followEvents(ctx, log, filter, f.limit, c.out)
		})
	})
	f.add(cmd)
	cmd.Flags().IntVarP(&f.limit, "limit", "L", 0, "stop after `n` records; 0 for no limit")
	return cmd
}

// followEvents prints each new record once: the log reports a record again when the outcome of its notification is known.
// An interrupt ends it without an error.
func (p *program) followEvents(ctx context.Context, log *logs.Log, filter logs.Filter, limit int, out *output) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	news, err := log.Watch(watching)
	if err != nil {
		return err
	}
	p.note("following %s; press ctrl+c to stop", log.Dir())
	seen, count := newRecent(4096), 0
	for batch := range news {
		for _, e := range batch {
			if e.ReceivedAt.Before(began) || !seen.add(e.File) {
				continue
			}
			if matches, err := log.Match(ctx, filter, e); err != nil || !matches {
				if err != nil && ctx.Err() == nil {
					return err
				}
				continue
			}
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
	}
	return nil
}

// recent remembers the last names it was given, so that following for weeks needs no more memory than for a minute.
type recent struct {
	known map[string]bool
	ring  []string
	next  int
}

func newRecent(size int) *recent {
	return &recent{known: make(map[string]bool, size), ring: make([]string, size)}
}

// add reports whether the name is new.
func (r *recent) add(name string) bool {
	if r.known[name] {
		return false
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next], r.known[name] = name, true
	r.next = (r.next + 1) % len(r.ring)
	return true
}
