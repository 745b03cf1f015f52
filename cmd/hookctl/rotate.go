package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/server/host"
)

// rotateOptions are the flags of rotate.
type rotateOptions struct {
	targets      targetFlags
	all          bool
	ids          []int64
	resume, undo bool
	finish       bool
	grace        settings.Duration
	maxAge       settings.Duration
	without      []string
	yes          bool
}

func newRotate(p *program) *cobra.Command {
	o := rotateOptions{grace: settings.Duration(time.Hour)}
	cmd := p.printing(&cobra.Command{
		Use:   "rotate [HOOK…]",
		Short: "Change the secret of hooks without losing a delivery",
		Long: "Change the secret here and at GitHub without losing a delivery. The receiver accepts the old and the new secret until\n" +
			"every hook has sent a ping signed with the new one and the grace period is over. A rotation that was interrupted\n" +
			"or failed can be resumed at any point.\n\n" +
			"--max-age compares the age of the secret that a hook signs with: the shared one, or its own. In --json the status of\n" +
			"a hook is rotated, failed, pending, or gone: deleted at GitHub. A hook that is gone does not keep the rotation\n" +
			"from completing.",
		Example: `  hookctl rotate --all
  hookctl rotate -R owner/repo --grace 24h
  hookctl rotate --all --max-age 90d --yes
  hookctl rotate --resume
  hookctl rotate --undo`,
		Args: cobra.ArbitraryArgs,
	}, func(ctx context.Context, c call) (err error) {
		if o.ids, err = hookIDs(c.args); err != nil {
			return err
		}
		return p.rotate(ctx, c, &o)
	})
	o.targets.add(cmd, true)
	cmd.Flags().BoolVar(&o.all, "all", false, "every hook of this receiver")
	cmd.Flags().Var(&o.grace, "grace", "how long the old secret is still accepted")
	cmd.Flags().Var(&o.maxAge, "max-age", "skip hooks whose secret is younger than this")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "continue a rotation that was interrupted")
	cmd.Flags().BoolVar(&o.undo, "undo", false, "give every hook its old secret back; only within the grace period")
	cmd.Flags().BoolVar(&o.finish, "finish", false, "end the rotation now: drop failed hooks and the rest of the grace period")
	cmd.Flags().StringSliceVar(&o.without, "without", nil, "in a cluster: do not wait for these `nodes`, which are away")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.MarkFlagsMutuallyExclusive("resume", "undo", "finish", "all")
	for _, flag := range []string{"resume", "undo", "finish"} {
		cmd.MarkFlagsMutuallyExclusive("grace", flag) // a rotation keeps the grace period that it began with
	}
	return cmd
}

func (p *program) rotate(ctx context.Context, c call, o *rotateOptions) error {
	switch chosen := o.targets.given() || len(o.ids) > 0; {
	case !o.all && !o.resume && !o.undo && !o.finish && !chosen:
		return usage(errors.New("give -R, --all, --resume, --undo or --finish"))
	case o.all && chosen:
		return usage(errors.New("--all means every hook of this receiver: leave it out to rotate only the given ones"))
	case (o.resume || o.undo || o.finish) && (chosen || o.maxAge > 0):
		return usage(errors.New("--resume, --undo and --finish work on the current rotation: give no hooks and no --max-age"))
	}
	all, err := p.atGitHub(c.settings)
	if err != nil {
		return errors.Join(nothingToRotate(ctx, all, o), err)
	}
	var plan fleet.RotatePlan
	turn := func() (fleet.RotateReport, error) { return all.Rotate(ctx, plan, p.progress) }
	switch {
	case o.resume:
		turn = func() (fleet.RotateReport, error) { return all.Resume(ctx, p.progress) }
	case o.undo:
		turn = func() (fleet.RotateReport, error) { return all.Undo(ctx, p.progress) }
	case o.finish:
		turn = func() (fleet.RotateReport, error) { return all.Finish(ctx, p.progress) }
	default:
		if plan, err = p.planRotation(ctx, all, o); err != nil {
			return err
		}
	}
	idle := len(plan.Hooks) == 0 && plan.Young > 0
	if idle && !c.out.wanted() {
		return p.reportAside(plan.Aside)
	}
	for _, node := range o.without {
		if idle {
			break // nothing waits for it
		}
		if err := host.Dial(c.settings.Home).LeaveOut(ctx, node); err != nil {
			return err
		}
	}
	report, err := turn()
	if err != nil && len(report.Hooks) == 0 {
		return err
	}
	return errors.Join(p.printRotation(report, o.finish, c.out), p.reportAside(report.Aside), err)
}

