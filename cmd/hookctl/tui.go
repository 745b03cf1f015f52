package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
	"hookctl/server/host"
	"hookctl/server/sink"
	"hookctl/tui"
	"hookctl/tui/line"
)

// openTUI shows the full screen.
func (p *program) openTUI(ctx context.Context) error {
	config, err := p.tuiConfig(ctx)
	if err != nil {
		return err
	}
	p.quiet = true // and stays so: a call to GitHub that nobody waits for may still read it afterwards
	if err = tui.Run(ctx, config); errors.Is(err, tui.ErrNoTerminal) {
		return usage(err)
	}
	return err
}

func (p *program) tuiConfig(ctx context.Context) (tui.Config, error) {
	s, err := p.load()
	if err != nil {
		return tui.Config{}, err
	}
	defaults, err := p.setupDefaults(ctx, s)
	if err != nil {
		return tui.Config{}, err
	}
	all := p.fleet(s)
	config := tui.Config{
		Home:       s.Home,
		Logs:       s.Logs(nil),
		Store:      s.Store(),
		Daemon:     p.daemonConfig(s),
		Fleet:      all,
		Checks:     p.checks,
		CatchUp:    p.catcherUp(s, all),
		Replay:     host.Dial(s.Home).Replay,
		Sync:       p.followed(s),
		Tasks:      p.followedTasks(s),
		Resend:     resender(s),
		Settings:   p.settingsSource(s),
		Filters:    s.TUI.Filters,
		Events:     eventNames(),
		SaveFilter: func(_ context.Context, name, text string) error { return s.SaveFilter(name, text) },
		ASCII:      s.TUI.ASCII == "on",
		NoMouse:    s.TUI.Mouse == "off",
		Notify:     s.TUI.Notify == "on",
		Keys:       s.TUI.Keys,
		Temporary:  p.environ(demoVariable) != "",
	}
	config.Setup.SetupDefaults = defaults
	if !config.Temporary {
		config.HomeName = homeName(s.Home)
	}
	if s.TUI.Theme != "auto" {
		config.Theme = s.TUI.Theme
	}
	return config, nil
}

// homeName is a home as people write it, "" for the default one.
func homeName(home string) string {
	user, err := os.UserHomeDir()
	if err != nil || home == filepath.Join(user, ".atlas") {
		return ""
	}
	if below, ok := strings.CutPrefix(home, user+string(filepath.Separator)); ok {
		return filepath.Join("~", below)
	}
	return home
}

// followed is project sync, nil where it is off.
func (p *program) followed(s *settings.Settings) *tasks.Sync {
	if s.Sync.Mode == tasks.ModeOff {
		return nil
	}
	return p.tasks(s)
}

// followedTasks is what project sync follows. The settings are read each time: the wizard may have switched it on.
func (p *program) followedTasks(s *settings.Settings) tui.Tasks {
	return tui.Tasks{
		List: p.tasks(s).List,
		Apply: func(ctx context.Context, key string) (string, error) {
			now, err := p.load()
			if err != nil {
				return "", err
			}
			done, err := p.applySync(ctx, now, key)
			if err == nil && done.Error != "" {
				err = hint(fmt.Errorf("not all of it was done: %s", done.Error), done.Hint)
			}
			return strings.TrimSpace(done.Text + " " + done.URL), err
		},
	}
}

// checks runs the doctor for the interface, with the settings of that moment.
func (p *program) checks(ctx context.Context, progress func(doctor.Check)) {
	config, err := p.doctorConfig()
	if err != nil {
		progress(settingsReport(err).Checks[0])
		return
	}
	if _, err := doctor.Run(ctx, config, progress); err != nil {
		progress(doctor.Check{Name: "report", Status: doctor.Warn, Detail: text.Clean(err.Error())})
	}
}

// probeWait bounds the question to a sink whether somebody is there.
const probeWait = 5 * time.Second

