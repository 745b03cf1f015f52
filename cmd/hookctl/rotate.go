package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
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
	yes          bool
	out          output
}

func newRotate(p *program) *cobra.Command {
	o := rotateOptions{grace: settings.Duration(time.Hour)}
	cmd := &cobra.Command{
		Use:   "rotate [HOOK…]",
		Short: "Change the secret here and at GitHub, losing no delivery",
		Long: "Change the secret here and at GitHub, losing no delivery: the receiver accepts old and new until every hook has\n" +
			"proved the new one by a ping and the grace period is over. Killed or failed at any point, it can be resumed.\n" +
			"With --max-age a hook's age is that of the secret it signs with: the shared one, or its own. In --json the status of\n" +
			"a hook is rotated, failed, pending, or gone: deleted at GitHub meanwhile, which leaves the rotation complete.",
		Example: `  hookctl rotate --all
  hookctl rotate -R owner/repo --grace 24h
  hookctl rotate --all --max-age 90d --yes
  hookctl rotate --resume
  hookctl rotate --undo`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, text := range args {
				id, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usage(fmt.Errorf("%q is no id of a hook", text))
				}
				o.ids = append(o.ids, id)
			}
			return p.rotate(cmd.Context(), &o)
		},
	}
	o.targets.add(cmd, true)
	cmd.Flags().BoolVar(&o.all, "all", false, "every hook of this receiver")
	cmd.Flags().Var(&o.grace, "grace", "how long the old secret stays accepted")
	cmd.Flags().Var(&o.maxAge, "max-age", "leave hooks alone whose secret is younger, for a timer")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "go on with a rotation that was interrupted")
	cmd.Flags().BoolVar(&o.undo, "undo", false, "within the grace period: give every hook the old secret back")
	cmd.Flags().BoolVar(&o.finish, "finish", false, "end the rotation now: give up on failed hooks, or on the rest of the grace period")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.MarkFlagsMutuallyExclusive("resume", "undo", "finish", "all")
	for _, flag := range []string{"resume", "undo", "finish"} {
		cmd.MarkFlagsMutuallyExclusive("grace", flag) // a rotation keeps the grace period that it began with
	}
	addOutputFlags(cmd, &o.out)
	return cmd
}

