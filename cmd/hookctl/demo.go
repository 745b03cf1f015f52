package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

const (
	demoURL   = "https://hooks.example.com/webhook"
	demoAgent = "orchestrator-amoa"
	// demoVariable is set for everything that the demo starts: its public address is a simulated one.
	demoVariable = "HOOKCTL_DEMO"
)

func newDemo(p *program) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try hookctl on a simulated GitHub, without an account",
		Long: "Try hookctl without an account: a temporary home, a simulated GitHub that really signs and sends, a real receiver and\n" +
			"sample traffic, with a notification that fails and a delivery that does not arrive. On a terminal it opens the\n" +
			"interface; elsewhere it prints each step, and exits with 1 if a count is wrong. It leaves your own settings, log and\n" +
			"hooks alone, and removes everything at the end.",
		Example: "  hookctl demo\n  hookctl demo | cat\n  hookctl demo --records 100000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.demo(cmd.Context(), o)
		},
	}
	cmd.Flags().IntVar(&o.records, "records", 0, "start with `n` older records in the log")
	cmd.Flags().BoolVar(&o.story, "story", false, "print the steps on a terminal too")
	cmd.Flags().BoolVar(&o.empty, "empty", false, "start with nothing set up: the interface opens its wizard")
	cmd.MarkFlagsMutuallyExclusive("story", "empty")
	return cmd
}

// demoOptions are the flags of demo.
type demoOptions struct {
	records      int
	story, empty bool
}

// demo is a small world: a home, a GitHub, an AI Maestro and a receiver, all of them real processes or servers on
// this machine and none of them the user's own.
type demo struct {
	p        *program
	dir      string
	settings *settings.Settings
	github   *githubtest.Server
	maestro  *githubtest.Maestro
	team     *team
	way      *way
	repos    []string
	past     int       // records that the log began with
	began    time.Time // when they end
}

func (p *program) demo(ctx context.Context, o demoOptions) (err error) {
	if o.records < 0 {
		return usage(fmt.Errorf("--records must not be negative: %d", o.records))
	}
	if o.empty && !p.terminal {
		return usage(errors.New("--empty opens the wizard, which needs a terminal"))
	}
	// A terminal that is closed, or a reader that has seen enough, ends the demo as ctrl+c does, with everything cleaned up.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	d := &demo{p: p, repos: []string{"octo-org/widgets", "octo-org/gadgets"}, past: o.records, began: time.Now().Truncate(time.Second)}
	defer func() {
		err = errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}()
	if err := d.open(ctx, o); err != nil {
		return err
	}
	if p.terminal && !o.story {
		return d.show(ctx, o)
	}
	return d.printStory(ctx)
}

// open builds the world. It works through the environment, so that the receiver's process, gh and every other part of
// the program find it as they would find the real one.
func (d *demo) open(ctx context.Context, o demoOptions) (err error) {
	// Short, because a socket's path must be; MkdirTemp makes it ours alone.
	if d.dir, err = os.MkdirTemp("", "hookctl-demo-"); err != nil {
		return fmt.Errorf("create a temporary home: %w", err)
	}
	home := filepath.Join(d.dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return fmt.Errorf("create a temporary home: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	d.way = &way{home: home}
	d.github = githubtest.New(githubtest.Options{Resolve: func(string) string { return d.way.resolve(ctx) }})
	for _, repo := range d.repos {
		d.github.AddRepository(repo, githubtest.Repository{})
	}
	d.github.AddRepository("octo-org/docs", githubtest.Repository{})
	if err := d.github.Start(filepath.Join(d.dir, "github.sock")); err != nil {
		return err
	}
	ghConfig := filepath.Join(d.dir, "gh")
	if err := d.github.WriteGHConfig(ghConfig); err != nil {
		return err
	}
	d.maestro = githubtest.NewMaestro(demoAgent)
	maestroURL, err := d.maestro.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	if d.team, err = startTeam(ctx); err != nil {
		return err
	}
	for _, v := range settings.Variables() {
		if err := os.Unsetenv(v.Name); err != nil {
			return err
		}
	}
	environment := append(d.github.Environ(ghConfig), "HOOKCTL_HOME="+home, "GITHUB_WEBHOOK_SECRET=", demoVariable+"=1")
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	file := fmt.Sprintf("receiver: {port: %d, public_url: %q}\ncoalesce: 2s\nsync: {mode: act, ci: {logs: excerpt}}\nsinks:\n  - {type: aimaestro, url: %q, to: %s}\n  - {type: http, name: team, url: %q}\n",
		port, "https://hooks.example.com", maestroURL, demoAgent, d.team.url)
	if err := os.WriteFile(filepath.Join(home, "hookctl.yaml"), []byte(file), 0o600); err != nil {
		return fmt.Errorf("write the demo's settings: %w", err)
	}
	if d.settings, err = d.p.load(); err != nil {
		return err
	}
	if o.records == 0 {
		return nil
	}
	d.p.note("writing %d records…", o.records)
	return logs.Generate(ctx, d.settings.Log.Dir, o.records, d.began, 30*24*time.Hour, 1, nil)
}

// freePort is a port that was free a moment ago. The receiver binds it soon after; port 0 would give it another one
// at every restart, and the simulated GitHub has to know where to send to. It is below the range from which systems
// take ports for outgoing connections, so that none of those gets it in between, and above the ports where cloudflared (20241 to
// 20245) and AI Maestro (23000) are looked for: a receiver there would refuse the questions meant for them.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	var problem error
	for range 50 {
		port := 24000 + rand.IntN(8000) //nolint:gosec // Any port will do.
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		problem = err
	}
	return 0, fmt.Errorf("find a free port: %w", problem)
}

// close ends everything that open and the demo began, whatever came of it.
func (d *demo) close(ctx context.Context) error {
	var problems []error
	if d.settings != nil {
		if err := daemon.Stop(ctx, d.p.daemonConfig(d.settings)); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
			problems = append(problems, err)
		}
	}
	if d.github != nil {
		d.github.Close()
	}
	if d.maestro != nil {
		d.maestro.Close()
	}
	if d.team != nil {
		problems = append(problems, d.team.close())
	}
	if d.dir != "" {
		problems = append(problems, os.RemoveAll(d.dir))
	}
	return errors.Join(problems...)
}

