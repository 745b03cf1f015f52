package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
)

func newCI(p *program) *cobra.Command {
	var q logs.CIQuery
	var repos targetFlags
	cmd := p.printing(&cobra.Command{
		Use:   "ci",
		Short: "Show the state of CI by repository, branch and workflow",
		Long: `Show the state of CI by repository, branch and workflow, from the log alone: runs of workflows, checks of other apps
and commit statuses, as far as the hooks deliver workflow_run, check_run and status. What fails comes first. The states
are passing, failing, running and unknown; cancelled and skipped runs change nothing. A deleted branch is left out.

With --red, the exit code is 5 if anything fails.`,
		Example: "  hookctl ci\n  hookctl ci -R octo-org/api --branch main\n  hookctl ci --red --json --jq '.[].url'",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c call) error {
		chosen, err := repos.targets(ctx, p, nil)
		if err != nil {
			return err
		}
		for _, t := range chosen {
			q.Repositories = append(q.Repositories, t.String())
		}
		return p.showCI(ctx, c, q)
	})
	repos.addRepo(cmd)
	cmd.Flags().StringVar(&q.Branch, "branch", "", "only this `branch`")
	cmd.Flags().BoolVar(&q.Red, "red", false, "only what fails; exit with 5 if there is any")
	return cmd
}

func (p *program) showCI(ctx context.Context, c call, q logs.CIQuery) error {
	now := time.Now()
	states, err := p.stateOfCI(ctx, c.settings, q, now)
	if err != nil {
		return err
	}
	none := "no branch with runs in the log\nhint: let hooks deliver workflow_run: hookctl setup"
	if len(states) == 0 && (q.Red || q.Branch != "" || len(q.Repositories) > 0) {
		all, err := p.stateOfCI(ctx, c.settings, logs.CIQuery{}, now)
		switch known := slices.ContainsFunc(all, func(s logs.CIState) bool { return q.Branch == "" || s.Branch == q.Branch }); {
		case err != nil:
			return err
		case len(all) == 0:
		case !known:
			none = "no runs of the branch " + text.Clean(q.Branch) + "\nhint: see all branches: hookctl ci"
		case q.Red:
			none = "nothing fails"
		default:
			none = "no run matches\nhint: see all runs: hookctl ci"
		}
	}
	head := []string{"STATE", "REPOSITORY", "BRANCH", "WORKFLOW", "SINCE", "COMMIT", "FILE"}
	err = printList(p, c.out, append([]logs.CIState{}, states...), states, none, head, func(s logs.CIState) []string {
		return []string{s.State, s.Repository, s.Branch, s.Workflow, text.Span(now.Sub(s.Since)), s.SHA[:min(7, len(s.SHA))], s.File}
	})
	if err == nil && q.Red && len(states) > 0 {
		err = errRed
	}
	return err
}

func (p *program) stateOfCI(ctx context.Context, s *settings.Settings, q logs.CIQuery, now time.Time) (states []logs.CIState, err error) {
	err = withLog(ctx, s, "", func(log *logs.Log, _ logs.Filter) (err error) {
		if err = p.whole(ctx, log); err == nil {
			states, err = log.CI(ctx, q, now)
		}
		return err
	})
	return states, err
}
