// Package receiver is the page of the background receiver: start and stop, its
// log, and the requests that it refused.
package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// tailEvery is how often the log is read while the page is in front.
const tailEvery = 500 * time.Millisecond

// The two views of the Receiver page.
const (
	viewLog = iota
	viewRejected
)

// Config is what the page is given.
type Config struct {
	Home     string        // HOOKCTL_HOME
	Daemon   daemon.Config // how the receiver is started
	Receiver *kit.Answer[daemon.Status]
	Poll     func(again bool) tea.Cmd // asks the receiver how it is
}

// Page starts and stops the receiver and shows its log and the requests
// that it refused.
type Page struct {
	shell    *kit.Shell
	cfg      Config
	see      int
	lines    []logLine
	tail     daemon.LogTail
	ticking  bool
	least    int // least weight of the lines shown
	at       int // line from the end; 0 follows
	rejected []daemon.Rejected
	high     int    // lines of the view's body
	busy     string // what is under way
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page {
	return &Page{shell: shell, cfg: cfg, tail: daemon.LogTail{Home: cfg.Home}, least: 1}
}

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageReceiver }

// Open implements kit.Page.
func (p *Page) Open(request any) tea.Cmd {
	if _, ok := request.(kit.Refusals); ok {
		p.see, p.at = viewRejected, 0
	}
	cmds := []tea.Cmd{p.askRejected()}
	if !p.ticking {
		p.ticking = true
		cmds = append(cmds, p.read())
	}
	return tea.Batch(cmds...)
}

// read reads what was added to the log, and goes on with that while the page is in front.
func (p *Page) read() tea.Cmd {
	from := p.tail
	var lines []logLine
	return kit.Ask(p.shell, func(context.Context) (daemon.LogTail, error) {
		next, more, err := from.Next(tailStart)
		for _, l := range more {
			if l != "" {
				lines = append(lines, parseLogLine(l))
			}
		}
		return next, err
	}, func(next daemon.LogTail, err error) tea.Cmd {
		p.tail = next
		if p.at > 0 {
			p.at += len(p.kept(lines)) // what is on screen stays there
		}
		p.lines = append(p.lines, lines...)
		if n := len(p.lines) - tailKeep; n > 0 {
			p.lines = slices.Clone(p.lines[n:])
		}
		if p.ticking = err == nil && p.shell.InFront(p); p.ticking {
			return p.shell.After(tailEvery, p.read())
		}
		return p.shell.Fail(err)
	})
}

// askRejected asks for the refused requests; a receiver that does not run has none.
func (p *Page) askRejected() tea.Cmd {
	home := p.cfg.Home
	return kit.Ask(p.shell, func(ctx context.Context) ([]daemon.Rejected, error) {
		ctx, stop := context.WithTimeout(ctx, 3*time.Second)
		defer stop()
		return daemon.Dial(home).Rejected(ctx)
	}, func(list []daemon.Rejected, _ error) tea.Cmd {
		p.rejected = list
		return nil
	})
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Answer[daemon.Status]:
		if p.shell.InFront(p) && msg.OK() && msg.Value.Rejected != int64(len(p.rejected)) {
			return p.askRejected()
		}
	case kit.Controlled:
		p.busy = ""
		if msg.Err != nil {
			return tea.Batch(p.shell.Fail(msg.Err), p.cfg.Poll(false))
		}
		return tea.Batch(p.shell.Say(msg.Done), p.cfg.Poll(false))
	case kit.Wheel:
		return p.move(msg.Lines)
	case kit.Click:
		at := 1
		for i, n := range p.views() {
			if msg.Y == 2 && msg.X >= at && msg.X < at+len(n) {
				return p.show(i)
			}
			at += len(n) + 2
		}
	}
	return nil
}

// views are the names of the views, as they stand below the header.
func (p *Page) views() []string {
	return []string{"Log", fmt.Sprintf("Refused (%d)", len(p.rejected))}
}

// show turns to a view, from its start.
func (p *Page) show(view int) tea.Cmd {
	p.see, p.at = view, 0
	return p.askRejected()
}

// move goes by some lines, down positive.
func (p *Page) move(by int) tea.Cmd {
	if p.see == viewLog { // its end is the newest line
		by = -by
	}
	p.at = max(0, p.at+by)
	return nil
}

// kept are the lines at or above the chosen level.
func (p *Page) kept(all []logLine) []logLine {
	return slices.DeleteFunc(slices.Clone(all), func(l logLine) bool { return l.weight() < p.least })
}

// control runs one of the daemon's verbs as a command, one at a time. Other
// pages use it too, and do not show what is under way.
func (p *Page) control(busy, done string, do func(context.Context, daemon.Config) error) tea.Cmd {
	if p.busy != "" {
		return p.shell.Warn(p.busy)
	}
	p.busy = busy
	ctx, cfg := p.shell.Ctx, p.cfg.Daemon
	verb := func() tea.Msg { return kit.Controlled{Done: done, Err: do(ctx, cfg)} }
	if p.shell.InFront(p) {
		return verb
	}
	return tea.Batch(p.shell.Say(busy), verb)
}

