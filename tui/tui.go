package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
	"github.com/cli/go-gh/v2/pkg/browser"

	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
	"hookctl/tui/events"
	"hookctl/tui/options"
	"hookctl/tui/webhooks"
	"hookctl/tui/wizard"
)

// Config is what main hands to the interface.
type Config struct {
	Home   string          // HOOKCTL_HOME
	Logs   logs.Config     // where the records are
	Store  *secret.Store   // the shared key
	Daemon daemon.Config   // how the receiver is started
	Fleet  *fleet.Fleet    // every hook of this receiver, and what is done to it
	Setup  wizard.Defaults // what the wizard starts from

	// Checks runs the doctor's checks and reports each as it is found; nil
	// leaves the page with the command to run.
	Checks func(ctx context.Context, progress func(doctor.Check))

	// CatchUp fetches what never arrived, and has it recorded.
	CatchUp webhooks.CatchUp
	// Replay takes records in again as if they had just arrived, and Resend
	// sends their notifications again: calls of the running receiver.
	Replay, Resend events.Again

	// Sync is project sync, and Tasks what it follows; nil and empty where it is off.
	Sync  *tasks.Sync
	Tasks events.Tasks

	Browse   func(url string) error // opens a browser; nil uses the one gh uses
	Settings options.Source         // the settings in force, and what changes them
	Filters  map[string]string      // saved filters by name
	Events   []logs.Completion      // the events that GitHub has, to complete filters with
	// SaveFilter makes a saved filter permanent, or another text of it; empty
	// text takes it out. nil leaves the settings alone.
	SaveFilter func(ctx context.Context, name, text string) error

	Theme     string              // "light", "dark", or "" to ask the terminal
	ASCII     bool                // draw with ASCII only
	NoMouse   bool                // leave the mouse to the terminal at first
	Notify    bool                // desktop notification on a failure or an escalation while the terminal has no focus
	Keys      map[string][]string // other keys by action id
	HomeName  string              // the home as people write it, where it is not the default one
	Temporary bool                // the demo: GitHub and the public URL are simulated, and the receiver ends with the interface
	Now       func() time.Time    // time.Now when nil
}

type (
	// Tasks is what project sync follows, as the Events page shows it.
	Tasks = events.Tasks
	// Settings are what the Settings page shows and changes.
	Settings = options.Source
	// Setting is one of them.
	Setting = options.Setting
)

// ErrNoTerminal is returned by Run where standard input or output is not a
// terminal that can show the interface.
var ErrNoTerminal = errors.New("the interface needs a terminal that can move its cursor; hookctl --accessible works line by line, hookctl --help lists the plain commands")

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Browse == nil {
		c.Browse = func(url string) error { return browser.New("", os.Stdout, os.Stderr).Browse(url) }
	}
	if c.Setup.Port == 0 {
		c.Setup.Port = 9000
	}
	return c
}

// unicodeLocale reports whether the environment says that the terminal reads
// UTF-8. Where no locale is set at all, as in many containers, it is taken to.
func unicodeLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// Run shows the interface until the user leaves it or ctx ends. It returns
// ErrNoTerminal where there is no terminal to show it on. The receiver is
// another process and keeps running.
func Run(ctx context.Context, cfg Config) error {
	cfg = cfg.withDefaults()
	if !term.IsTerminal(os.Stdin.Fd()) || !term.IsTerminal(os.Stdout.Fd()) || os.Getenv("TERM") == "dumb" {
		return ErrNoTerminal
	}
	if !unicodeLocale(os.Getenv) && os.Getenv("OS") != "Windows_NT" {
		cfg.ASCII = true
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := newApp(ctx, cfg)
	a.restore()
	p := tea.NewProgram(a, tea.WithContext(ctx))
	a.pace = &pace{program: p}
	_, err := p.Run()
	ended := ctx.Err()
	stop() // long work ends between two calls, and close waits for it
	a.close()
	saved := a.save()
	switch {
	case errors.Is(err, tea.ErrInterrupted):
		err = nil
	case errors.Is(err, tea.ErrProgramKilled) && ended != nil:
		return ended
	}
	if err != nil {
		return fmt.Errorf("show the interface: %w", err)
	}
	if a.status.OK() && !cfg.Temporary {
		fmt.Fprintf(os.Stderr, "The receiver keeps running on %s; hookctl stop ends it.\n", text.Clean(a.status.Value.Address))
	}
	if a.unfinished() {
		fmt.Fprintln(os.Stderr, "A rotation is not finished, and both secrets are accepted; hookctl rotate --resume continues it.")
	}
	if saved != nil {
		fmt.Fprintln(os.Stderr, "note:", saved)
	}
	return nil
}