// nothingToRotate says that there is nothing to rotate, nor to continue, for any login. It is nil where there is, and where that is
// not known.
func nothingToRotate(ctx context.Context, all *fleet.Fleet, o *rotateOptions) error {
	if o.targets.given() || len(o.ids) > 0 || all == nil {
		return nil
	}
	if o.all {
		if known, err := all.Targets(ctx); err == nil && len(known) == 0 {
			return hint(errors.New("no repository is set up"), "hookctl setup -R owner/repo")
		}
		return nil
	}
	if r, err := all.Rotation(); err == nil && r.State == nil && len(r.Aside) == 0 {
		return hint(hooks.ErrNoRotation, "start one: hookctl rotate --all")
	}
	return nil
}

// planRotation shows what would change, and asks.
func (p *program) planRotation(ctx context.Context, all *fleet.Fleet, o *rotateOptions) (fleet.RotatePlan, error) {
	request := fleet.RotateRequest{IDs: o.ids, Grace: time.Duration(o.grace), MaxAge: time.Duration(o.maxAge)}
	if o.grace == 0 {
		request.Grace = -1 // none
	}
	var err error
	if request.Targets, err = p.chosenTargets(ctx, all, &o.targets); err != nil {
		return fleet.RotatePlan{}, err
	}
	plan, err := all.PlanRotation(ctx, request)
	if err != nil {
		return plan, err
	}
	if plan.Young > 0 {
		verdict := "skipped"
		if len(plan.Hooks) == 0 {
			verdict = "nothing to do"
		}
		p.note("the secrets of %d hooks are at most %s old, younger than %s: %s", plan.Young, text.Span(time.Since(plan.Since)), o.maxAge, verdict)
	}
	switch {
	case plan.Resume:
		p.note("resuming the rotation that is under way")
		return plan, nil
	case len(plan.Hooks) == 0:
		return plan, nil
	case plan.Shared:
		p.note("other hooks share this secret, so each of the given hooks gets a secret of its own")
	}
	question := fmt.Sprintf("change the secret of %d hooks", len(plan.Hooks))
	if len(o.without) > 0 {
		question += " without node " + text.Clean(strings.Join(o.without, ", "))
	}
	return plan, p.confirm(ctx, o.yes, fmt.Sprintf("%s? (the old one is accepted for another %s)", question, o.grace))
}

// reportAside reports what was left out while the rest was done, which makes the command fail.
func (p *program) reportAside(list []fleet.Aside) error {
	for _, a := range list {
		what := a.Target.String()
		if a.HookID != 0 {
			what += fmt.Sprintf(", hook %d", a.HookID)
		}
		p.note("error: set aside %s: %s", text.Clean(what), text.Clean(a.Err.Error()))
		if cure := a.Cure(); cure != "" {
			p.note("hint: %s", text.Clean(cure))
		}
	}
	if len(list) > 0 {
		return errReported
	}
	return nil
}

// printRotation shows the outcome, and until when it can be undone. What is not complete makes the command fail.
func (p *program) printRotation(r fleet.RotateReport, finish bool, out *output) error {
	if out.wanted() {
		if err := out.print(p.out, r); err != nil {
			return err
		}
	} else {
		rows := make([][]string, len(r.Hooks))
		for i, h := range r.Hooks {
			rows[i] = []string{h.Repository, fmt.Sprint(h.HookID), h.Status, h.Error}
		}
		if err := p.table([]string{"REPOSITORY", "HOOK", "STATUS", "ERROR"}, rows); err != nil {
			return err
		}
		if r.Old != "" && r.New != "" { // else hooks go from or to secrets of their own
			fmt.Fprintf(p.out, "secret %s → %s\n", r.Old, r.New)
		}
		if left := time.Until(r.Expires); r.Complete && left > 0 && !finish {
			p.note("the old secret is accepted until %s; until then you can go back: hookctl rotate --undo", r.Expires.Local().Format(time.DateTime))
		}
	}
	for _, h := range r.Hooks {
		if h.Cure != "" && h.Status != secret.StepAside { // those are reported with what is set aside
			p.note("hint: %s, hook %d: %s", h.Repository, h.HookID, h.Cure)
		}
	}
	if r.Complete {
		return nil
	}
	if r.Next != "" {
		p.note("hint: finish the rotation: %s", r.Next)
	}
	return errReported
}