// setupDefaults is what the wizard and line mode offer, and how they keep what was chosen.
func (p *program) setupDefaults(ctx context.Context, s *settings.Settings) (fleet.SetupDefaults, error) {
	usual, err := p.defaults()
	if err != nil {
		return fleet.SetupDefaults{}, err
	}
	defaults := fleet.SetupDefaults{
		Sink:         usual.Sinks[0].URL,
		Events:       s.HookEvents(),
		Repositories: s.Setup.Repositories,
		Port:         s.Receiver.Port,
		Probe: func(ctx context.Context, address, agent string) error {
			return sink.Check(ctx, sink.Config{Type: "aimaestro", URL: address, To: agent, From: "hookctl", Timeout: probeWait})
		},
		Sync:      s.Sync.Mode,
		SaveSync:  func(ctx context.Context, mode string) error { return p.saveSetting(ctx, s, "sync.mode", mode) },
		SavePort:  func(_ context.Context, port int) error { return s.Save("receiver.port", port) },
		RunTunnel: func(ctx context.Context, kind string) (daemon.Status, error) { return p.runTunnel(ctx, s, kind) },
		Relayed: func(ctx context.Context, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
			answer, _, err := host.Dial(s.Home).Relayed(ctx, s.Store(), d)
			return answer, err
		},
		ProbeChat: func(ctx context.Context, url string) error {
			return sink.Check(ctx, sink.Config{Type: "chat", URL: url, Timeout: probeWait})
		},
		Also:       s.NotifyAlso,
		Chat:       slices.ContainsFunc(s.Sinks, isChat),
		Trust:      s.Trust.Mode == "on",
		SaveNotify: p.saveNotify,
	}
	// Setup is offered also where the fleet cannot be read; the operation that needs it says why.
	if targets, err := p.fleet(s).Targets(ctx); err == nil {
		defaults.Repositories = make([]string, len(targets))
		for i, t := range targets {
			defaults.Repositories[i] = t.String()
		}
	}
	if s.Receiver.PublicURL != "" {
		if url, err := hooks.HookURL(s.Receiver.PublicURL, ""); err == nil {
			defaults.URL = url
		}
	}
	if sink, ok := s.Maestro(); ok {
		defaults.Sink, defaults.Agent = sink.URL, sink.To
	}
	return defaults, nil
}

// runTunnel has the receiver run a tunnel of that kind from now on, and waits until it is open.
func (p *program) runTunnel(ctx context.Context, s *settings.Settings, kind string) (daemon.Status, error) {
	if err := s.Save("receiver.tunnel", kind); err != nil {
		return daemon.Status{}, err
	}
	// The flag overrides one that restart would keep, and with it the setting.
	if _, err := daemon.Restart(ctx, p.daemonConfig(s, "--tunnel", kind)); err != nil {
		return daemon.Status{}, err
	}
	if err := host.Dial(s.Home).AwaitTunnel(ctx); err != nil {
		return daemon.Status{}, err
	}
	return daemon.Dial(s.Home).Status(ctx)
}

// settingsSource is what the Settings page shows and does. Each call reads the settings of that moment.
func (p *program) settingsSource(now *settings.Settings) tui.Settings {
	changed := func(ctx context.Context, key string, do func(*settings.Settings) error) (string, error) {
		done, err := p.changeSetting(ctx, key, do)
		if err != nil {
			return "", err
		}
		if done.Warning != "" {
			return done.String() + "; warning: " + done.Warning, nil
		}
		return done.String(), nil
	}
	return tui.Settings{
		File: now.File, First: shownSettings(now),
		Load: func() ([]tui.Setting, error) {
			s, err := p.load()
			if err != nil {
				return nil, err
			}
			return shownSettings(s), nil
		},
		Set: func(ctx context.Context, key, value string) (string, error) {
			return changed(ctx, key, func(s *settings.Settings) error { return s.Set(key, value) })
		},
		Unset: func(ctx context.Context, key string) (string, error) {
			return changed(ctx, key, func(s *settings.Settings) error { return s.Unset(key) })
		},
		Edit:  p.editSettings,
		Check: p.checkSink,
		Test:  func(ctx context.Context) error { return p.sendSample(ctx, "workflow_run.failure") },
	}
}

