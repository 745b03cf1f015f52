package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/host"
)

func newStart(p *program) *cobra.Command {
	return p.receiverCommand(&cobra.Command{
		Use:   "start",
		Short: "Start the receiver in the background",
		Long: "Start the receiver in the background and wait until it answers.\n\n" +
			"Flags override the settings for this receiver only: restart keeps them, the next start does not. To change a setting\n" +
			"permanently, use hookctl config edit.",
		Example: "  hookctl start\n  hookctl start --port 9100",
	}, daemon.Start)
}

func newRestart(p *program) *cobra.Command {
	return p.receiverCommand(&cobra.Command{
		Use:   "restart",
		Short: "Restart the receiver without refusing a delivery",
		Long: "Replace the running receiver with this program. The new receiver takes over the listening socket, so no delivery is\n" +
			"refused. If it cannot start, the old one keeps running. Windows cannot hand over a socket: there the old receiver\n" +
			"stops first, and catchup fetches the deliveries that are refused in between.\n\n" +
			"The new receiver keeps the flags of the old one. A flag given here replaces the old one and is kept, too. To return\n" +
			"to the settings alone, use hookctl stop, then hookctl start.\n\n" +
			"A receiver that systemd, launchd, PM2 or supervisord runs is restarted through them; for one in a container,\n" +
			"restart shows the command to use.",
		Example: "  hookctl restart\n  hookctl restart --port 9100",
	}, daemon.Restart)
}

// receiverCommand makes cmd start or restart the receiver, as begin does.
func (p *program) receiverCommand(cmd *cobra.Command, begin func(context.Context, daemon.Config) (daemon.Status, error)) *cobra.Command {
	var out output
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return p.startReceiver(cmd, &out, begin) }
	addReceiverFlags(cmd)
	return addOutputFlags(cmd, &out)
}

// startReceiver starts or restarts, whichever begin does, and shows the new receiver.
func (p *program) startReceiver(cmd *cobra.Command, out *output, begin func(context.Context, daemon.Config) (daemon.Status, error)) error {
	ctx := cmd.Context()
	overrides, err := overrides(cmd)
	if err != nil {
		return err
	}
	s, err := settings.Load(p.environ, overrides...)
	if err != nil {
		return err
	}
	var args []string
	for _, o := range overrides {
		args = append(args, "--"+o.Flag, o.Value)
	}
	switch debug := cmd.Flags().Lookup("debug"); {
	case debug.Value.String() == "true":
		args = append(args, "--debug")
	case debug.Changed:
		args = append(args, "--debug=false") // overrides a --debug that restart would keep
	}
	status, err := begin(ctx, p.daemonConfig(s, args...))
	tunnel, given := doctor.StartedWith(status, "--tunnel") // a restart may have kept the flag
	if !given {
		tunnel = s.Receiver.Tunnel
	}
	if err == nil && tunnel != "off" {
		if err = host.Dial(s.Home).AwaitTunnel(ctx); err == nil {
			status, err = daemon.Dial(s.Home).Status(ctx)
		}
	}
	if err != nil {
		return err
	}
	config, err := p.stateConfig()
	if err != nil {
		return err
	}
	return p.printStatus(config, doctor.StateOf(config, status), nil, out)
}

func newStop(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop the receiver once it has handled what it accepted",
		Long: "Stop the receiver once it has handled the deliveries that it accepted.\n\n" +
			"A receiver that systemd, launchd, PM2 or supervisord runs is stopped through them, because they would start it\n" +
			"again; for one in a container, stop shows the command to use.",
		Example: "  hookctl stop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.defaults() // Stopping works although a setting is wrong.
			if err != nil {
				return err
			}
			err = daemon.Stop(cmd.Context(), p.daemonConfig(s))
			if errors.Is(err, daemon.ErrNotRunning) {
				p.note("the receiver is not running")
				return nil
			}
			if err == nil {
				p.note("the receiver has stopped")
			}
			return err
		},
	}
}

func newStatus(p *program) *cobra.Command {
	return p.printingAnyway(&cobra.Command{
		Use:     "status",
		Short:   "Show whether the receiver runs and what it received",
		Long:    "Show whether the receiver runs and what it received. The exit code is 3 if it does not run, except with --json or --jq.",
		Example: "  hookctl status\n  hookctl status --json --jq .running",
	}, func(ctx context.Context, c call) error {
		config, status, asked, err := p.receiverState(ctx)
		if err == nil {
			err = p.printStatus(config, status, asked, c.out)
		}
		if err == nil && !status.Running && !c.out.wanted() {
			err = errStopped
		}
		return err
	})
}

