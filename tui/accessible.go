package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"hookctl/logs"
	"hookctl/server/daemon"
)

// accessibleHelp is what the line mode can do.
const accessibleHelp = `events [FILTER]  the newest events, one a line, numbered
more             the next older ones
view N           one event in words
follow           new events as they come; an empty line ends it
status           how the receiver is
start, stop      the receiver
help             these lines
quit             leave; the receiver keeps running`

// lineMode is the interface for screen readers and braille lines: one prompt
// at a time, one line for each thing, no cursor movement, no colour.
type lineMode struct {
	cfg    Config
	log    *logs.Log
	out    io.Writer
	in     <-chan string // lines of the user; closed at the end of input
	filter logs.Filter
	shown  []logs.Entry
}

// runAccessible reads commands line by line until quit or the end of input.
func runAccessible(ctx context.Context, cfg Config, in io.Reader, out io.Writer) error {
	l, err := logs.Open(ctx, cfg.Logs)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer l.Close() //nolint:errcheck // only read from
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// The reader ends with the input; a read that waits for a key cannot be
	// called back, so it is left to the end of the process.
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	m := &lineMode{cfg: cfg, log: l, out: out, in: lines}
	m.say("hookctl in line mode. Type help for the commands.")
	m.status(ctx)
	for {
		fmt.Fprint(out, "> ")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, ok := <-lines:
			if !ok {
				m.say("")
				return nil
			}
			if verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); verb == "quit" || verb == "q" || verb == "exit" {
				return nil
			} else if err := m.do(ctx, verb, strings.TrimSpace(rest)); err != nil {
				m.say("error: " + logs.Clean(err.Error()))
				if cure := cureOf(err); cure != "" {
					m.say("hint: " + logs.Clean(cure))
				}
			}
		}
	}
}

func (m *lineMode) say(s string) { fmt.Fprintln(m.out, s) }

// do carries out one command.
func (m *lineMode) do(ctx context.Context, verb, rest string) error {
	switch verb {
	case "":
		return nil
	case "events":
		f, err := logs.ParseFilter(rest, m.cfg.Now())
		if err != nil {
			return err
		}
		m.filter, m.shown = f, nil
		return m.more(ctx)
	case "more":
		return m.more(ctx)
	case "view":
		return m.view(ctx, rest)
	case "follow":
		return m.follow(ctx)
	case "status":
		m.status(ctx)
		return nil
	case "start":
		st, err := daemon.Start(ctx, m.cfg.Daemon)
		if err == nil {
			m.say("The receiver is running on " + logs.Clean(st.Address) + ".")
		}
		return err
	case "stop":
		err := daemon.Stop(ctx, m.cfg.Daemon)
		if err == nil {
			m.say("The receiver was stopped.")
		}
		return err
	case "help", "?":
		m.say(accessibleHelp)
		m.say("Setting up and rotating in lines: hookctl setup, hookctl rotate.")
		return nil
	}
	return fmt.Errorf("there is no command %q; type help", verb)
}

// more lists the next older events.
func (m *lineMode) more(ctx context.Context) error {
	q := logs.Query{Filter: m.filter, Limit: 20}
	if n := len(m.shown); n > 0 {
		q.Cursor = m.shown[n-1].Cursor()
	}
	page, err := m.log.Page(ctx, q)
	if err != nil {
		return err
	}
	for _, e := range tidyAll(page.Entries) {
		m.shown = append(m.shown, e)
		m.say(fmt.Sprintf("%d. %s", len(m.shown), sentence(e, m.cfg)))
	}
	switch {
	case len(m.shown) == 0:
		m.say("No events.")
	case page.HasOlder:
		m.say("There are more: type more.")
	default:
		m.say("End of the list.")
	}
	return nil
}

// sentence is one event in one line.
func sentence(e logs.Entry, cfg Config) string {
	s := clock(e.ReceivedAt, cfg.Now()) + ", " + e.Event
	if e.Action != "" {
		s += " " + e.Action
	}
	if e.Repository != "" {
		s += ", " + e.Repository
	}
	if w := what(e); w != "" {
		s += ", " + w
	}
	if c := e.Conclusion; c == "success" || c == "failure" {
		s += ", " + c
	}
	if n := e.Notification; n != nil {
		s += ", notification " + n.Status
	}
	return s
}

func (m *lineMode) view(ctx context.Context, rest string) error {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > len(m.shown) {
		return errors.New("view takes the number of an event that was listed")
	}
	rec, err := m.log.Read(ctx, m.shown[n-1].File)
	if err != nil {
		return err
	}
	for _, f := range factsOf(tidyRecord(rec), m.cfg.Now()) {
		m.say(f.label + ": " + f.value)
	}
	m.say("The payload as JSON: hookctl events view " + m.shown[n-1].File)
	return nil
}

// follow tells new events until a line is typed.
func (m *lineMode) follow(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ch, err := m.log.Watch(ctx)
	if err != nil {
		return err
	}
	m.say("Following. An empty line ends it.")
	seen := map[string]bool{}
	for {
		select {
		case batch, ok := <-ch:
			if !ok {
				return ctx.Err()
			}
			for _, e := range batch {
				if !seen[e.File] {
					seen[e.File] = true
					m.say(sentence(tidy(e), m.cfg))
				}
			}
		case <-m.in:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *lineMode) status(ctx context.Context) {
	st, err := daemon.Dial(m.cfg.Home).Status(ctx)
	switch {
	case errors.Is(err, daemon.ErrNotRunning):
		m.say("The receiver is not running. Type start to start it.")
	case err != nil:
		m.say("The receiver does not answer: " + logs.Clean(err.Error()))
	default:
		m.say(fmt.Sprintf("The receiver is running on %s: %d received, %d rejected, %d notifications waiting.",
			logs.Clean(st.Address), st.Received, st.Rejected, st.PendingNotifications))
	}
}
