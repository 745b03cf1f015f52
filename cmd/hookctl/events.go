package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/cli/go-gh/v2/pkg/browser"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/host"
)

func newEvents(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "List, view, compare, follow, replay and prune records",
		Example: "  hookctl events list --filter 'event:push since:1h'\n  hookctl events follow\n  hookctl events view latest",
		Aliases: []string{"event"},
	}
	cmd.AddCommand(newEventsList(p), newEventsView(p), newEventsFollow(p), newEventsWait(p), newEventsAck(p), newEventsReplay(p), newEventsResend(p), newEventsPrune(p), newEventsStats(p), newEventsDiff(p), newEventsFilters(p))
	return cmd
}

// openLog opens the log of the settings for reading. A home that somebody named has to be there.
func openLog(ctx context.Context, s *settings.Settings) (*logs.Log, error) {
	if origin := s.Origin("home"); origin != "default" {
		if _, err := os.Stat(s.Home); err != nil {
			return nil, hint(&settings.ValueError{Origin: origin, Err: err}, "correct HOOKCTL_HOME, or set hookctl up there: hookctl setup")
		}
	}
	return logs.Look(ctx, s.Logs(nil))
}

func newEventsView(p *program) *cobra.Command {
	var payload, web bool
	cmd := p.printing(&cobra.Command{
		Use:        "view FILE|GUID|latest",
		SuggestFor: []string{"show", "cat"},
		Short:      "Show one record",
		Example: `  hookctl events view latest
  hookctl events view 20260101_123045_push.json --payload
  hookctl events view latest --jq .payload.head_commit.id`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, c call) error {
		if web {
			return p.browseEvent(ctx, c)
		}
		return p.viewEvent(ctx, c, payload)
	})
	cmd.Flags().BoolVar(&payload, "payload", false, "print only the payload, byte for byte")
	cmd.Flags().BoolVarP(&web, "web", "w", false, "open the event's page in the browser")
	for _, flag := range []string{"json", "jq"} {
		cmd.MarkFlagsMutuallyExclusive("payload", flag)
		cmd.MarkFlagsMutuallyExclusive("web", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("payload", "web")
	return cmd
}

// record reads the record that a person calls by name, see findRecord.
func (p *program) record(ctx context.Context, s *settings.Settings, name string) (record *logs.Record, err error) {
	err = withLog(ctx, s, "", func(log *logs.Log, _ logs.Filter) error {
		file, err := p.findRecord(ctx, log, name)
		if err != nil {
			return err
		}
		record, err = log.Read(ctx, file)
		return hint(err, "list the records: hookctl events list")
	})
	return record, err
}

func (p *program) viewEvent(ctx context.Context, c call, payload bool) error {
	record, err := p.record(ctx, c.settings, c.args[0])
	switch {
	case err != nil:
		return err
	case c.out.wanted():
		return c.out.print(p.out, record)
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
		return fmt.Errorf("show %s: %w", c.args[0], err)
	}
	for line := range strings.Lines(pretty.String()) {
		// Indentation is ours; the rest may hold characters that a terminal obeys.
		body := strings.TrimLeft(strings.TrimSuffix(line, "\n"), " ")
		fmt.Fprintln(p.out, line[:len(line)-len(strings.TrimLeft(line, " "))]+text.Clean(body))
	}
	return nil
}

// browseEvent opens the page that an event is about.
func (p *program) browseEvent(ctx context.Context, c call) error {
	record, err := p.record(ctx, c.settings, c.args[0])
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
// It waits for an index that may yet have it.
func (p *program) findRecord(ctx context.Context, log *logs.Log, name string) (string, error) {
	file, err := log.Resolve(ctx, name)
	if errors.Is(err, logs.ErrBuilding) {
		if err := p.whole(ctx, log); err != nil {
			return "", err
		}
		file, err = log.Resolve(ctx, name)
	}
	if errors.Is(err, logs.ErrEmpty) {
		return "", hint(err, "send a sample: hookctl test --sample push.main")
	}
	return file, hint(err, "list the records: hookctl events list")
}

// findRecords is findRecord for several.
func (p *program) findRecords(ctx context.Context, log *logs.Log, names []string) ([]string, error) {
	files := []string{}
	for _, name := range names {
		file, err := p.findRecord(ctx, log, name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

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
		record, err := p.record(ctx, c.settings, name)
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
	if err := withLog(ctx, c.settings, "", func(log *logs.Log, _ logs.Filter) (err error) {
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