// receiverState asks the running receiver. Where none exists it says what can be known without, and asked is why it did not
// answer. A receiver that runs is shown although a setting is wrong.
func (p *program) receiverState(ctx context.Context) (config doctor.Config, state doctor.State, asked, err error) {
	config, wrong := p.stateConfig()
	state, asked, err = doctor.ReadState(ctx, config)
	if wrong != nil && !state.Running {
		err = wrong
	}
	var silent *daemon.UnresponsiveError
	if err == nil && state.Running && errors.As(asked, &silent) {
		p.note("hint: %s", silent.Hint())
	}
	return config, state, asked, err
}

// stateConfig is what [doctor.ReadState] needs, also where the settings cannot be used, with what is wrong with them.
func (p *program) stateConfig() (doctor.Config, error) {
	s, wrong := p.load()
	if wrong == nil {
		return doctor.Config{
			Home: s.Home, Store: s.Store(), Fleet: p.fleet(s), Logs: s.Logs(nil), Version: buildInfo().Version,
			PublicURL: s.Receiver.PublicURL, Tunnel: s.Receiver.Tunnel,
		}, nil
	}
	s, err := p.defaults()
	if err != nil {
		return doctor.Config{}, err
	}
	return doctor.Config{Home: s.Home, Store: s.Store(), Fleet: p.fleet(s)}, wrong
}

func (p *program) printStatus(config doctor.Config, state doctor.State, asked error, out *output) error {
	if out.wanted() {
		return out.print(p.out, state)
	}
	status := state.Status
	row := func(name, value string) { fmt.Fprintf(p.out, "%-14s %s\n", name, value) }
	// judged adds what is wrong, in the words and with the fix that the doctor and Home have for it.
	judged := func(c doctor.Check) {
		if c.Status == doctor.Warn || c.Status == doctor.Fail {
			row("", c.Status+": "+c.Detail)
			if c.Fix != "" {
				p.note("hint: %s", c.Fix)
			}
		}
	}
	// undoable adds until when a rotation can be undone. That one is not finished is part of the judgement.
	undoable := func() {
		if r, err := config.Store.Rotation(); err == nil && r != nil && !r.Promoted.IsZero() && time.Now().Before(r.Expires) {
			row("rotation", "hookctl rotate --undo takes it back until "+r.Expires.Local().Format(time.DateTime))
		}
	}
	age := ""
	if changed := state.SecretChangedAt; changed != nil {
		age = ", " + text.Span(time.Since(*changed)) + " old"
	}
	if !status.Running {
		stopped := doctor.Receiver(config.Home, status, asked, time.Now())
		row("receiver", stopped.Detail)
		row("log", status.LogDir)
		row("secret", cmp.Or(status.Secret, "none")+age)
		judged(doctor.Secret(config, status, asked))
		undoable()
		judged(doctor.Offers(state.Offered, time.Now()))
		if status.Secret != "" { // without one it does not start
			p.note("hint: %s", stopped.Fix)
		}
		return nil
	}
	if status.Address == "" && status.Alarm != "" { // It does not answer: nothing else is known.
		row("receiver", fmt.Sprintf("not answering (pid %d)", status.PID))
		row("log", status.LogDir)
		row("ALARM", status.Alarm)
		return nil
	}
	row("receiver", fmt.Sprintf("running on %s (pid %d, %s, since %s)", status.Address, status.PID, status.Version, status.Since.Local().Format(time.DateTime)))
	if status.Supervisor != nil {
		row("supervisor", text.Clean(status.Supervisor.String()))
	}
	if status.PublicURL != "" {
		row("public URL", status.PublicURL)
	}
	if tunnel := doctor.StartedTunnel(status, config.Tunnel); tunnel != "" {
		row("tunnel", tunnel)
	}
	if status.Cluster != nil {
		row("cluster", text.Clean(status.Cluster.String()))
	}
	row("log", status.LogDir)
	if len(status.NeedsRestart) > 0 {
		row("restart", "needed for "+strings.Join(status.NeedsRestart, ", "))
		p.note("hint: restart it: hookctl restart")
	}
	// The age is that of the first, the current one; the others are needed by a rotation, or by single hooks and paths.
	names := cmp.Or(status.Secret, "none") + age
	if len(status.Secrets) > 1 {
		names += "; also accepted: " + strings.Join(status.Secrets[1:], ", ")
	}
	row("secret", names)
	judged(doctor.Secret(config, status, nil))
	undoable()
	row("deliveries", fmt.Sprintf("%d received, %s, %d rejected", status.Received, text.Count(int(status.Duplicates), "duplicate"), status.Rejected))
	pending := fmt.Sprint(status.PendingNotifications, " pending")
	if status.Counting {
		if pending += " so far"; !status.HasAlarm("index") {
			pending += ", counting…"
		}
	}
	row("notifications", fmt.Sprintf("%s, %d failed", pending, state.FailedRecords))
	judged(doctor.Notifications(status, state.Failures, time.Now()))
	judged(doctor.Offers(state.Offered, time.Now()))
	for _, a := range doctor.Alarms(status) {
		name := "ALARM"
		if a.Status == doctor.Warn {
			name = "warning"
		}
		row(name, a.Detail)
		if a.Fix != "" {
			p.note("hint: %s", a.Fix)
		}
	}
	return nil
}

