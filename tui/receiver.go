package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// tailEvery is how often the log is read while the page is in front.
const tailEvery = 500 * time.Millisecond

// The three views of the Receiver page.
const (
	viewLog = iota
	viewRejected
	viewSettings
)

// receiverPage starts and stops the receiver and shows its log, the requests
// that it refused, and the settings in force.
type receiverPage struct {
	a        *app
	see      int
	lines    []logLine
	tail     tail
	ticking  bool
	least    int // least weight of the lines shown
	at       int // line from the end; 0 follows
	rejected []daemon.Rejected
	rejErr   error
	high     int    // lines of the view's body
	busy     string // what is under way
}

type (
	tailed struct {
		tail  tail
		lines []logLine
		err   error
	}
	tailTick    struct{}
	rejectedMsg struct {
		list []daemon.Rejected
		err  error
	}
	// controlled is the end of start, stop, restart or reload.
	controlled struct {
		done string
		err  error
	}
)

func newReceiver(a *app) *receiverPage {
	return &receiverPage{a: a, tail: tail{path: daemon.LogFile(a.cfg.Home)}, least: 1}
}

func (p *receiverPage) name() string  { return "Receiver" }
func (p *receiverPage) title() string { return "Receiver" }

func (p *receiverPage) open() tea.Cmd {
	cmds := []tea.Cmd{p.askRejected()}
	if !p.ticking {
		p.ticking = true
		cmds = append(cmds, p.read())
	}
	return tea.Batch(cmds...)
}

func (p *receiverPage) read() tea.Cmd {
	t := p.tail
	return func() tea.Msg {
		t, lines, err := t.more()
		return tailed{t, lines, err}
	}
}

func (p *receiverPage) askRejected() tea.Cmd {
	ctx, home := p.a.ctx, p.a.cfg.Home
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 3*time.Second)
		defer stop()
		list, err := daemon.Dial(home).Rejected(ctx)
		return rejectedMsg{list, err}
	}
}

// inFront reports whether this page is the one on screen.
func (p *receiverPage) inFront() bool { return p.a.pages[p.a.at] == page(p) }

func (p *receiverPage) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tailed:
		p.tail = msg.tail
		if p.at > 0 {
			p.at += len(p.kept(msg.lines)) // what is on screen stays there
		}
		p.lines = append(p.lines, msg.lines...)
		if n := len(p.lines) - tailKeep; n > 0 {
			p.lines = append([]logLine(nil), p.lines[n:]...)
		}
		if msg.err != nil {
			p.ticking = false
			return p.a.fail(msg.err)
		}
		if !p.inFront() {
			p.ticking = false
			return nil
		}
		return p.a.later(tailEvery, tailTick{})
	case tailTick:
		if !p.inFront() {
			p.ticking = false
			return nil
		}
		return p.read()
	case statusMsg:
		if p.inFront() && msg.err == nil && msg.status.Rejected != int64(len(p.rejected)) {
			return p.askRejected()
		}
	case rejectedMsg:
		p.rejected, p.rejErr = msg.list, msg.err
	case controlled:
		p.busy = ""
		if msg.err != nil {
			return tea.Batch(p.a.fail(msg.err), p.a.poll(false))
		}
		return tea.Batch(p.a.say(msg.done), p.a.poll(false))
	case wheel:
		p.move(msg.lines)
	case click:
		at := 1
		for i, n := range p.views() {
			if msg.y == 2 && msg.x >= at && msg.x < at+len(n) {
				return p.show(i)
			}
			at += len(n) + 2
		}
	}
	return nil
}

// views are the names of the three views, as they stand below the header.
func (p *receiverPage) views() []string {
	return []string{"Log", fmt.Sprintf("Rejected (%d)", len(p.rejected)), "Settings"}
}

// show turns to a view, from its start.
func (p *receiverPage) show(view int) tea.Cmd {
	p.see, p.at = view, 0
	return p.askRejected()
}

// move goes by some lines, down positive.
func (p *receiverPage) move(by int) {
	if p.see == viewLog { // its end is the newest line
		by = -by
	}
	p.at = max(0, p.at+by)
}

// kept are the lines at or above the chosen level.
func (p *receiverPage) kept(all []logLine) []logLine {
	if p.least == 0 {
		return all
	}
	var out []logLine
	for _, l := range all {
		if l.weight() >= p.least {
			out = append(out, l)
		}
	}
	return out
}

func (p *receiverPage) view(w, h int) string {
	head := p.header(w)
	tabs := p.subTabs()
	room := max(0, h-len(head)-1)
	p.high = room
	var body string
	switch p.see {
	case viewRejected:
		body = p.viewRejected(w, room)
	case viewSettings:
		body = p.viewSettings(w, room)
	default:
		body = p.viewLog(w, room)
	}
	return strings.Join(append(head, tabs), "\n") + "\n" + body
}