// Start starts the receiver in the background.
func (p *Page) Start() tea.Cmd {
	return p.control("starting the receiver", "the receiver is running", func(ctx context.Context, cfg daemon.Config) error {
		_, err := daemon.Start(ctx, cfg)
		return err
	})
}

// Restart replaces the receiver, through its supervisor where it has one.
func (p *Page) Restart() tea.Cmd {
	return p.control("restarting the receiver", "the receiver was restarted", func(ctx context.Context, cfg daemon.Config) error {
		_, err := daemon.Restart(ctx, cfg)
		return err
	})
}

// Reload makes the receiver read secrets and settings again.
func (p *Page) Reload() tea.Cmd {
	return p.control("reloading the receiver", "secrets and settings were read again", func(ctx context.Context, cfg daemon.Config) error {
		_, err := daemon.Dial(cfg.Home).Reload(ctx)
		return err
	})
}

// silent is the receiver that holds its place and does not answer, nil for
// none: suspended by a signal, stuck, or with its run directory removed.
func (p *Page) silent() *daemon.UnresponsiveError {
	silent, _ := errors.AsType[*daemon.UnresponsiveError](p.cfg.Receiver.Err)
	return silent
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	runs, stuck := p.cfg.Receiver.OK(), p.silent() != nil
	down := cmp.Or(p.busy, kit.When(!runs && !stuck, "the receiver is not running; s starts it"))
	deaf := cmp.Or(down, kit.When(stuck, "the receiver does not answer; b replaces it"))
	up := cmp.Or(p.busy, kit.When(runs, "the receiver is running already"), kit.When(stuck, "a receiver that does not answer is in the way; b replaces it"))
	onlyLog := kit.When(p.see != viewLog, "this is for the log; v shows it")
	nothing := kit.When([]int{len(p.lines), len(p.rejected)}[p.see] == 0, "nothing is listed")
	acts := []kit.Action{
		{ID: "receiver.start", Keys: []string{"s"}, Label: "start", Text: "Start the receiver in the background.", Command: "hookctl start", Off: up, Run: p.Start},
		{ID: "receiver.stop", Keys: []string{"t"}, Label: "stop", Text: "Stop the receiver once it has finished what it accepted.", Command: "hookctl stop", Off: down, Run: p.askStop},
		{ID: "receiver.restart", Keys: []string{"b"}, Label: "restart", Text: "Replace the receiver by a new one with the same flags; no delivery is refused.", Command: "hookctl restart", Off: down, Run: p.Restart},
		{ID: "receiver.reload", Keys: []string{"L"}, Label: "reload", Text: "Make the receiver read secrets and settings again.", Command: "hookctl reload", Off: deaf, Run: p.Reload},
		{ID: "view.next", Keys: []string{"v"}, Label: "view", Text: "Show the log or the refused requests.", Command: []string{"hookctl log", "hookctl rejected"}[p.see], Run: func() tea.Cmd { return p.show((p.see + 1) % 2) }},
		{ID: "receiver.level", Keys: []string{"V"}, Label: "level", Text: "Show all lines of the log, from information up, from warnings up, or errors only.", Command: "hookctl log --level " + []string{"debug", "info", "warn", "error"}[p.least], Off: onlyLog, Run: func() tea.Cmd {
			p.least, p.at = (p.least+1)%4, 0
			return p.shell.Say("showing log lines from " + []string{"debug", "information", "warnings", "errors"}[p.least] + " up")
		}},
		{ID: "open", Keys: []string{"enter"}, Label: "in full", Text: "Show the lines on screen in full.", Off: nothing, Run: p.openFull},
		{ID: "follow", Keys: []string{"f"}, Label: "follow", Text: "Go to the newest and follow.", Off: onlyLog, Run: func() tea.Cmd { p.at = 0; return nil }},
	}
	return append(acts, kit.Walk(p.high, "", p.move)...)
}

// askStop warns before deliveries get lost.
func (p *Page) askStop() tea.Cmd {
	what := "Stop the receiver on " + p.cfg.Receiver.Value.Address + "?"
	if silent := p.silent(); silent != nil {
		what = fmt.Sprintf("Stop the receiver that does not answer (pid %d)?", silent.PID)
	}
	lines := []string{what, "GitHub keeps what it cannot deliver for three days; hookctl catchup fetches it later."}
	if s := p.cfg.Receiver.Value.Supervisor; s != nil {
		lines = append(lines, s.String()+" runs it, and is asked to stop it: "+strings.Join(s.Command("stop"), " "))
	}
	return p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Stop the receiver", Yes: "y", Verb: "stop it", Lines: lines, Run: func() tea.Cmd {
		return p.control("stopping the receiver", "the receiver was stopped", daemon.Stop)
	}})
}
