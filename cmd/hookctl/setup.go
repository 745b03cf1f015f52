package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tunnel"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/server/host"
)

// setupOptions are the flags of setup.
type setupOptions struct {
	targets            targetFlags
	request            fleet.SetupRequest
	wait               settings.Duration
	yes, dryRun, relay bool
}

func newSetup(p *program) *cobra.Command {
	o := setupOptions{wait: settings.Duration(30 * time.Second)}
	cmd := p.printing(&cobra.Command{
		Use:   "setup",
		Short: "Set up hooks and verify that a signed ping arrives",
		Long: "Set up hooks and verify that a signed ping arrives. Setup generates the secret and starts the receiver where needed,\n" +
			"shows what would change at GitHub, asks, and waits for a signed ping of each hook. Run again, it changes only what\n" +
			"differs. The exit code is 1 if a hook is not verified in time.",
		Example: `  hookctl setup -R owner/repo --url https://hooks.example.com
  hookctl setup -R owner/one -R owner/two --url https://hooks.example.com --event push --yes
  hookctl setup --owner octo-org --match 'service-*' --dry-run`,
	}, func(ctx context.Context, c call) error {
		if o.relay {
			return p.relay(ctx, c.settings, &o)
		}
		return p.setup(ctx, c, &o)
	})
	o.targets.add(cmd, true)
	cmd.Flags().Func("url", "public `URL` of the receiver; /webhook is added if it has no path", func(url string) (err error) {
		o.request.URL = url
		_, err = hooks.HookURL(url, "")
		return err
	})
	cmd.Flags().StringArrayVarP(&o.request.Events, "event", "e", nil, "subscribe to this `event`; may be repeated (default: the events of the default routes)")
	cmd.Flags().Func("path", "deliver to /webhook/`name`, signed with GITHUB_WEBHOOK_SECRET_<NAME> if .env has it", func(name string) (err error) {
		o.request.Path = name
		_, err = hooks.HookURL(demoURL, name)
		return err
	})
	cmd.Flags().BoolVar(&o.request.Inactive, "inactive", false, "create hooks that are paused")
	cmd.Flags().BoolVar(&o.request.Insecure, "insecure-ssl", false, "do not let GitHub check the receiver's certificate")
	cmd.Flags().BoolVar(&o.request.Adopt, "adopt", false, "take over hooks that were moved to another URL")
	cmd.Flags().BoolVar(&o.request.AllowUnreachable, "allow-unreachable", false, "accept a URL that GitHub cannot reach from the internet")
	cmd.Flags().Var(&o.wait, "wait", "how long to wait for each ping")
	cmd.Flags().BoolVar(&o.relay, "relay", false, "receive deliveries through GitHub's relay while this runs, for development without a public URL")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what would change")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	for _, flag := range []string{"url", "path", "inactive", "insecure-ssl", "adopt", "allow-unreachable", "wait", "dry-run", "json", "jq"} {
		cmd.MarkFlagsMutuallyExclusive("relay", flag)
	}
	return cmd
}

func (p *program) setup(ctx context.Context, c call, o *setupOptions) error {
	all, err := p.atGitHub(c.settings)
	if err != nil {
		return err
	}
	request, err := p.setupRequest(ctx, c.settings, all, o)
	if err != nil {
		return err
	}
	plan, err := all.PlanSetup(ctx, request)
	if errors.Is(err, hooks.ErrURL) || errors.Is(err, hooks.ErrNotPublic) {
		err = usage(err)
	}
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		p.note("warning: %s", text.Clean(w.Text))
	}
	if o.dryRun {
		if !c.out.wanted() {
			_, err = fmt.Fprint(p.out, plan.String())
		} else {
			err = c.out.print(p.out, plan)
		}
		if plan.Err() != nil {
			err = errors.Join(err, errReported) // The plan shows why.
		}
		return err
	}
	fmt.Fprint(p.err, plan.String())
	if plan.Changes() {
		if err := p.confirm(ctx, o.yes, "continue?"); err != nil {
			return err
		}
	}
	report, err := all.Setup(ctx, plan, p.progress)
	if report.Secret != "" {
		p.note("created a secret (%s) and stored it in %s", report.Secret, c.settings.EnvFile())
	}
	if report.Started {
		p.note("started the receiver on %s", report.Receiver.Address)
	}
	if report.Address != nil {
		p.note("warning: %s", text.Clean(report.Address.Error()))
		p.note("         GitHub may reach it anyway: the ping will show")
	}
	if report.Results == nil {
		return err
	}
	return errors.Join(p.printSetup(report, c.out), err)
}

// setupRequest gathers what setup needs, asking for what the flags and settings leave open.
func (p *program) setupRequest(ctx context.Context, s *settings.Settings, all *fleet.Fleet, o *setupOptions) (fleet.SetupRequest, error) {
	request := o.request
	request.Wait = time.Duration(o.wait)
	client, err := all.GitHub()
	if err != nil {
		return request, err
	}
	if request.Targets, err = o.targets.targets(ctx, p, client); err != nil {
		return request, err
	}
	known, err := all.Targets(ctx)
	if err != nil {
		return request, err
	}
	if len(request.Targets)+len(known) == 0 {
		name, err := p.ask(ctx, "repo", "repository (owner/repo)", currentRepository(ctx, client.Host()))
		if err != nil {
			return request, err
		}
		target, err := client.ParseTarget(name)
		if err != nil {
			return request, usage(err)
		}
		request.Targets = []hooks.Target{target}
	}
	if request.URL != "" || s.Receiver.PublicURL != "" {
		return request, nil
	}
	fallback := ""
	if p.terminal {
		fallback = p.tunnelURL(ctx, s)
	}
	request.URL, err = p.ask(ctx, "url", "public URL of the receiver", fallback)
	return request, err
}

