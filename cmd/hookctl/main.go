// Command hookctl sets up, receives, logs, shows and rotates GitHub webhooks.
//
// This package alone reads the command line. The package settings reads the environment and hookctl.yaml, wiring.go hands
// every other package its part, and there is one file per noun: setup, rotate, secret, receiver, hooks, events, demo and
// so on. Data goes to stdout and everything else to stderr; the exit codes are those of gh (errors.go).
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hookctl/hooks"
)

func main() { os.Exit(run()) }

// program is what every command works with.
type program struct {
	in       io.Reader // where answers and data come from
	stdin    *os.File  // the process's own, for an editor or a secret that is typed
	out, err io.Writer
	environ  func(string) string
	// quiet keeps notes from being written where they would disturb: over the full screen, into the receiver's log.
	quiet bool
	// accessible asks for prompts line by line instead of the full screen.
	accessible bool
	// terminal means that questions get an answer: stdin and stdout are terminals, or line mode reads the lines.
	terminal bool
	// jsonErrors means that the command was asked for JSON, so that what failed is JSON, too.
	jsonErrors bool
	// extension means that the program was called as `gh hookctl`.
	extension bool
}

// run executes the command line and returns the exit code. The first interrupt cancels the command, which then
// cleans up; the second one kills.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	out := &stdout{file: os.Stdout}
	p := &program{
		in: os.Stdin, stdin: os.Stdin, out: out, err: os.Stderr,
		environ:   os.Getenv,
		terminal:  isTerminal(os.Stdin) && isTerminal(os.Stdout),
		extension: isExtension(os.Args[0]),
	}
	cmd, err := p.tree().ExecuteContextC(ctx)
	err = out.check(err)
	p.jsonErrors = wantsJSON(cmd, os.Args[1:])
	if _, wrong := err.(*usageError); wrong && hooks.CureOf(err) == "" { //nolint:errorlint // The outermost.
		err = hint(err, "see how it is used: "+cmd.CommandPath()+" --help")
	}
	p.report(err)
	return exitCode(err)
}

// tree is a fresh command tree that works with p.
func (p *program) tree() *cobra.Command {
	root := newRoot(p)
	if p.extension {
		p.asExtension(root)
	}
	return root
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