// reloadReceiver makes a running receiver read its settings again; where none runs there is nothing to do.
func (p *program) reloadReceiver(ctx context.Context, home string) error {
	if _, err := p.reload(ctx, home); !errors.Is(err, daemon.ErrNotRunning) {
		return err
	}
	return nil
}

// saveSetting keeps a setting, and has a running receiver use it.
func (p *program) saveSetting(ctx context.Context, s *settings.Settings, key string, value any) error {
	if err := s.Save(key, value); err != nil {
		return err
	}
	return p.reloadReceiver(ctx, s.Home)
}

// reload makes the receiver read its settings again, and returns how it is then.
func (p *program) reload(ctx context.Context, home string) (daemon.Status, error) {
	status, err := daemon.Dial(home).Reload(ctx)
	if err != nil && !errors.Is(err, daemon.ErrNotRunning) {
		return status, fmt.Errorf("the settings are saved, but the receiver does not use them yet: %w", err)
	}
	return status, err
}

// addReceiverFlags adds the flags of everything that starts a receiver.
func addReceiverFlags(cmd *cobra.Command) {
	cmd.Flags().String("port", "", "`port` to listen on (default: receiver.port)")
	cmd.Flags().String("bind", "", "`address` to listen on (default: receiver.bind)")
	cmd.Flags().String("log-dir", "", "`directory` of the records (default: log.dir)")
	cmd.Flags().String("tunnel", "", "run and watch a tunnel: `ngrok|cloudflared|tailscale`")
	cmd.Flags().Bool("debug", false, "log more details, but no secrets")
}

// flagSettings are the flags that stand for a setting.
func flagSettings() []settings.Override {
	return []settings.Override{
		{Flag: "port", Key: "receiver.port"}, {Flag: "bind", Key: "receiver.bind"}, {Flag: "tunnel", Key: "receiver.tunnel"}, {Flag: "log-dir", Key: "log.dir"},
	}
}

// overrides are the flags that were given, as settings.
func overrides(cmd *cobra.Command) (list []settings.Override, err error) {
	for _, o := range flagSettings() {
		if o.Value = cmd.Flags().Lookup(o.Flag).Value.String(); o.Value == "" {
			continue
		}
		if o.Key == "log.dir" {
			if o.Value, err = filepath.Abs(o.Value); err != nil {
				return nil, fmt.Errorf("--log-dir: %w", err)
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// startedWith is the flag that the running receiver was started with in place of a setting, "" for none.
func startedWith(st daemon.Status, key string) string {
	for _, o := range flagSettings() {
		if value, given := doctor.StartedWith(st, "--"+o.Flag); given && o.Key == key {
			return "--" + o.Flag + " " + value
		}
	}
	return ""
}

func newServe(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the receiver in the foreground",
		Long: "Run the receiver in the foreground: accept deliveries, check their signature, record them and send notifications.\n" +
			"SIGHUP reloads secrets and settings. SIGTERM finishes accepted deliveries and exits.",
		Example: "  hookctl serve\n  hookctl serve --port 9100 --debug",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.serve(cmd) },
	}
	addReceiverFlags(cmd)
	return cmd
}

// serve is the receiver until its context ends or somebody stops it over the control socket.
func (p *program) serve(cmd *cobra.Command) error {
	overrides, err := overrides(cmd)
	if err != nil {
		return err
	}
	s, err := p.defaults() // for the home; mistakes in the settings are Run's to report
	if err != nil {
		return err
	}
	p.quiet = true
	return host.Run(cmd.Context(), host.Config{
		Load: func() (*host.Settings, error) {
			s, err := settings.Load(p.environ, overrides...)
			if err != nil {
				return nil, err
			}
			return p.hostSettings(s)
		},
		Code:       codeOf,
		Daemon:     p.daemonConfig(s),
		Stderr:     p.err,
		Background: p.environ(daemon.EnvBackground) != "",
		Debug:      cmd.Flags().Lookup("debug").Value.String() == "true",
		WithParent: p.environ(demoVariable) != "",
	})
}
