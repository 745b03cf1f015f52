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
func (p *program) openLog(ctx context.Context) (*logs.Log, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return nil, err
	}
	if origin := s.Origin("home"); origin != "default" {
		if _, err := os.Stat(s.Home); err != nil {
			return nil, hint(&settings.ValueError{Origin: origin, Err: err}, "correct HOOKCTL_HOME, or set hookctl up there: hookctl setup")
		}
	}
	return logs.Look(ctx, s.Logs(nil))
}

// watchLog opens the log for a command that waits for what arrives: there must be a directory to watch.
func (p *program) watchLog(ctx context.Context) (*logs.Log, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return nil, err
	}
	return logs.Open(ctx, s.Logs(nil))
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
			return p.browseEvent(ctx, c.args[0])
		}
		return p.viewEvent(ctx, c.args[0], payload, c.out)
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
func (p *program) record(ctx context.Context, name string) (record *logs.Record, err error) {
	err = p.withLog(ctx, eventsFilter{}, func(log *logs.Log, _ logs.Filter) error {
		file, err := p.findRecord(ctx, log, name)
		if err != nil {
			return err
		}
		record, err = log.Read(ctx, file)
		return hint(err, "list the records: hookctl events list")
	})
	return record, err
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
