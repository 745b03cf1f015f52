package tui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

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
	jobs     sync.WaitGroup        // long work that close waits for
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

// View draws tabs, page, footer or toast, and the overlays above them.
func (a *app) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus, v.WindowTitle = true, true, "hookctl"
	v.ProgressBar = a.progress
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if a.w <= 0 || a.h <= 0 {
		return v
	}
	head, foot := a.chrome()
	body := a.pages[a.at].view(a.w, a.h-head-foot)
	screen := fit(body, a.w, a.h-head-foot)
	if head > 0 {
		screen = fit(a.tabs()+"\n"+a.theme.border.Render(strings.Repeat(a.theme.sym.rule, a.w)), a.w, head) + "\n" + screen
	}
	if foot > 0 {
		screen += "\n" + fitLine(a.foot(), a.w)
	}
	for _, o := range a.overlays {
		box, x, y := a.place(o)
		screen = a.lay(screen, box, x, y)
		v.Cursor = nil
		if c := o.cursor(); c != nil && o == a.top() {
			dx, dy := 1, 1
			if _, docked := o.(*prompt); docked {
				dx, dy = 0, 0
			}
			c.X, c.Y = c.X+x+dx, c.Y+y+dy
			v.Cursor = c
		}
	}
	screen = fit(screen, a.w, a.h)
	if a.theme.ascii {
		screen = asciiOnly(screen)
	}
	v.SetContent(screen)
	return v
}

// lay puts a box onto the screen. What little of the page would stand beside a
// wide box is left out.
func (a *app) lay(screen, box string, x, y int) string {
	if lipgloss.Width(box) < a.w-4 {
		return over(screen, box, x, y)
	}
	lines := strings.Split(screen, "\n")
	for i, l := range strings.Split(box, "\n") {
		if y+i < len(lines) {
			lines[y+i] = fitLine(strings.Repeat(" ", max(0, x))+l, a.w)
		}
	}
	return strings.Join(lines, "\n")
}

// chrome is how many lines stand above and below the page; very low windows
// give them up.
func (a *app) chrome() (head, foot int) {
	switch {
	case a.h >= 16:
		return 2, 1
	case a.h >= 5:
		return 1, 1
	}
	return 0, 0
}

// place renders an overlay's box and says where it goes. A prompt lies over
// the last lines, everything else in the middle.
func (a *app) place(o overlay) (box string, x, y int) {
	if p, ok := o.(*prompt); ok {
		box = p.view(a.w, a.h)
		return box, 0, max(0, a.h-lipgloss.Height(box))
	}
	room, high := max(1, a.w-4), max(1, a.h-4)
	if a.w <= 60 || a.h <= 16 {
		room, high = max(1, a.w-2), max(1, a.h-3)
	}
	inside := o.view(room, high)
	w, h := min(room, lipgloss.Width(inside)), min(high, lipgloss.Height(inside))
	w = max(w, min(room, ansi.StringWidth(o.title())+4))
	box = a.theme.boxed(o.title(), inside, w, h)
	return box, (a.w - w - 2) / 2, max(0, (a.h-1-h-2)/2)
}

// tabs draws the pages and, at the right edge, the state of the receiver.
func (a *app) tabs() string {
	t := a.theme
	var b strings.Builder
	if a.w >= 100 {
		b.WriteString(" " + t.title.Render("hookctl"))
	}
	for i, p := range a.pages {
		name := string(rune('1'+i)) + " " + p.name()
		if a.w < 60 && i != a.at {
			name = string(rune('1' + i))
		}
		if i == a.at {
			b.WriteString("  " + t.tabOn.Render(name))
		} else {
			b.WriteString("  " + t.tabOff.Render(name))
		}
	}
	left := b.String()
	right := a.light()
	gap := a.w - ansi.StringWidth(left) - ansi.StringWidth(right) - 1
	if gap < 1 {
		return left
	}
	return left + strings.Repeat(" ", gap) + right
}

// light is the receiver's state in a few characters.
func (a *app) light() string {
	t := a.theme
	switch {
	case !a.asked:
		return ""
	case a.running():
		if a.status.Alarm != "" {
			return t.bad.Render(t.sym.warn + " " + t.cut(logs.Clean(a.status.Alarm), 24))
		}
		if a.w < 70 {
			return t.good.Render(t.sym.running)
		}
		return t.good.Render(t.sym.running) + " " + t.faint.Render(logs.Clean(a.status.Address))
	case errors.Is(a.statusErr, daemon.ErrNotRunning):
		if a.w < 70 {
			return t.warn.Render(t.sym.off)
		}
		return t.warn.Render(t.sym.off + " receiver stopped")
	}
	return t.bad.Render(t.sym.bad + " receiver")
}

// foot is the toast while there is one, else the keys that matter here.
func (a *app) foot() string {
	if s := a.toast.view(a.theme, a.w); s != "" {
		return s
	}
	all := a.actions()
	help := action{id: "help", keys: []string{"?"}, label: "help"}
	if o := a.top(); o != nil {
		help = action{id: "close", keys: []string{"esc"}, label: "close"}
		if act, ok := find(all, "esc"); ok {
			help = act
		}
	}
	return a.theme.footer(all, help, a.w)
}

// asciiOnly replaces what is beyond ASCII, for terminals without Unicode.
func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '?'
		}
		return r
	}, s)
}
