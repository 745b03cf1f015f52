// Command hookctl sets up, receives, logs, shows and rotates GitHub webhooks.
//
// This package alone reads the command line. The package settings reads the environment and hookctl.yaml, wiring.go hands
// every other package its part, and there is one file per noun: setup, rotate, secret, receiver, hooks, events, demo and
// so on. Data goes to stdout and everything else to stderr; the exit codes are those of gh (errors.go).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
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

// build is what `version --json` prints.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Date     string `json:"date"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildInfo is what the Go toolchain wrote into the binary: the tag, or a pseudo-version, and the commit.
func buildInfo() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// line is the build in a line, as `version` and `--version` print it.
func (b build) line() string {
	commit := ""
	if b.Commit != "" {
		commit = " (" + b.Commit[:min(len(b.Commit), 12)] + ")"
	}
	return fmt.Sprintf("%s%s %s %s", b.Version, commit, b.Go, b.Platform)
}

func newVersion(p *program) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit and the Go version",
		Example: "  hookctl version\n  hookctl version --json",
		RunE: func(*cobra.Command, []string) error {
			b := buildInfo()
			if out.wanted() {
				return out.print(p.out, b)
			}
			_, err := fmt.Fprintf(p.out, "hookctl %s\n", b.line())
			return err
		},
	}
	return addOutputFlags(cmd, &out)
}

// extensionName is what gh calls the program by when it is installed as an extension.
const extensionName = "gh-hookctl"

// isExtension reports whether the program runs as an extension of gh, typed as `gh hookctl`.
func isExtension(arg0 string) bool {
	return strings.TrimSuffix(filepath.Base(arg0), ".exe") == extensionName
}

// asExtension makes every command line that the program shows one that the person can paste: in help and examples, and
// in what is written to stderr, where the hints are.
func (p *program) asExtension(root *cobra.Command) {
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, regexp.QuoteMeta(cmd.Name()))
	}
	command := regexp.MustCompile(`(^|[ (:;,])(?:gh )?hookctl( (?:` + strings.Join(names, "|") + `)\b)`)
	alone := regexp.MustCompile(`(?m)^(\s*)hookctl\b`)
	paste := func(text string) string { return command.ReplaceAllString(text, "${1}gh hookctl${2}") }
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "gh hookctl"}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Long, cmd.Example = paste(cmd.Long), alone.ReplaceAllString(paste(cmd.Example), "${1}gh hookctl")
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	p.err = rewriter{p.err, paste}
	root.SetErr(p.err)
}

// rewriter passes on what is written, rewritten. Each write of ours is whole lines.
type rewriter struct {
	to      io.Writer
	rewrite func(string) string
}

func (r rewriter) Write(b []byte) (int, error) {
	if _, err := io.WriteString(r.to, r.rewrite(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