// shownSettings are the settings as the page shows them.
func shownSettings(s *settings.Settings) []tui.Setting {
	rows := s.Rows()
	all := make([]tui.Setting, len(rows))
	for i, row := range rows {
		all[i] = tui.Setting{
			Key: row.Key, Value: row.Text, Origin: row.Origin, About: row.Doc, Default: row.Default, Values: row.Enum, Saved: row.InFile,
			List: row.Shape == settings.List, Block: row.Shape == settings.Block, Fixed: row.Shape == settings.Fixed,
		}
	}
	return all
}

// checkSink asks a sink of the settings, by its place in the list, whether a notification would arrive.
func (p *program) checkSink(ctx context.Context, i int) (string, error) {
	s, err := p.load()
	if err != nil {
		return "", err
	}
	sinks, err := s.SinkConfigs()
	if err != nil {
		return "", err
	}
	if i >= len(sinks) {
		return "", errors.New("the sink is not in the settings any more")
	}
	probe := sinkProbe(sinks[i])
	said, err := probe.Check(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", probe.Name, err)
	}
	return probe.Name + ": " + said, nil
}

// openFace opens line mode where lines are asked for, else the full screen.
func (p *program) openFace(ctx context.Context) error {
	if p.accessible || p.environ("ACCESSIBLE") != "" {
		return p.openLine(ctx)
	}
	return p.openTUI(ctx)
}

// openLine runs line mode. There ctrl+c ends the command that runs, and not the program.
func (p *program) openLine(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM)
	defer stop()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	person := isTerminal(p.stdin)
	err := line.Run(ctx, line.Config{
		In: p.in, Out: p.out, Interactive: person,
		Interrupts: interrupts, Release: func() { signal.Stop(interrupts) },
		Execute: p.execute,
		Tree:    (&program{in: p.in, stdin: p.stdin, out: io.Discard, err: io.Discard, environ: p.environ}).tree,
		Setup:   func() (line.Setup, error) { return p.lineSetup(ctx) },
		Fresh:   p.fresh,
	})
	if person && p.environ(demoVariable) == "" {
		p.farewell(context.WithoutCancel(ctx))
	}
	if errors.Is(err, line.ErrCommandFailed) {
		return errReported
	}
	return err
}

// execute runs one command line of line mode on a fresh tree, and reports its error. Its questions are answered by the
// next lines, whether a person or a pipe writes them.
func (p *program) execute(ctx context.Context, args []string, in io.Reader, out, err io.Writer) error {
	command := *p
	command.in, command.out, command.err = in, out, err
	command.terminal, command.accessible = true, false
	root := command.tree()
	root.SetArgs(args)
	failed := root.ExecuteContext(ctx)
	reportError(command.err, failed)
	return failed
}

// lineSetup is what the dialogue of setup starts from, with the settings of that moment.
func (p *program) lineSetup(ctx context.Context) (line.Setup, error) {
	s, err := p.load()
	if err != nil {
		return line.Setup{}, err
	}
	defaults, err := p.setupDefaults(ctx, s)
	if err != nil {
		return line.Setup{}, err
	}
	setup := line.Setup{SetupDefaults: defaults, Home: s.Home, Fleet: p.fleet(s)}
	if isTerminal(p.stdin) {
		setup.Hidden = p.readHidden
	}
	return setup, nil
}

// fresh reports whether nothing is set up: no receiver runs, and there is no secret and no record.
func (p *program) fresh(ctx context.Context) bool {
	s, err := p.load()
	if err != nil {
		return false // the command that needs the settings reports what is wrong
	}
	if _, err := daemon.Dial(s.Home).Status(ctx); err == nil {
		return false
	}
	if value, _, err := s.Store().Current(); err != nil || value != "" {
		return false
	}
	return len(newest(ctx, s, 1)) == 0
}

// farewell prints what keeps running after line mode.
func (p *program) farewell(ctx context.Context) {
	s, err := p.defaults() // works although a setting is wrong
	if err != nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if status, err := daemon.Dial(s.Home).Status(ctx); err == nil {
		p.note("The receiver keeps running on %s. Stop it: hookctl stop", status.Address)
	}
	if r, err := s.Store().Rotation(); err == nil && r != nil && r.Promoted.IsZero() {
		p.note("A rotation is not finished, and both secrets are accepted. Continue it: hookctl rotate --resume")
	}
}