func (p *program) rotate(ctx context.Context, o *rotateOptions) (err error) {
	switch chosen := o.targets.given() || len(o.ids) > 0; {
	case !o.all && !o.resume && !o.undo && !o.finish && !chosen:
		return usage(errors.New("name repositories with -R, or give --all, --resume, --undo or --finish"))
	case o.all && chosen:
		return usage(errors.New("--all is every hook of this receiver: leave it out to rotate those that are named"))
	case (o.resume || o.undo || o.finish) && (chosen || o.maxAge > 0):
		return usage(errors.New("--resume, --undo and --finish are about the rotation that there is: name no hooks, and no --max-age"))
	}
	s, client, err := p.atGitHub()
	if err != nil {
		return err
	}
	var own []hooks.Hook
	if fresh := !o.resume && !o.undo && !o.finish; fresh {
		if own, err = p.hooksToRotate(ctx, s, client, o); err != nil {
			return err
		}
		if len(own) == 0 {
			return p.nothingDue(s, o)
		}
	}
	if _, err := daemon.Dial(s.Home).Status(ctx); err != nil {
		return hint(fmt.Errorf("a rotation needs the receiver, which has to accept both secrets: %w", err), "start it with: hookctl start")
	}
	log, err := logs.Open(ctx, s.Logs(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	rotator := p.rotator(s, client, log)
	var result hooks.RotateResult
	switch {
	case o.resume:
		result, err = rotator.Resume(ctx)
	case o.undo:
		result, err = rotator.Undo(ctx)
	case o.finish:
		result, err = rotator.Finish(ctx)
	default:
		result, err = p.rotateHooks(ctx, s, client, rotator, own, o)
	}
	if err != nil && (len(result.Hooks) == 0 || !errors.Is(err, hooks.ErrUnfinished)) {
		return err
	}
	// What is not complete makes the command fail, after the table has said which hooks.
	if printed := p.printRotation(result, o); printed != nil {
		return printed
	}
	for _, h := range result.Hooks {
		if h.Cure != "" {
			p.note("hint: %s, hook %d: %s", h.Repository, h.HookID, h.Cure)
		}
	}
	if err == nil && !result.Complete {
		p.note("hint: give the others the new secret with: hookctl rotate --resume")
		return errReported
	}
	return err
}

// rotator gives hooks what it needs of the other packages.
func (p *program) rotator(s *settings.Settings, client *hooks.Client, log *logs.Log) *hooks.Rotator {
	return &hooks.Rotator{
		Client:   client,
		Store:    s.Store(),
		Accept:   acceptSecrets(daemon.Dial(s.Home)),
		Confirm:  confirmPing(log),
		Progress: p.progress,
		PerHook:  s.Secrets == "per-hook",
	}
}

// hooksToRotate are the chosen hooks of this receiver; with --max-age those of which the secret is older, perhaps none.
func (p *program) hooksToRotate(ctx context.Context, s *settings.Settings, client *hooks.Client, o *rotateOptions) ([]hooks.Hook, error) {
	list, err := p.chosenHooks(ctx, s, client, &o.targets)
	if err != nil {
		return nil, err
	}
	own, err := p.ownHooks(ctx, s, list)
	if err != nil {
		return nil, err
	}
	for _, id := range o.ids {
		if !slices.ContainsFunc(list, func(h hooks.Hook) bool { return h.ID == id }) {
			return nil, hint(fmt.Errorf("no hook %d on the repositories looked at", id), "name its repository with -R owner/repo")
		}
	}
	if len(o.ids) > 0 {
		own = slices.DeleteFunc(list, func(h hooks.Hook) bool { return !slices.Contains(o.ids, h.ID) })
	}
	if len(own) == 0 {
		return nil, hint(errors.New("no hook of this receiver is there"), "set one up with: hookctl setup")
	}
	if o.maxAge <= 0 {
		return own, nil
	}
	due, since, err := (&hooks.Rotator{Store: s.Store()}).Due(own, time.Duration(o.maxAge))
	if young := len(own) - len(due); err == nil && young > 0 {
		verdict := "these are left alone"
		if len(due) == 0 {
			verdict = "nothing to do"
		}
		p.note("the secrets of %d hooks are at most %s old, younger than %s: %s", young, ageOf(time.Since(since)), o.maxAge, verdict)
	}
	return due, err
}

// nothingDue is the outcome of a rotation for which every secret is young enough.
func (p *program) nothingDue(s *settings.Settings, o *rotateOptions) error {
	if !o.out.wanted() {
		return nil
	}
	current, _, err := s.Store().Current()
	if err != nil {
		return err
	}
	print := secret.Fingerprint(current)
	return o.out.print(p.out, newRotationReport(hooks.RotateResult{Old: print, New: print, Complete: true, Hooks: []hooks.RotateHook{}}))
}

func (p *program) rotateHooks(ctx context.Context, s *settings.Settings, client *hooks.Client, rotator *hooks.Rotator, own []hooks.Hook, o *rotateOptions) (hooks.RotateResult, error) {
	if some, err := p.onlySome(ctx, s, client, own); err != nil {
		return hooks.RotateResult{}, err
	} else if some && !rotator.PerHook {
		// A new shared secret would lock out the hooks that are not named once the grace period is over.
		rotator.PerHook = true
		p.note("other hooks share this secret, so each of the named ones gets a secret of its own")
	}
	question := fmt.Sprintf("change the secret of %d hooks? (the old one stays accepted for %s)", len(own), o.grace)
	if err := p.confirm(ctx, o.yes, question); err != nil {
		return hooks.RotateResult{}, err
	}
	return rotator.Rotate(ctx, own, time.Duration(o.grace))
}

// onlySome tells whether hooks of this receiver besides the chosen ones sign with the shared secret. Those that have
// secrets of their own do not mind a new one.
func (p *program) onlySome(ctx context.Context, s *settings.Settings, client *hooks.Client, chosen []hooks.Hook) (bool, error) {
	targets, err := p.knownTargets(ctx, s)
	if err != nil {
		return false, err
	}
	for _, h := range chosen {
		targets = append(targets, h.Target)
	}
	list, err := client.ListAll(ctx, unique(targets))
	if err != nil {
		return false, fmt.Errorf("see whether other hooks share the secret: %w", err)
	}
	all, err := p.ownHooks(ctx, s, list)
	if err != nil {
		return false, err
	}
	for _, have := range all {
		if slices.ContainsFunc(chosen, func(h hooks.Hook) bool { return h.ID == have.ID }) {
			continue
		}
		if key, err := s.Store().SecretOf(have.ID, have.URL); err != nil || key == "" {
			return true, err
		}
	}
	return false, nil
}

// rotationReport is `rotate --json`: error is null, and not left out, where a hook has none.
type rotationReport struct {
	hooks.RotateResult
	Hooks []rotatedHook `json:"hooks"`
}

type rotatedHook struct {
	hooks.RotateHook
	Error *string `json:"error"`
}

func newRotationReport(r hooks.RotateResult) rotationReport {
	report := rotationReport{RotateResult: r, Hooks: []rotatedHook{}}
	for _, h := range r.Hooks {
		row := rotatedHook{RotateHook: h}
		if h.Error != "" {
			row.Error = &h.Error
		}
		report.Hooks = append(report.Hooks, row)
	}
	return report
}

// printRotation shows the outcome, and until when it can be taken back.
func (p *program) printRotation(r hooks.RotateResult, o *rotateOptions) error {
	if o.out.wanted() {
		return o.out.print(p.out, newRotationReport(r))
	}
	rows := make([][]string, len(r.Hooks))
	for i, h := range r.Hooks {
		rows[i] = []string{h.Repository, fmt.Sprint(h.HookID), h.Status, h.Error}
	}
	if err := table(p.out, []string{"REPOSITORY", "HOOK", "STATUS", "ERROR"}, rows); err != nil {
		return err
	}
	if r.Old != "" && r.New != "" { // else hooks go from or to secrets of their own
		fmt.Fprintf(p.out, "secret %s → %s\n", r.Old, r.New)
	}
	if left := time.Until(r.Expires); r.Complete && left > 0 && !o.finish {
		p.note("the old secret is accepted until %s; until then, hookctl rotate --undo takes it back", r.Expires.Local().Format(time.DateTime))
	}
	return nil
}
