package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/line"
)

func newEventsList(p *program) *cobra.Command {
	var filter string
	var limit int
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
		if limit < 0 {
			return usage(fmt.Errorf("--limit must not be negative: %d", limit))
		}
		return withLog(ctx, c.settings, filter, func(log *logs.Log, chosen logs.Filter) error {
			any := false
			err := p.listEvents(func(yield func(logs.Entry, error) bool) {
				for e, err := range p.found(ctx, log, chosen, limit) {
					if any = true; !yield(e, err) {
						return
					}
				}
			}, filter != "", c.out)
			if !any {
				p.doubt(chosen)
			}
			return err
		})
	})
	addFilter(cmd, &filter)
	cmd.Flags().IntVarP(&limit, "limit", "L", 30, "at most `n` records; 0 for all")
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

// streamTable prints a table of entries as they come, in memory for a few. The first thousand say how wide its columns are.
func (p *program) streamTable(all iter.Seq2[logs.Entry, error], none string) error {
	const piece = 1000
	var columns layout
	printed := false
	rows := make([][]string, 0, piece+1)
	flush := func() error {
		if !printed {
			columns, rows = layOut(terminalWidth(p.out), eventsHead(), rows), slices.Insert(rows, 0, eventsHead())
		}
		err := columns.print(p.out, rows)
		printed, rows = true, rows[:0]
		return err
	}
	for e, err := range all {
		if err != nil {
			return err
		}
		if rows = append(rows, eventRow(e)); len(rows) == piece {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if !printed && len(rows) == 0 {
		p.note("%s", none)
		return nil
	}
	err := flush()
	p.noteLeftOut(columns)
	return err
}

// streamEntries prints a JSON array of entries as they come, in memory for a few.
func (p *program) streamEntries(all iter.Seq2[logs.Entry, error]) error {
	lead := "["
	return p.stream(all, func(buf *bytes.Buffer, entry []byte) (bool, error) {
		buf.WriteString(lead)
		buf.Write(entry)
		lead = ","
		return false, nil
	}, func(buf *bytes.Buffer) {
		if lead == "[" {
			buf.WriteString(lead)
		}
		buf.WriteString("]\n")
	})
}

// streamJQ prints what each makes of the entries as they come, in memory for a few.
func (p *program) streamJQ(all iter.Seq2[logs.Entry, error], each *gojq.Code) error {
	return p.stream(all, func(buf *bytes.Buffer, entry []byte) (bool, error) { return printJQ(buf, each, entry) }, func(*bytes.Buffer) {})
}

// stream prints what add makes of the JSON of each entry until it says that this is all, and then end.
func (p *program) stream(all iter.Seq2[logs.Entry, error], add func(*bytes.Buffer, []byte) (bool, error), end func(*bytes.Buffer)) error {
	w := shown(p.out)
	var buf, entry bytes.Buffer // characters must not be split between two writes
	encoder := json.NewEncoder(&entry)
	encoder.SetEscapeHTML(false)
	for e, err := range all {
		if err != nil {
			return err
		}
		entry.Reset()
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		halted, err := add(&buf, bytes.TrimSuffix(entry.Bytes(), []byte("\n")))
		if err == nil && !halted && buf.Len() <= 64<<10 {
			continue
		}
		if _, werr := w.Write(buf.Bytes()); halted || err != nil || werr != nil {
			return cmp.Or(werr, err)
		}
		buf.Reset()
	}
	end(&buf)
	_, err := w.Write(buf.Bytes())
	return err
}

// elementwise returns what an expression over an array does with each of its elements: "." of ".[]", ".file" of ".[].file",
// "select(.x) | .y" of ".[] | select(.x) | .y". ok is false for an expression that needs the array as a whole.
func elementwise(expression string) (each *gojq.Code, ok bool) {
	query, err := gojq.Parse(expression)
	if err != nil {
		return nil, false
	}
	first := query
	if query.Op == gojq.OpPipe && query.Patterns == nil { // With a pattern, what follows sees the array.
		first = query.Left
	}
	if t := first.Term; t == nil || t.Type != gojq.TermTypeIdentity || len(t.SuffixList) == 0 || !t.SuffixList[0].Iter {
		return nil, false
	}
	first.Term.SuffixList = first.Term.SuffixList[1:]
	each, err = gojq.Compile(query)
	return each, err == nil
}
