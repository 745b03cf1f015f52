package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// setupOptions are the flags of setup.
type setupOptions struct {
	targets            targetFlags
	url, path          string
	events             []string
	inactive, insecure bool
	wait               settings.Duration
	yes, dryRun, relay bool
	out                output
}

func newSetup(p *program) *cobra.Command {
	o := setupOptions{wait: settings.Duration(30 * time.Second)}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set hooks up and prove that a signed ping arrives",
		Long: "Set hooks up and prove that a signed ping arrives: secret, receiver, hook, ping, proof.\n" +
			"Running it again changes only what differs. It ends with exit code 1 where a hook is not verified in time.",
		Example: `  hookctl setup -R owner/repo --url https://hooks.example.com
  hookctl setup -R owner/one -R owner/two --url https://hooks.example.com --event push --yes
  hookctl setup --owner octo-org --match 'service-*' --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.relay {
				return p.relay(cmd.Context(), &o)
			}
			return p.setup(cmd.Context(), &o)
		},
	}
	o.targets.add(cmd, true)
	cmd.Flags().StringVar(&o.url, "url", "", "public `URL` of the receiver; /webhook is added where it has no path")
	cmd.Flags().StringArrayVarP(&o.events, "event", "e", nil, "subscribe to this `event`; may be repeated (default those of the default routes)")
	cmd.Flags().StringVar(&o.path, "path", "", "deliver to /webhook/`name`, signed with GITHUB_WEBHOOK_SECRET_<NAME> where .env has it")
	cmd.Flags().BoolVar(&o.inactive, "inactive", false, "make hooks that send nothing yet")
	cmd.Flags().BoolVar(&o.insecure, "insecure-ssl", false, "do not let GitHub check the receiver's certificate")
	cmd.Flags().Var(&o.wait, "wait", "how long to wait for each ping")
	cmd.Flags().BoolVar(&o.relay, "relay", false, "bring deliveries through GitHub's own relay while this runs: development without a public URL")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what would be created, changed and left alone")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	addOutputFlags(cmd, &o.out)
	for _, flag := range []string{"url", "path", "inactive", "insecure-ssl", "wait", "dry-run", "json", "jq"} {
		cmd.MarkFlagsMutuallyExclusive("relay", flag)
	}
	return cmd
}

func (p *program) setup(ctx context.Context, o *setupOptions) error {
	s, client, err := p.atGitHub()
	if err != nil {
		return err
	}
	request, err := p.setupRequest(ctx, s, client, o)
	if err != nil {
		return err
	}
	key, fresh, err := p.setupSecret(s)
	if err != nil {
		return err
	}
	request.Secret, request.OwnSecret = key, s.Store().HookSecret
	if value, variable, err := s.Store().PathSecret(request.URL); err != nil {
		return err
	} else if value != "" {
		request.Secret, request.Variable = value, variable
	}
	plan, err := client.PlanSetup(ctx, request)
	if err != nil {
		return err
	}
	if o.dryRun {
		if o.out.wanted() {
			return errors.Join(o.out.print(p.out, plan), planFailed(plan))
		}
		fmt.Fprint(p.out, plan.String())
		return planFailed(plan)
	}
	fmt.Fprint(p.err, plan.String())
	if changesAnything(plan) {
		if err := p.confirm(ctx, o.yes, "do this?"); err != nil {
			return err
		}
	}
	if fresh {
		if err := p.keepFresh(s, key); err != nil {
			return err
		}
	}
	status, err := p.runningReceiver(ctx, s)
	if err != nil {
		return err
	}
	if err := hooks.CheckURL(ctx, request.URL, status.Instance); err != nil {
		p.note("warning: %s", text.Clean(err.Error()))
		p.note("         GitHub may see what this machine cannot, and the ping is the proof")
	}
	results, err := p.applySetup(ctx, s, client, plan)
	if results == nil {
		return err
	}
	return errors.Join(p.printSetup(results, &o.out), err, p.rememberSetup(ctx, s, request.URL, results))
}

// setupRequest gathers what setup needs, asking for what the flags and settings leave open.
func (p *program) setupRequest(ctx context.Context, s *settings.Settings, client *hooks.Client, o *setupOptions) (hooks.SetupRequest, error) {
	request := hooks.SetupRequest{Events: o.eventsOr(s), Active: !o.inactive, InsecureSSL: o.insecure, Wait: time.Duration(o.wait)}
	targets, err := o.targets.targets(ctx, p, client)
	if err == nil && len(targets) == 0 {
		targets, err = p.knownTargets(ctx, s)
	}
	if err != nil {
		return request, err
	}
	if len(targets) == 0 {
		name, err := p.ask(ctx, "repo", "repository (owner/repo)", currentRepository(ctx, client.Host()))
		if err != nil {
			return request, err
		}
		target, err := client.ParseTarget(name)
		if err != nil {
			return request, usage(err)
		}
		targets = []hooks.Target{target}
	}
	request.Targets = targets
	address := orElse(o.url, s.Receiver.PublicURL)
	if address == "" {
		fallback := ""
		if p.terminal {
			fallback = p.tunnelURL(ctx, s)
		}
		if address, err = p.ask(ctx, "url", "public URL by which GitHub reaches the receiver", fallback); err != nil {
			return request, err
		}
	}
	if request.URL, err = hooks.HookURL(address, o.path); err != nil {
		return request, usage(err)
	}
	return request, nil
}

// eventsOr are the events of the flags, else those of the settings, else those of the default routes.
func (o *setupOptions) eventsOr(s *settings.Settings) []string {
	for _, events := range [][]string{o.events, s.Setup.Events} {
		if len(events) > 0 {
			return events
		}
	}
	return hooks.DefaultEvents()
}

// tunnelURL is the URL of a tunnel that leads to the receiver's port, "" where none is found.
func (p *program) tunnelURL(ctx context.Context, s *settings.Settings) string {
	tunnels, err := hooks.FindTunnels(ctx, s.Receiver.Port)
	if err != nil || len(tunnels) == 0 {
		return "" // Nothing found is nothing to offer.
	}
	return tunnels[0].URL
}

// setupSecret is the secret that hooks get, and whether it is new and not kept yet.
func (p *program) setupSecret(s *settings.Settings) (key string, fresh bool, err error) {
	key, _, err = s.Store().ForHooks()
	if err != nil || key != "" {
		return key, false, err
	}
	key, err = secret.Generate()
	return key, true, err
}

// keepFresh keeps a secret that was made for this setup.
func (p *program) keepFresh(s *settings.Settings, key string) error {
	if err := s.Store().SetCurrent(key); err != nil {
		return err
	}
	p.note("made a secret (%s) and kept it in %s", secret.Fingerprint(key), s.EnvFile())
	return nil
}

// runningReceiver is the receiver of this home, started where none runs, with the secrets of now.
func (p *program) runningReceiver(ctx context.Context, s *settings.Settings) (daemon.Status, error) {
	status, err := daemon.Dial(s.Home).Reload(ctx)
	if !errors.Is(err, daemon.ErrNotRunning) {
		return status, err
	}
	status, err = daemon.Start(ctx, p.daemonConfig(s))
	if err == nil {
		p.note("started the receiver on %s", status.Address)
	}
	return status, err
}

// applySetup does what the plan says, with the log as the witness of each ping. What did not work out with a target is in
// its result; the error is about what belongs to no target.
func (p *program) applySetup(ctx context.Context, s *settings.Settings, client *hooks.Client, plan hooks.SetupPlan) (results []hooks.SetupResult, err error) {
	log, err := logs.Open(ctx, s.Logs(nil))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	results, err = client.Apply(ctx, plan, confirmPing(log), p.progress)
	if errors.Is(err, hooks.ErrIncomplete) {
		err = nil
	}
	// A rotation that is not over yet has to take the new hooks along.
	var made []hooks.Hook
	for _, r := range results {
		if r.HookID != 0 {
			made = append(made, hooks.Hook{ID: r.HookID, Target: r.Target, URL: r.URL})
		}
	}
	return results, errors.Join(err, p.rotator(s, client, log).Adopt(made))
}

// progress writes one line for each step that has come to an end.
func (p *program) progress(step hooks.Step) {
	if step.State == "running" {
		return
	}
	line := fmt.Sprintf("%-7s %s: %s", step.State, step.Target, step.Name)
	if step.Target == (hooks.Target{}) {
		line = fmt.Sprintf("%-7s %s", step.State, step.Name)
	}
	if step.Detail != "" {
		line += " (" + step.Detail + ")"
	}
	if step.Err != nil && step.Detail != step.Err.Error() {
		line += ": " + step.Err.Error()
	}
	fmt.Fprintln(p.err, text.Clean(line))
}

// rememberSetup keeps in hookctl.yaml what was set up, so that later commands need no -R and no --url. A target without a
// hook is not kept: every later command would stumble over a name that was mistyped.
func (p *program) rememberSetup(ctx context.Context, s *settings.Settings, url string, results []hooks.SetupResult) error {
	names := slices.Clone(s.Setup.Repositories)
	there := false
	for _, r := range results {
		if r.HookID == 0 {
			continue
		}
		there = true
		if r.Asked != r.Target { // it was renamed
			names = slices.DeleteFunc(names, func(name string) bool { return strings.EqualFold(name, r.Asked.String()) })
		}
		if !containsFold(names, r.Target.String()) {
			names = append(names, r.Target.String())
		}
	}
	changed := false
	if there && s.Receiver.PublicURL == "" {
		if err := s.Save("receiver.public_url", hooks.BaseURL(url)); err != nil {
			return err
		}
		changed = true
	}
	if !slices.Equal(names, s.Setup.Repositories) {
		if err := s.Save("setup.repositories", names); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return nil
	}
	return p.reloadReceiver(ctx, s.Home)
}

func containsFold(list []string, want string) bool {
	for _, have := range list {
		if strings.EqualFold(have, want) {
			return true
		}
	}
	return false
}

// planFailed makes a dry run fail where a target could not be looked at, which the plan has told already.
func planFailed(plan hooks.SetupPlan) error {
	if slices.ContainsFunc(plan.Items, func(i hooks.SetupItem) bool { return i.Action == hooks.ActionFail }) {
		return errReported
	}
	return nil
}

// changesAnything tells whether a plan does more than look and ping.
func changesAnything(plan hooks.SetupPlan) bool {
	return slices.ContainsFunc(plan.Items, func(i hooks.SetupItem) bool {
		return i.Action == hooks.ActionCreate || i.Action == hooks.ActionUpdate
	})
}

// printSetup shows the results. A hook that is not set up and verified makes the command fail; one that an interrupt left
// so makes it a cancelled one.
func (p *program) printSetup(results []hooks.SetupResult, out *output) error {
	var problems error
	rows := make([][]string, len(results))
	for i, r := range results {
		state := "verified"
		if r.Err != nil {
			state = "not verified"
			if r.HookID == 0 {
				state = "failed"
			}
		}
		switch {
		case r.Err == nil:
		case errors.Is(r.Err, context.Canceled):
			problems = errCancelled
		default:
			problems = cmp.Or(problems, errReported)
			reportError(p.err, r.Err)
		}
		rows[i] = []string{r.Target.String(), strconv.FormatInt(r.HookID, 10), r.URL, strings.Join(r.Events, ","), state}
	}
	if out.wanted() {
		return errors.Join(out.print(p.out, results), problems)
	}
	return errors.Join(table(p.out, []string{"REPOSITORY", "HOOK", "URL", "EVENTS", "STATE"}, rows), problems)
}
