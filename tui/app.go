package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
)

// page is one tab. It draws into the room that it is given and answers
// messages; what it can do is in its actions.
type page interface {
	name() string
	title() string
	open() tea.Cmd // called when the page comes to the front or is refreshed
	update(tea.Msg) tea.Cmd
	view(w, h int) string
	actions() []action
}

// overlay is a box above the page. While it is open it has the keys: those
// that none of its actions binds go to update.
type overlay interface {
	title() string
	update(tea.Msg) tea.Cmd
	view(w, h int) string // what is inside the frame, at most w×h
	cursor() *tea.Cursor  // relative to the inside; nil hides it
	actions() []action
}

// statusEvery is how often the receiver is asked how it is.
const statusEvery = 2 * time.Second

// app is the one tea.Model: window, pages, overlays, toast, and what all pages
// know (the log, the receiver's status).
type app struct {
	ctx      context.Context
	cfg      Config
	theme    *theme
	w, h     int
	pages    []page
	at       int
	overlays []overlay
	toast    toast
	mouse    bool
	focused  bool
	progress *tea.ProgressBar
	lastTap  tap
	waits    func(tea.Cmd) tea.Cmd // what becomes of commands that wait for time or news; tests leave them out
	jobs     jobs                  // long work that close waits for
	wizard   *wizard               // the last one, to go on where it was left

	log       *logs.Log
	logErr    error
	status    daemon.Status
	statusErr error // nil once the receiver answered; daemon.ErrNotRunning when there is none
	asked     bool  // the first answer about the receiver is here
}

type (
	// opened is the log directory, or why it cannot be read.
	opened struct {
		log *logs.Log
		err error
	}
	// statusMsg is the receiver's answer; again asks for the next poll.
	statusMsg struct {
		status daemon.Status
		err    error
		again  bool
	}
	pollMsg struct{}
	// arrived is a batch of new or changed records.
	arrived struct {
		entries []logs.Entry
		from    <-chan []logs.Entry
	}
	// failure is an error that a command could not put anywhere else.
	failure struct{ err error }
	// notice is a good outcome to tell.
	notice string
)

func newApp(ctx context.Context, cfg Config) *app {
	cfg = cfg.withDefaults()
	a := &app{ctx: ctx, cfg: cfg, theme: newTheme(cfg.Theme != "light", cfg.ASCII), mouse: !cfg.NoMouse, focused: true, waits: func(c tea.Cmd) tea.Cmd { return c }}
	a.pages = []page{newHome(a), newEvents(a), newHooks(a), newReceiver(a), newDoctor(a)}
	return a
}

// later sends a message after a while.
func (a *app) later(d time.Duration, msg tea.Msg) tea.Cmd {
	return a.waits(tea.Tick(d, func(time.Time) tea.Msg { return msg }))
}

// Init opens the log, asks the receiver and the terminal's background colour.
func (a *app) Init() tea.Cmd {
	return tea.Batch(a.openLog, a.poll(true), tea.RequestBackgroundColor, a.hooks().open(), a.pages[a.at].open())
}

func (a *app) openLog() tea.Msg {
	l, err := logs.Open(a.ctx, a.cfg.Logs)
	return opened{l, err}
}

// watch waits for the log's next batch.
func watch(ch <-chan []logs.Entry) tea.Cmd {
	return func() tea.Msg {
		if batch, ok := <-ch; ok {
			return arrived{batch, ch}
		}
		return nil
	}
}

// poll asks the receiver how it is; again makes the answer ask for the next.
func (a *app) poll(again bool) tea.Cmd {
	ctx, home := a.ctx, a.cfg.Home
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		s, err := daemon.Dial(home).Status(ctx)
		return statusMsg{s, err, again}
	}
}

// running reports whether the receiver answered the last time it was asked.
func (a *app) running() bool { return a.asked && a.statusErr == nil && a.status.Running }

