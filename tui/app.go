package tui

import (
	"context"
	"errors"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/tui/checkup"
	"hookctl/tui/events"
	"hookctl/tui/home"
	"hookctl/tui/kit"
	"hookctl/tui/options"
	"hookctl/tui/receiver"
	"hookctl/tui/webhooks"
	"hookctl/tui/wizard"
)

// statusEvery is how often the receiver is asked how it is.
const statusEvery = 2 * time.Second

// statusWait is how long it may take to answer.
const statusWait = 4 * time.Second

// app is the one tea.Model: the shell with its pages, the wizard, and what all
// of them know: the log and the receiver's status.
type app struct {
	*kit.Shell
	cfg    Config
	wizard *wizard.Wizard // the last one, to go on where it was left

	home     *home.Page
	events   *events.Page
	hooks    *webhooks.Page
	receiver *receiver.Page
	doctor   *checkup.Page
	options  *options.Page

	alarmed *time.Time // the last escalation that is known; nil until the tasks were read

	pace *pace // nil without a program

	log    kit.Answer[*logs.Log]     // the log directory, or why it cannot be read
	status kit.Answer[daemon.Status] // what the receiver said last; daemon.ErrNotRunning if none exists
}

func newApp(ctx context.Context, cfg Config) *app {
	cfg = cfg.withDefaults()
	a := &app{cfg: cfg}
	a.Shell = kit.New(ctx, kit.Config{
		Theme: cfg.Theme, Ascii: cfg.ASCII, NoMouse: cfg.NoMouse, Home: kit.Clean(cfg.HomeName), Environ: cfg.environ(), Keys: cfg.Keys, Now: cfg.Now,
		Browse: cfg.Browse, Cure: hooks.CureOf, SetUp: a.openWizard, Fresh: func() bool { return a.home.Fresh() }, Lamp: a.lamp,
		Again: func() tea.Cmd { return a.poll(false) }, Offer: a.offer,
	})
	a.hooks = webhooks.New(a.Shell, webhooks.Config{
		Fleet: cfg.Fleet, CatchUp: cfg.CatchUp, Log: &a.log, Receiver: &a.status, Events: wizard.EventItems, Poll: a.poll,
	})
	a.events = events.New(a.Shell, events.Config{
		Replay: cfg.Replay, Resend: cfg.Resend, Tasks: cfg.Tasks, Filters: cfg.Filters, Events: cfg.Events, SaveFilter: cfg.SaveFilter, Log: &a.log, Receiver: &a.status, Address: a.address,
	})
	a.receiver = receiver.New(a.Shell, receiver.Config{
		Daemon: cfg.Daemon, Home: cfg.Home, Receiver: &a.status, Poll: a.poll,
	})
	a.doctor = checkup.New(a.Shell, checkup.Config{Checks: cfg.Checks, Start: a.receiver.Start, Restart: a.receiver.Restart, Reload: a.receiver.Reload})
	a.home = home.New(a.Shell, home.Config{
		Doctor: doctor.Config{Home: cfg.Home, Store: cfg.Store, Fleet: cfg.Fleet, Now: cfg.Now, Sync: cfg.Sync},
		Log:    &a.log, Receiver: &a.status, Row: a.events.Line, Fix: a.doctor.Fix, Tasks: a.events.OpenTasks, Temporary: cfg.Temporary,
	})
	a.options = options.New(a.Shell, options.Config{Source: cfg.Settings, Receiver: &a.status, Restart: a.receiver.Restart})
	a.Pages = []kit.Page{a.home, a.events, a.hooks, a.receiver, a.doctor, a.options}
	return a
}

// environ is what stands before a command line that is to find this home from another terminal, "" where it does so anyway.
func (c Config) environ() string {
	if c.HomeName == "" && !c.Temporary {
		return ""
	}
	return "HOOKCTL_HOME=" + text.Clean(text.Shell(c.Home))
}

// Init opens the log, asks the receiver and the terminal's background colour.
func (a *app) Init() tea.Cmd {
	return tea.Batch(a.openLog(), a.poll(true), a.escalations(), tea.RequestBackgroundColor, a.hooks.Open(nil), a.Pages[a.At].Open(nil))
}

func (a *app) openLog() tea.Cmd {
	from := a.cfg.Logs
	return kit.Ask(a.Shell, func(ctx context.Context) (*logs.Log, error) { return logs.Open(ctx, from) }, a.opened)
}