// header says in two lines how the receiver is, and what to press.
func (p *receiverPage) header(w int) []string {
	t, a := p.a.theme, p.a
	switch {
	case p.busy != "":
		return []string{" " + t.warn.Render(t.sym.pending) + " " + p.busy, ""}
	case !a.asked:
		return []string{" asking the receiver", ""}
	case errors.Is(a.statusErr, daemon.ErrNotRunning):
		cure := "   press " + t.key.Render("s") + " to start it"
		if a.home().fresh() {
			cure = "   there is no secret yet: press " + t.key.Render("w") + " to set everything up"
		}
		return []string{" " + t.warn.Render(t.sym.off+" stopped") + "  deliveries from GitHub are refused until it runs", cure}
	case a.statusErr != nil:
		return []string{" " + t.bad.Render(t.sym.bad+" does not answer"), "   " + t.cut(text.Clean(a.statusErr.Error()), w-4)}
	}
	s := a.status
	first := " " + t.good.Render(t.sym.running+" running") + " on " + t.bold.Render(text.Clean(s.Address)) + fmt.Sprintf("  pid %d", s.PID)
	if !s.Since.IsZero() {
		first += "  since " + clock(s.Since, a.cfg.Now())
	}
	first += "  secret " + text.Clean(s.Secret)
	if s.Manager != "" {
		first += "  by " + text.Clean(s.Manager)
	}
	if s.Version != "" {
		first += t.faint.Render("  " + text.Clean(s.Version))
	}
	second := fmt.Sprintf("   %s received, %s rejected, %s twice; notifications: %s waiting, %s given up",
		text.Thousands(int(s.Received)), text.Thousands(int(s.Rejected)), text.Thousands(int(s.Duplicates)), text.Thousands(int(s.PendingNotifications)), text.Thousands(int(s.FailedNotifications)))
	if s.Alarm != "" {
		second = "   " + t.bad.Render(text.Clean(s.Alarm))
	}
	return []string{t.cut(first, w), t.cut(second, w)}
}

// clock is a time of today as hours, of another day with its date.
func clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("Jan 02 15:04")
}

func (p *receiverPage) subTabs() string {
	t := p.a.theme
	out := " "
	for i, n := range p.views() {
		if i == p.see {
			n = t.tabOn.Render(n)
		} else {
			n = t.faint.Render(n)
		}
		out += n + "  "
	}
	if p.see == viewLog {
		state := t.good.Render("following")
		if p.at > 0 {
			state = t.warn.Render("paused, " + keyName("f", t.ascii) + " follows")
		}
		out += " " + state
		if p.least > 1 {
			out += t.faint.Render("  from " + []string{"debug", "info", "warnings", "errors"}[p.least] + " up")
		}
	}
	return out
}

func (p *receiverPage) viewLog(w, h int) string {
	t := p.a.theme
	lines := p.kept(p.lines)
	if len(lines) == 0 {
		if p.a.running() {
			return fit("\n "+t.faint.Render("nothing logged yet in run/receiver.log"), w, h)
		}
		return fit("\n "+t.faint.Render("no log yet: the receiver has not run in the background"), w, h)
	}
	p.at = max(0, min(p.at, len(lines)-h))
	end := len(lines) - p.at
	start := max(0, end-h)
	out := make([]string, 0, h)
	for _, l := range lines[start:end] {
		level := l.level
		switch l.weight() {
		case 3:
			level = t.bad.Render(t.cell("ERROR", 5))
		case 2:
			level = t.warn.Render(t.cell("WARN", 5))
		default:
			level = t.faint.Render(t.cell(level, 5))
		}
		at := "        "
		if !l.at.IsZero() {
			at = l.at.Local().Format("15:04:05")
		}
		out = append(out, t.cut(" "+t.faint.Render(at)+" "+level+" "+l.text, w))
	}
	return fit(strings.Join(out, "\n"), w, h)
}

// whyRejected is the reason for people. What was signed with a former secret
// is not forged but forgotten.
func whyRejected(r daemon.Rejected) string {
	if r.Former != "" {
		return "signed with the former secret " + text.Clean(r.Former) + ": a hook was not rotated"
	}
	return text.Clean(r.Reason)
}

func (p *receiverPage) viewRejected(w, h int) string {
	t := p.a.theme
	if len(p.rejected) == 0 {
		return fit("\n "+t.faint.Render("no request was refused since the receiver started"), w, h)
	}
	var out []string
	p.at = max(0, min(p.at, len(p.rejected)-1))
	for i := len(p.rejected) - 1 - p.at; i >= 0 && len(out) < h; i-- {
		r := p.rejected[i]
		line := " " + t.faint.Render(clock(r.Time, p.a.cfg.Now())) + " " + t.bad.Render(whyRejected(r)) + "  from " + text.Clean(r.Address)
		if r.Event != "" {
			line += "  " + text.Clean(r.Event)
		}
		if r.DeliveryID != "" {
			line += "  " + t.faint.Render(text.Clean(r.DeliveryID))
		}
		if len(r.Fingerprints) > 0 {
			line += t.faint.Render("  tried " + text.Clean(strings.Join(r.Fingerprints, ", ")))
		}
		out = append(out, t.cut(line, w))
	}
	return fit(strings.Join(out, "\n"), w, h)
}