// Update is the only place where anything changes.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
		return a, nil
	case tea.BackgroundColorMsg:
		if a.cfg.Theme == "" {
			*a.theme = *newTheme(msg.IsDark(), a.cfg.ASCII)
		}
		return a, nil
	case tea.FocusMsg:
		a.focused = true
		return a, nil
	case tea.BlurMsg:
		a.focused = false
		return a, nil
	case tea.KeyPressMsg:
		return a, a.key(msg)
	case tea.PasteMsg:
		if o := a.top(); o != nil {
			return a, o.update(msg)
		}
		return a, nil
	case tea.MouseClickMsg, tea.MouseWheelMsg:
		return a, a.pointer(msg)
	case tea.MouseMsg, tea.KeyReleaseMsg:
		return a, nil
	case toastOver:
		a.toast.over(msg)
		return a, nil
	case failure:
		return a, a.fail(msg.err)
	case clip:
		return a, a.copy(msg.what, msg.text)
	case notice:
		return a, a.say(string(msg))
	case pollMsg:
		return a, a.poll(true)
	}
	var cmds []tea.Cmd
	switch msg := msg.(type) {
	case opened:
		a.log, a.logErr = msg.log, msg.err
		if msg.log != nil {
			cmds = append(cmds, a.startWatch(msg.log), a.whenReady(msg.log))
		}
	case watching:
		if msg.err != nil {
			return a, a.fail(msg.err)
		}
		return a, a.waits(watch(msg.from))
	case arrived:
		cmds = append(cmds, a.waits(watch(msg.from)), a.alarm(msg.entries))
	case statusMsg:
		a.status, a.statusErr, a.asked = msg.status, msg.err, true
		if msg.again {
			cmds = append(cmds, a.later(statusEvery, pollMsg{}))
		}
	}
	for _, p := range a.pages {
		cmds = append(cmds, p.update(msg))
	}
	for _, o := range a.overlays {
		cmds = append(cmds, o.update(msg))
	}
	return a, tea.Batch(cmds...)
}

// logReady says that the index of the log is complete.
type logReady struct{ err error }

func (a *app) whenReady(l *logs.Log) tea.Cmd {
	ctx := a.ctx
	return func() tea.Msg { return logReady{l.Ready(ctx, nil)} }
}

// watching is the channel that the log tells of new records on.
type watching struct {
	from <-chan []logs.Entry
	err  error
}

func (a *app) startWatch(l *logs.Log) tea.Cmd {
	ctx := a.ctx
	return func() tea.Msg {
		ch, err := l.Watch(ctx)
		return watching{ch, err}
	}
}

// key starts the action that is bound, or hands the key to the overlay.
func (a *app) key(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	if act, ok := find(a.actions(), name); ok {
		return a.perform(act)
	}
	if o := a.top(); o != nil {
		return o.update(msg)
	}
	return nil
}

// perform runs an action, or says why it is off.
func (a *app) perform(act action) tea.Cmd {
	if act.off != "" {
		if width(act.off) > a.w-5 {
			a.show(&message{a: a, head: "Not now", lines: []string{act.off}})
			return nil
		}
		return a.warn(act.off)
	}
	return act.run()
}

// actions are what the keys mean just now: the topmost overlay's, or the
// page's and everyone's.
func (a *app) actions() []action {
	var all []action
	if o := a.top(); o != nil {
		all = o.actions()
		for _, b := range a.basic() {
			if _, bound := find(all, b.keys[0]); !bound {
				all = append(all, b)
			}
		}
	} else {
		all = append(a.pages[a.at].actions(), a.everywhere()...)
	}
	return override(all, a.cfg.Keys)
}

func (a *app) top() overlay {
	if len(a.overlays) == 0 {
		return nil
	}
	return a.overlays[len(a.overlays)-1]
}

// show puts an overlay on top.
func (a *app) show(o overlay) { a.overlays = append(a.overlays, o) }

// shut closes an overlay, wherever it is in the stack.
func (a *app) shut(o overlay) {
	for i, have := range a.overlays {
		if have == o {
			a.overlays = append(a.overlays[:i:i], a.overlays[i+1:]...)
			return
		}
	}
}

// turn brings page i to the front.
func (a *app) turn(i int) tea.Cmd {
	a.at = (i + len(a.pages)) % len(a.pages)
	return a.pages[a.at].open()
}