// opened takes the log, or why it cannot be read.
func (a *app) opened(l *logs.Log, err error) tea.Cmd {
	a.log = kit.Answer[*logs.Log]{Value: l, Err: err, Known: true}
	if err != nil {
		return a.Broadcast(a.log)
	}
	watch := kit.Get(a.Shell, l.Watch, func(news <-chan []logs.Entry) tea.Cmd { return a.Waits(a.watch(news)) })
	ctx := a.Ctx
	ready := func() tea.Msg {
		l.Ready(ctx) //nolint:errcheck,gosec // who asks the log learns of it
		return kit.Indexed{}
	}
	return tea.Batch(watch, ready, a.Broadcast(a.log))
}

// watch waits for the log's next batch of new or changed records.
func (a *app) watch(news <-chan []logs.Entry) tea.Cmd {
	return kit.Get(a.Shell, func(context.Context) ([]logs.Entry, error) { return <-news, nil }, func(batch []logs.Entry) tea.Cmd {
		if len(batch) == 0 {
			return nil // the watch has ended
		}
		return tea.Batch(a.Waits(a.watch(news)), a.arrived(batch))
	})
}

func (a *app) arrived(batch []logs.Entry) tea.Cmd {
	return tea.Batch(a.alarm(batch), a.Broadcast(kit.News[logs.Entry](batch)))
}

// poll asks the receiver how it is; again goes on with that.
func (a *app) poll(again bool) tea.Cmd {
	receiver := daemon.Dial(a.cfg.Home)
	var last error
	if again {
		last = a.status.Err
	}
	return kit.Ask(a.Shell, func(ctx context.Context) (daemon.Status, error) {
		ctx, stop := context.WithTimeout(ctx, statusWait)
		defer stop()
		if last == daemon.ErrNotRunning && receiver.Absent(ctx) { // itself: an error that says more needs the whole search
			return daemon.Status{}, last
		}
		return receiver.Status(ctx)
	}, func(s daemon.Status, err error) tea.Cmd {
		heard := a.heard(s, err)
		if !again {
			return heard
		}
		return tea.Batch(a.After(statusEvery, a.poll(true)), heard)
	})
}

// heard takes the receiver's answer.
func (a *app) heard(s daemon.Status, err error) tea.Cmd {
	a.status = kit.Answer[daemon.Status]{Value: s, Err: err, Known: true}
	return a.Broadcast(a.status)
}

// Update is the only place where anything changes.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if cmd, taken := a.Take(msg); taken {
		return a, cmd
	}
	return a, a.Broadcast(msg)
}

// View draws the screen.
func (a *app) View() tea.View {
	v := a.Screen()
	a.pace.frame(v)
	return v
}

// address is where the receiver listens, or will.
func (a *app) address() string {
	if a.status.OK() && a.status.Value.Address != "" {
		return "http://" + a.status.Value.Address
	}
	return "http://127.0.0.1:" + strconv.Itoa(a.cfg.Setup.Port)
}

// openWizard shows the wizard, where it was left when it was left unfinished.
func (a *app) openWizard() tea.Cmd {
	if a.cfg.Fleet == nil || a.cfg.Store == nil {
		return a.Warn("no access to GitHub")
	}
	if a.wizard != nil && !a.wizard.Over {
		return a.wizard.Resume()
	}
	a.wizard = wizard.New(a.Shell, wizard.Config{
		Home: a.cfg.Home, Fleet: a.cfg.Fleet, Store: a.cfg.Store, Setup: &a.cfg.Setup,
		Log: &a.log, Receiver: &a.status, Poll: a.poll, Done: a.wasSetUp,
	})
	return a.wizard.Start()
}

// wasSetUp has the pages look again after the wizard has set hooks up.
func (a *app) wasSetUp(address string) tea.Cmd {
	a.cfg.Setup.URL = address
	return tea.Batch(a.poll(false), a.hooks.WasSetUp(), a.home.Load())
}

// lamp is the state of the receiver for the upper right corner.
func (a *app) lamp() kit.Lamp {
	s := a.status.Value
	return kit.Lamp{Known: a.status.Known, Running: a.status.OK(), Stopped: errors.Is(a.status.Err, daemon.ErrNotRunning),
		Address: kit.Clean(s.Address), Alarm: kit.Clean(s.Alarm)}
}

// offer is what the palette has of settings and saved filters.
func (a *app) offer() []kit.Choice { return append(a.options.Offer(), a.events.Offer()...) }

// unfinished reports whether a rotation is left half done on the disk.
func (a *app) unfinished() bool {
	if a.cfg.Fleet == nil {
		return false
	}
	r, err := a.cfg.Fleet.Rotation()
	return err == nil && r.Open
}
