package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/browser"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/host"
	"hookctl/tui/line"
)

func newEvents(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "List, view, follow, wait for, replay and prune records",
		Example: "  hookctl events list --filter 'event:push since:1h'\n  hookctl events follow\n  hookctl events view latest",
		Aliases: []string{"event"},
	}
	cmd.AddCommand(newEventsList(p), newEventsView(p), newEventsFollow(p), newEventsWait(p), newEventsAck(p), newEventsReplay(p), newEventsResend(p), newEventsPrune(p), newEventsStats(p), newEventsFilters(p))
	return cmd
}

func newEventsList(p *program) *cobra.Command {
	var f eventsFilter
	var out output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List records, newest first",
		Long:  "List records, newest first.\n\n" + filterHelp,
		Example: `  hookctl events list
  hookctl events list --filter 'event:workflow_run status:failed since:24h'
  hookctl events list --json --jq '.[].file'`,
		Aliases: []string{"ls"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := f.saved(p)
			if err != nil {
				return err
			}
			return p.listEvents(cmd.Context(), f, &out)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&f.limit, "limit", "L", 30, "at most `n` records; 0 for all")
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) listEvents(ctx context.Context, f eventsFilter, out *output) (err error) {
	filter, err := f.parse()
	if err != nil {
		return err
	}
	log, err := p.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	all := p.found(ctx, log, filter, f.limit)
	if out.wanted() && out.jq == "" {
		return p.streamEntries(all)
	}
	if each, ok := elementwise(out.jq); ok {
		return p.streamJQ(all, each)
	}
	none := "no records yet\nhint: set up a hook: hookctl setup; or send a sample: hookctl test FILE"
	if f.filter != "" {
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
	progress := func(at logs.Progress) {
		if f := fileOf(p.err); f != nil && isTerminal(f) && !p.accessible && at.Total > 1000 {
			fmt.Fprintf(p.err, "\r%d of %d records searched\x1b[K", at.Done, at.Total)
			if at.Done >= at.Total {
				fmt.Fprint(p.err, "\r\x1b[K")
			}
		}
	}
	return func(yield func(logs.Entry, error) bool) {
		n := 0
		for e, err := range log.All(ctx, filter, progress) {
			if n++; !yield(e, err) || n == limit {
				return
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

// openLog opens the log of the settings for reading.
func (p *program) openLog(ctx context.Context) (*logs.Log, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return nil, err
	}
	return logs.Open(ctx, s.Logs(nil))
}

func newEventsView(p *program) *cobra.Command {
	var out output
	var payload, web bool
	cmd := &cobra.Command{
		Use:   "view FILE|GUID|latest",
		Short: "Show one record",
		Example: `  hookctl events view latest
  hookctl events view 20260101_123045_push.json --payload
  hookctl events view latest --jq .payload.head_commit.id`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if web {
				return p.browseEvent(cmd.Context(), args[0])
			}
			return p.viewEvent(cmd.Context(), args[0], payload, &out)
		},
	}
	cmd.Flags().BoolVar(&payload, "payload", false, "print only the payload, byte for byte")
	cmd.Flags().BoolVarP(&web, "web", "w", false, "open the event's page in the browser")
	addOutputFlags(cmd, &out)
	for _, flag := range []string{"json", "jq"} {
		cmd.MarkFlagsMutuallyExclusive("payload", flag)
		cmd.MarkFlagsMutuallyExclusive("web", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("payload", "web")
	return cmd
}

// record reads the record that a person calls by name, see findRecord.
func (p *program) record(ctx context.Context, name string) (record *logs.Record, err error) {
	log, err := p.openLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	file, err := findRecord(ctx, log, name)
	if err != nil {
		return nil, err
	}
	record, err = log.Read(ctx, file)
	return record, hint(err, "list the records: hookctl events list")
}

func (p *program) viewEvent(ctx context.Context, name string, payload bool, out *output) error {
	record, err := p.record(ctx, name)
	switch {
	case err != nil:
		return err
	case out.wanted():
		return out.print(p.out, record)
	case payload:
		_, err = fmt.Fprintf(shown(p.out), "%s\n", record.Payload)
		return err
	}
	encoded, err := record.Encode()
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(encoded), "", "  "); err != nil {
		return fmt.Errorf("show %s: %w", name, err)
	}
	for line := range strings.Lines(pretty.String()) {
		// Indentation is ours; the rest may hold characters that a terminal obeys.
		body := strings.TrimLeft(strings.TrimSuffix(line, "\n"), " ")
		fmt.Fprintln(p.out, line[:len(line)-len(strings.TrimLeft(line, " "))]+text.Clean(body))
	}
	return nil
}

// browseEvent opens the page that an event is about.
func (p *program) browseEvent(ctx context.Context, name string) error {
	record, err := p.record(ctx, name)
	if err != nil {
		return err
	}
	// Text from outside must not choose another program by its scheme.
	page, err := url.Parse(record.Summary.URL)
	if err != nil || page.Host == "" || page.Scheme != "https" && page.Scheme != "http" {
		return errors.New("the event has no page on the web")
	}
	p.note("opening %s", text.Clean(page.String()))
	return browser.New("", p.out, p.err).Browse(page.String())
}

// findRecord returns the file of a record as [logs.Log.Resolve] does, with what to do if none exists.
func findRecord(ctx context.Context, log *logs.Log, name string) (string, error) {
	file, err := log.Resolve(ctx, name)
	if errors.Is(err, logs.ErrEmpty) {
		return "", hint(err, "send a sample: hookctl test FILE")
	}
	return file, hint(err, "list the records: hookctl events list")
}

func newEventsFollow(p *program) *cobra.Command {
	var f eventsFilter
	var out output
	cmd := &cobra.Command{
		Use:   "follow",
		Short: "Print records as they arrive, until interrupted",
		Long:  "Print records as they arrive, until interrupted.\n\n" + filterHelp,
		Example: `  hookctl events follow
  hookctl events follow --filter event:push --json
  hookctl events follow --jq '[.event, .repository] | @tsv'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := f.saved(p)
			if err != nil {
				return err
			}
			return p.followEvents(cmd.Context(), f, &out)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&f.limit, "limit", "L", 0, "stop after `n` records; 0 for no limit")
	addOutputFlags(cmd, &out)
	return cmd
}

// followEvents prints each new record once: the log reports a record again when the outcome of its notification is known.
// An interrupt ends it without an error.
func (p *program) followEvents(ctx context.Context, f eventsFilter, out *output) (err error) {
	filter, err := f.parse()
	if err != nil {
		return err
	}
	log, err := p.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
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
			if count++; err != nil || count == f.limit {
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

func newEventsReplay(p *program) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "replay FILE|GUID|latest…",
		Short: "Route records again, as new records",
		Example: `  hookctl events replay latest
  hookctl events replay 20260101_123045_push.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.actOnRecords(cmd.Context(), "replayed", args, &out, func(c *host.Client, files []string) (int, error) {
				return c.Replay(cmd.Context(), files)
			})
		},
	}
	addOutputFlags(cmd, &out)
	return cmd
}

func newEventsResend(p *program) *cobra.Command {
	var out output
	var failed bool
	cmd := &cobra.Command{
		Use:   "resend FILE|GUID|latest…",
		Short: "Send the notifications of records again",
		Example: `  hookctl events resend latest
  hookctl events resend --failed`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !failed {
				return usage(errors.New("name records, or give --failed"))
			}
			return p.actOnRecords(cmd.Context(), "resent", args, &out, func(c *host.Client, files []string) (int, error) {
				return c.Resend(cmd.Context(), files, failed)
			})
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "resend every notification that failed for good")
	addOutputFlags(cmd, &out)
	return cmd
}

// actOnRecords has the running receiver do something to the records of the names.
func (p *program) actOnRecords(ctx context.Context, verb string, names []string, out *output, act func(*host.Client, []string) (int, error)) error {
	s, err := settings.Load(p.environ)
	if err != nil {
		return err
	}
	log, err := logs.Open(ctx, s.Logs(nil))
	if err != nil {
		return err
	}
	files := []string{}
	for _, name := range names {
		file, err := findRecord(ctx, log, name)
		if err != nil {
			return errors.Join(err, log.Close())
		}
		files = append(files, file)
	}
	if err := log.Close(); err != nil {
		return err
	}
	done, err := act(host.Dial(s.Home), files)
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, map[string]int{verb: done})
	}
	p.note("%s %d", verb, done)
	return nil
}

func newEventsPrune(p *program) *cobra.Command {
	var out output
	var dryRun, yes bool
	cmd := &cobra.Command{
		Use:     "prune",
		Short:   "Remove old records beyond log.keep and log.max_size",
		Long:    "Remove records beyond log.keep and log.max_size, oldest first. A record with a pending notification stays.",
		Example: "  hookctl events prune --dry-run\n  hookctl events prune --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.pruneEvents(cmd.Context(), dryRun, yes, &out)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be removed")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) pruneEvents(ctx context.Context, dryRun, yes bool, out *output) error {
	s, err := settings.Load(p.environ)
	if err != nil {
		return err
	}
	result, err := host.Prune(ctx, s.Home, s.Logs(nil), true)
	if err != nil {
		return err
	}
	if !dryRun && len(result.Files) > 0 {
		if err := p.confirm(ctx, yes, fmt.Sprintf("remove %d records (%s)?", len(result.Files), settings.Size(result.Bytes))); err != nil {
			return err
		}
		if result, err = host.Prune(ctx, s.Home, s.Logs(nil), false); err != nil {
			return err
		}
	}
	if result.Files == nil {
		result.Files = []string{}
	}
	if out.wanted() {
		return out.print(p.out, result)
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
		for _, file := range result.Files {
			fmt.Fprintln(p.out, file)
		}
	}
	p.note("%s %d records (%s); %d stay because a notification is pending", verb, len(result.Files), settings.Size(result.Bytes), result.Kept)
	return nil
}