// tunnelURL is the URL of a tunnel that leads to the receiver's port, "" where none is found.
func (p *program) tunnelURL(ctx context.Context, s *settings.Settings) string {
	tunnels, err := tunnel.Finder{}.Find(ctx, s.Receiver.Port)
	if err != nil || len(tunnels) == 0 {
		return "" // no tunnel to offer
	}
	return tunnels[0].URL
}

// progress writes one line for each step that has ended.
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

// printSetup shows the results. A hook that is not set up and verified makes the command fail; one that an interrupt left
// so makes it a cancelled one.
func (p *program) printSetup(report fleet.SetupReport, out *output) error {
	var problems error
	rows := make([][]string, len(report.Results))
	for i, r := range report.Results {
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
			p.report(r.Err)
		}
		rows[i] = []string{r.Target.String(), strconv.FormatInt(r.HookID, 10), r.URL, strings.Join(r.Events, ","), state}
	}
	if out.wanted() {
		return errors.Join(out.print(p.out, report), problems)
	}
	return errors.Join(p.table([]string{"REPOSITORY", "HOOK", "URL", "EVENTS", "STATE"}, rows), problems)
}

// chatVariable holds the URL of the chat that setup asked for.
const chatVariable = "HOOKCTL_CHAT_URL"

func isChat(sink settings.Sink) bool    { return sink.Type == "chat" }
func isMaestro(sink settings.Sink) bool { return sink.Type == "aimaestro" }

// saveNotify keeps who is notified, as setup asked for it: AI Maestro, a chat whose URL goes into .env, and notify_also. Other
// sinks stay as they are.
func (p *program) saveNotify(ctx context.Context, n fleet.Notify) error {
	s, err := p.load()
	if err != nil {
		return err
	}
	if n.Chat && n.ChatURL != "" {
		env, err := secret.OpenEnv(s.EnvFile())
		if err != nil {
			return err
		}
		env.Set(chatVariable, n.ChatURL)
		if err := env.Save(); err != nil {
			return err
		}
	}
	if err := s.Save("sinks", notified(s.Sinks, n)); err != nil {
		return err
	}
	if !slices.Equal(s.NotifyAlso, n.Also) {
		if err := s.Save("notify_also", append([]string{}, n.Also...)); err != nil {
			return err
		}
	}
	return p.reloadReceiver(ctx, s.Home)
}

// notified are the sinks with those that setup asks for changed.
func notified(sinks []settings.Sink, n fleet.Notify) []settings.Sink {
	sinks = append([]settings.Sink{}, sinks...)
	switch at := slices.IndexFunc(sinks, isMaestro); {
	case n.Sink == "":
		sinks = slices.DeleteFunc(sinks, isMaestro)
	case at >= 0:
		sinks[at].URL, sinks[at].To = n.Sink, n.Agent
	default:
		sinks = append(sinks, settings.Sink{Type: "aimaestro", URL: n.Sink, To: n.Agent, From: "hookctl"})
	}
	at := slices.IndexFunc(sinks, isChat)
	switch {
	case !n.Chat:
		return slices.DeleteFunc(sinks, isChat)
	case at < 0:
		return append(sinks, settings.Sink{Type: "chat", URLFrom: chatVariable})
	case n.ChatURL != "":
		sinks[at].URLFrom = chatVariable
	}
	return sinks
}

// relay brings deliveries of repositories to this machine until it is interrupted, for development without a public URL.
func (p *program) relay(ctx context.Context, s *settings.Settings, o *setupOptions) error {
	all, err := p.atGitHub(s)
	if err != nil {
		return err
	}
	client, err := all.GitHub()
	if err != nil {
		return err
	}
	targets, err := o.targets.targets(ctx, p, client)
	if err != nil {
		return err
	}
	failed := false
	var reporting sync.Mutex
	err = all.Relay(ctx, fleet.RelayRequest{
		Targets: targets, Events: o.request.Events, State: p.relayState,
		Handle: func(ctx context.Context, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
			return p.relayed(ctx, s, d)
		},
		Created: func(fingerprint string) {
			p.note("created a secret (%s) and stored it in %s", fingerprint, s.EnvFile())
		},
		Failed: func(_ hooks.Target, err error) {
			reporting.Lock()
			defer reporting.Unlock()
			failed = true
			reportError(p.err, err)
		},
	})
	switch {
	case errors.Is(err, fleet.ErrRelay):
		return usage(errors.New("--relay works for repositories: give -R owner/repo"))
	case failed:
		return errReported
	}
	return err
}

// relayState reports how the relay is, whenever that changes.
func (p *program) relayState(target hooks.Target, state hooks.RelayState) {
	switch {
	case state.Connected:
		p.note("relay of %s is open (hook %d); press ctrl+c to stop", target, state.HookID)
	case state.Err != nil:
		p.note("relay of %s is closed, trying again in %s: %s", target, state.Retry.Round(time.Second), text.Clean(state.Err.Error()))
	default:
		p.note("relay of %s has ended, its hook is removed", target)
	}
}

// relayed hands a delivery to the receiver and reports it.
func (p *program) relayed(ctx context.Context, s *settings.Settings, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
	answer, ingested, err := host.Dial(s.Home).Relayed(ctx, s.Store(), d)
	if err == nil && answer.Status == http.StatusOK {
		p.note("%s %s", text.Clean(d.Header.Get("X-GitHub-Event")), cmp.Or(ingested.File, "recorded before"))
	}
	return answer, err
}
