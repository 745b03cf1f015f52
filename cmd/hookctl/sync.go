package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/host"
)

func newSync(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Keep issues and boards in step with CI and merges",
		Long: "Project sync turns a CI failure into one issue with the failing lines, and a green run closes it. A merge into a branch\n" +
			"for which GitHub closes nothing closes the issues that the pull request names. A blocked issue is escalated, and a\n" +
			"board shows where each issue is. It is off until sync.mode is suggest (it plans, you apply) or act:\n" +
			"hookctl config edit.",
		Example: "  hookctl sync list\n  hookctl sync preview latest\n  hookctl sync apply 0123456789ab",
	}
	cmd.AddCommand(newSyncList(p), newSyncPreview(p), newSyncApply(p))
	return cmd
}

// tasks is project sync of the settings, for what needs no running receiver.
func (p *program) tasks(s *settings.Settings) *tasks.Sync {
	cfg := p.taskConfig(s)
	cfg.Home, cfg.Watched, cfg.Targets = s.Home, s.WatchedBranches, p.fleet(s).Targets
	if ring, err := s.Store().Ring(time.Now()); err == nil {
		cfg.Hide = ring.Redact
	}
	return tasks.New(cfg)
}

func newSyncList(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:     "list",
		Short:   "List what is open, suggested, or was closed lately",
		Long:    "List what sync keeps open, what it suggests, what keeps failing, and what was closed within 14 days.",
		Example: "  hookctl sync list\n  hookctl sync list --json --jq '.[] | select(.state == \"suggested\") | .key'",
		Aliases: []string{"ls"},
	}, func(ctx context.Context, c call) error {
		list, err := p.tasks(c.settings).List()
		if err != nil {
			return err
		}
		none := "nothing is open, suggested, or was closed lately"
		if c.settings.Sync.Mode == tasks.ModeOff {
			none = "sync is off: set sync.mode to suggest or act with hookctl config edit"
		}
		err = printList(p, c.out, list, list, none, []string{"KEY", "STATE", "REPOSITORY", "ISSUE", "SINCE", "TITLE"}, func(i tasks.Item) []string {
			issue := ""
			if i.Issue != nil {
				issue = fmt.Sprintf("#%d", *i.Issue)
			}
			return []string{i.Key, syncState(i), i.Repository, issue, text.Span(time.Since(i.Since)), i.Title}
		})
		if c.out.wanted() {
			return err
		}
		for _, i := range list {
			if i.Error != "" {
				p.note("%s fails: %s", i.Key, text.Clean(i.Error))
				if i.Hint != "" {
					p.note("hint: %s", text.Clean(i.Hint))
				}
			}
		}
		return err
	})
}

// syncState is the state of an item in a word.
func syncState(i tasks.Item) string {
	if i.Error != "" {
		return "failing"
	}
	return i.State
}

func newSyncPreview(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:     "preview FILE|GUID|latest",
		Short:   "Show what sync would do for a record",
		Long:    "Show what sync would do for a record, whatever its mode. It reads at GitHub and writes nothing.",
		Example: "  hookctl sync preview latest\n  hookctl sync preview 20260101_123045_workflow_run.json --json",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c call) error {
		record, err := p.record(ctx, c.settings, c.args[0])
		if err != nil {
			return err
		}
		actions, why, err := p.tasks(c.settings).Preview(ctx, tasks.Delivery{
			File: record.File, Event: record.EventType, Source: record.Source, ReceivedAt: record.ReceivedAt, Payload: record.Payload,
		})
		switch {
		case err != nil:
			return err
		case c.out.wanted():
			return c.out.print(p.out, actions)
		case len(actions) == 0:
			p.note("nothing to do: %s", text.Clean(why))
			return nil
		}
		return p.printActions(actions)
	})
}

// printActions prints a plan for people: each step, and what it would write, indented.
func (p *program) printActions(actions []tasks.Action) error {
	w := shown(p.out)
	for _, a := range actions {
		where := a.Repository
		if a.Issue != nil {
			where += fmt.Sprintf("#%d", *a.Issue)
		}
		if _, err := fmt.Fprintf(w, "%-8s %s  %s\n", a.Action, where, text.Clean(a.Title)); err != nil {
			return err
		}
		for l := range strings.Lines(a.Body) {
			if _, err := fmt.Fprintf(w, "         %s\n", text.Clean(strings.TrimRight(l, "\r\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}

func newSyncApply(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:     "apply KEY",
		Short:   "Do what sync suggests, or try again what failed",
		Long:    "Do what sync suggests, or try again what failed. KEY is one of hookctl sync list; its first characters are enough.",
		Example: "  hookctl sync apply 0123456789ab\n  hookctl sync apply 0123 --json",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c call) error {
		done, err := p.applySync(ctx, c.settings, c.args[0])
		switch {
		case err != nil:
			return err
		case c.out.wanted():
			return c.out.print(p.out, done)
		}
		p.note("%s", text.Clean(strings.TrimSpace(done.Text+" "+done.URL)))
		if done.Error != "" {
			return hint(fmt.Errorf("not all of it was done: %s", done.Error), done.Hint)
		}
		return nil
	})
}

// applySync carries out what sync suggested.
func (p *program) applySync(ctx context.Context, s *settings.Settings, key string) (logs.Sync, error) {
	hs, err := p.hostSettings(s)
	if err != nil {
		return logs.Sync{}, err
	}
	return host.ApplySync(ctx, s.Home, hs, p.tasks(s), key)
}
