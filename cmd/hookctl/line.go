package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/server/daemon"
	"hookctl/tui/line"
)

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
	if errors.Is(failed, errCancelled) {
		return line.ErrCancelled
	}
	return failed
}

// lineSetup is what the dialogue of setup starts from, with the settings of that moment.
func (p *program) lineSetup(ctx context.Context) (line.Setup, error) {
	s, err := settings.Load(p.environ)
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
	s, err := settings.Load(p.environ)
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
	s, err := settings.Defaults(p.environ) // works although a setting is wrong
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