// setUp does what `setup` does for the demo's repositories.
func (d *demo) setUp(ctx context.Context, progress func(hooks.Step)) ([]hooks.SetupResult, error) {
	all := d.p.fleet(d.settings)
	request := fleet.SetupRequest{URL: demoURL, Wait: time.Minute}
	for _, repo := range d.repos {
		target, err := hooks.ParseTarget(repo)
		if err != nil {
			return nil, err
		}
		request.Targets = append(request.Targets, target)
	}
	plan, err := all.PlanSetup(ctx, request)
	if err != nil {
		return nil, err
	}
	report, err := all.Setup(ctx, plan, progress)
	for _, r := range report.Results {
		err = errors.Join(err, r.Err)
	}
	return report.Results, err
}

// show opens the interface on the demo's world, with a delivery every second or two.
func (d *demo) show(ctx context.Context, o demoOptions) error {
	if !o.empty {
		d.p.note("setting the demo up…")
		if _, err := d.setUp(ctx, nil); err != nil {
			return err
		}
		if _, err := d.fail(ctx, d.repos[0]); err != nil {
			return err
		}
		if _, err := d.miss(ctx, d.repos[1]); err != nil {
			return err
		}
		// The hook works again, so that only what was missed is left to look at.
		if _, err := d.github.Deliver(ctx, d.repos[1], "push", githubtest.SampleFor("push.main", d.repos[1])); err != nil {
			return err
		}
	}
	// In line mode ctrl+c ends what is under way, and not the traffic: that ends with the interface.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var senders sync.WaitGroup
	senders.Go(func() { d.sendNowAndThen(sending) })
	err := d.p.openFace(ctx)
	stop()
	senders.Wait()
	return err
}

// sendNowAndThen sends one sample after the other to the repositories in turn until ctx ends. What is refused because
// the receiver was stopped in the interface is part of the show.
func (d *demo) sendNowAndThen(ctx context.Context) {
	// Text that attacks a terminal or an agent would only puzzle who looks on, and a main branch that is deleted takes its runs along.
	samples := slices.DeleteFunc(githubtest.SampleIndex(), func(s githubtest.SampleInfo) bool {
		return strings.Contains(s.Name, "hostile") || s.Name == "push.deleted"
	})
	for i := 0; ; i++ {
		timer := time.NewTimer(time.Duration(700+rand.IntN(1500)) * time.Millisecond) //nolint:gosec // Chance for a show.
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		sample := samples[rand.IntN(len(samples))] //nolint:gosec // Chance for a show.
		repo := d.repos[i%len(d.repos)]
		if _, err := d.github.Deliver(ctx, repo, sample.Event, githubtest.SampleFor(sample.Name, repo)); err != nil {
			return
		}
	}
}