func (p *receiverPage) viewSettings(w, h int) string {
	t := p.a.theme
	if len(p.a.cfg.Settings) == 0 {
		return fit("\n "+t.faint.Render("run hookctl config to see every setting and where it comes from"), w, h)
	}
	name, value := 0, 0
	for _, s := range p.a.cfg.Settings {
		name, value = max(name, width(s.Name)), max(value, width(s.Value))
	}
	name = min(name, w/3)
	value = min(value, w/3)
	p.at = max(0, min(p.at, len(p.a.cfg.Settings)-1))
	var out []string
	for _, s := range p.a.cfg.Settings[p.at:] {
		out = append(out, t.cut(" "+t.cell(text.Clean(s.Name), name)+"  "+t.cell(text.Clean(s.Value), value)+"  "+t.faint.Render(text.Clean(s.Origin)), w))
	}
	return fit(strings.Join(out, "\n"), w, h)
}

// control runs one of the daemon's verbs as a command, one at a time. Other
// pages use it too, and do not show what is under way.
func (p *receiverPage) control(busy, done string, do func(context.Context, daemon.Config) error) tea.Cmd {
	if p.busy != "" {
		return p.a.warn(p.busy)
	}
	p.busy = busy
	ctx, cfg := p.a.ctx, p.a.cfg.Daemon
	verb := func() tea.Msg { return controlled{done, do(ctx, cfg)} }
	if p.inFront() {
		return verb
	}
	return tea.Batch(p.a.say(busy), verb)
}

func (p *receiverPage) start() tea.Cmd {
	return p.control("starting the receiver", "the receiver is running", func(ctx context.Context, cfg daemon.Config) error {
		_, err := daemon.Start(ctx, cfg)
		return err
	})
}

func (p *receiverPage) actions() []action {
	down, stopped := "", ""
	if p.a.running() {
		stopped = "the receiver is running already"
	} else {
		down = "the receiver is not running; s starts it"
	}
	if p.busy != "" {
		down, stopped = p.busy, p.busy
	}
	onlyLog := ""
	if p.see != viewLog {
		onlyLog = "this is for the log; v shows it"
	}
	nothing := ""
	if []int{len(p.lines), len(p.rejected), len(p.a.cfg.Settings)}[p.see] == 0 {
		nothing = "nothing is listed"
	}
	step := func(by int) tea.Cmd {
		p.move(by)
		return nil
	}
	acts := []action{
		{id: "receiver.start", keys: []string{"s"}, label: "start", text: "Start the receiver in the background.", command: "hookctl start", off: stopped, run: p.start},
		{id: "receiver.stop", keys: []string{"t"}, label: "stop", text: "Stop the receiver, once what it has is finished.", command: "hookctl stop", off: down, run: p.askStop},
		{id: "receiver.restart", keys: []string{"b"}, label: "restart", text: "Stop the receiver and start it anew.", command: "hookctl restart", off: down, run: func() tea.Cmd {
			return p.control("restarting the receiver", "the receiver was restarted", func(ctx context.Context, cfg daemon.Config) error {
				_, err := daemon.Restart(ctx, cfg)
				return err
			})
		}},
		{id: "receiver.reload", keys: []string{"L"}, label: "reload", text: "Make the receiver read secrets and settings again.", off: down, run: func() tea.Cmd {
			return p.control("reloading", "secrets and settings were read again", func(ctx context.Context, cfg daemon.Config) error {
				_, err := daemon.Dial(cfg.Home).Reload(ctx)
				return err
			})
		}},
		{id: "view.next", keys: []string{"v"}, label: "view", text: "Show the log, the rejected requests or the settings.", run: func() tea.Cmd { return p.show((p.see + 1) % 3) }},
		{id: "receiver.level", keys: []string{"V"}, label: "level", text: "Show all lines of the log, from information up, from warnings up, or errors only.", off: onlyLog, run: func() tea.Cmd {
			p.least, p.at = (p.least+1)%4, 0
			return p.a.say("log lines from " + []string{"debug", "information", "warnings", "errors"}[p.least] + " up")
		}},
		{id: "open", keys: []string{"enter"}, label: "in full", text: "Show the lines on screen in full.", off: nothing, run: p.openFull},
		{id: "follow", keys: []string{"f"}, label: "follow", text: "Go to the newest and follow.", off: onlyLog, run: func() tea.Cmd { p.at = 0; return nil }},
	}
	return append(append(acts, moves(p.high, "", step)...), ends("", step)...)
}

// askStop warns before deliveries get lost.
func (p *receiverPage) askStop() tea.Cmd {
	p.a.show(&confirm{a: p.a, head: "Stop the receiver", yes: "y", verb: "stop it", lines: []string{
		"Stop the receiver on " + p.a.status.Address + "?",
		"GitHub keeps what it cannot deliver for three days; hookctl catchup fetches it later.",
	}, run: func() tea.Cmd {
		return p.control("stopping the receiver", "the receiver was stopped", daemon.Stop)
	}})
	return nil
}
