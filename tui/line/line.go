package line

import (
	"context"
	"errors"
	"fmt"
	"hookctl/hooks"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/google/shlex"
	"github.com/spf13/cobra"
)

// ErrCommandFailed is returned by [Run] where the commands came from a pipe and one of them failed. What went wrong has
// been printed.
var ErrCommandFailed = errors.New("a command failed")

// ErrCancelled is what a question is left with, and what Config.Execute returns for a command that the user cancelled.
var ErrCancelled = errors.New("cancelled")

var (
	errInterrupted = errors.New("interrupted")                // by ctrl+c
	errBack        = errors.New("this is the first question") // back to the question before
)

// Config is what main hands to line mode.
type Config struct {
	In          io.Reader
	Out         io.Writer        // everything is printed here, data and errors alike
	Interactive bool             // a person answers: there is a prompt, and ctrl+d ends a question before it ends line mode
	Interrupts  <-chan os.Signal // ctrl+c; nil for none
	Release     func()           // lets the next ctrl+c end the process

	// Execute runs one command line on a fresh command tree, without the program's name. It reports errors on err, in the
	// program's own form, and returns them. The command reads its answers from in, a line at a time.
	Execute func(ctx context.Context, args []string, in io.Reader, out, err io.Writer) error
	// Tree returns a fresh command tree, to look commands up in.
	Tree func() *cobra.Command
	// Setup returns what the dialogue of setup starts from, as the settings are at that moment.
	Setup func() (Setup, error)
	// Fresh reports whether nothing is set up yet.
	Fresh func(ctx context.Context) bool
}

// mode is line mode as it runs.
type mode struct {
	Config
	in     *reader
	out    *Output
	lists  map[string]*list // by what their rows are: FILE, HOOK or DELIVERY
	last   *list            // the list that more goes on with
	longer *list            // the list that the command under way makes longer
	typed  string           // a command that ended the one before
	failed bool             // a command failed
	leave  bool             // after what is under way
}

// Run takes commands until quit, the end of the input, ctrl+c at the prompt or the end of ctx. ctx should not end with
// ctrl+c: that cancels the command that is running, and only at the prompt it leaves. Run returns [ErrCommandFailed], or
// the error of ctx.
func Run(ctx context.Context, cfg Config) error {
	m := &mode{Config: cfg, lists: map[string]*list{}}
	m.out = &Output{w: cfg.Out, table: m.table}
	m.in = newReader(cfg.In, m.out, cfg.Interactive)
	defer close(m.in.want)
	m.welcome(ctx)
	for !m.leave && ctx.Err() == nil {
		if m.Interactive {
			fmt.Fprint(m.out, "> ")
		}
		text, err := m.typed, error(nil)
		if m.typed = ""; text != "" {
			m.say(text) // as if it had been typed after the prompt
		} else {
			text, err = m.in.line(ctx, m.Interrupts)
		}
		switch {
		case errors.Is(err, errTooLong):
			m.failed = m.fail(err.Error(), "") != nil
			continue
		case err != nil: // the end of the input, or ctrl+c
			m.leave = true
			continue
		}
		m.failed = m.do(ctx, text) != nil || m.failed
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case m.failed && !m.Interactive:
		return ErrCommandFailed
	}
	return nil
}

// welcome says how things are. Where nothing is set up it offers to do that, as the full screen does.
func (m *mode) welcome(ctx context.Context) {
	m.say("hookctl in line mode. Type help for the commands.")
	if !m.Fresh(ctx) {
		if m.Interactive {
			_ = m.execute(ctx, []string{"status"}) // it has printed what is wrong
		}
		return
	}
	if !m.Interactive {
		m.say("Nothing is set up yet. Type setup to set up webhooks.")
		return
	}
	m.say("Nothing is set up yet. Setup takes about a minute.")
	if yes, err := m.confirm(ctx, "Set up webhooks now?", true); err != nil || !yes {
		m.say("Type setup to do it later.")
		return
	}
	_ = m.setup(ctx) // what went wrong has been printed
}

// do carries out a line. Its error has been printed.
func (m *mode) do(ctx context.Context, text string) error {
	words, err := shlex.Split(text)
	if err != nil {
		return m.fail("the line ends inside quotes", "")
	}
	if len(words) > 1 && words[0] == "gh" && words[1] == "hookctl" {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "hookctl" {
		words = words[1:]
	}
	if strings.HasSuffix(text, "\t") || len(words) > 0 && words[len(words)-1] == "?" {
		return m.complete(ctx, words)
	}
	if len(words) == 0 {
		return nil
	}
	switch strings.Join(words, " ") {
	case "quit", "exit", "q":
		m.leave = true
		return nil
	case "help", "?":
		return m.help()
	case "help all", "--help", "-h":
		return m.helpAll(ctx)
	case "more", "next":
		return m.more(ctx)
	case "back":
		return m.back()
	case "setup":
		return m.setup(ctx)
	}
	lines, err := m.commands(words)
	if err != nil {
		return err
	}
	for _, words := range lines {
		err = errors.Join(err, m.execute(ctx, words))
	}
	return err
}

// help prints what is needed most.
func (m *mode) help() error {
	m.say("The commands that matter first:")
	known := ownWords()
	for _, name := range []string{"setup", "status", "events [FILTER]", "view", "follow", "resend", "hooks", "rotate", "undo", "doctor", "settings", "N", "more, back", "WORDS ?", "quit"} {
		i := slices.IndexFunc(known, func(word [2]string) bool { return word[0] == name })
		if i < 0 {
			cmd, _, err := m.Tree().Find([]string{name})
			if err != nil {
				return err
			}
			i, known = len(known), append(known, [2]string{name, cmd.Short})
		}
		m.entry(known[i])
	}
	m.say("All commands: help all. One command with its flags: help events list")
	return nil
}

// helpAll prints the commands of the shell in their groups, and then the words of the prompt.
func (m *mode) helpAll(ctx context.Context) error {
	err := m.execute(ctx, []string{"--help"})
	m.say("")
	m.say("Line mode:")
	for _, word := range ownWords() {
		m.entry(word)
	}
	return err
}

// entry prints a word with what it does.
func (m *mode) entry(word [2]string) { m.say(fmt.Sprintf("  %-15s %s", word[0], word[1])) }

// ownWords are the words that the shell does not know, with what each does: the short forms of commands, and what only the
// prompt knows.
func ownWords() (words [][2]string) {
	for _, a := range aliases() {
		if a.text != "" {
			words = append(words, [2]string{a.usage(), a.text})
		}
	}
	return append(words, [][2]string{
		{"setup", "Set up webhooks question by question, where no flags follow"},
		{"more, back", fmt.Sprintf("The next page of the last list, or the one before; a page has %d rows", page)},
		{"N", "A number in place of an event, a hook or a delivery is its row in the last list of them"},
		{"WORDS ?", "What may follow the words"},
		{"quit", "Leave; ctrl+d does too, and ctrl+c when nothing is running"},
	}...)
}

// complete lists what may follow the words, as the shell's completion does.
func (m *mode) complete(ctx context.Context, words []string) error {
	part := ""
	if n := len(words); n > 0 {
		words, part = words[:n-1], strings.TrimSuffix(words[n-1], "?")
	}
	var found strings.Builder
	if err := m.Execute(ctx, append([]string{"__complete"}, append(words, part)...), strings.NewReader(""), &found, io.Discard); err != nil {
		return err
	}
	any := false
	for line := range strings.Lines(found.String()) {
		name, about, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name == "" || strings.HasPrefix(name, ":") || strings.HasPrefix(name, "_") {
			continue
		}
		any = true
		m.say(strings.TrimSuffix(name+": "+about, ": "))
	}
	if !any {
		m.say("No completions.")
	}
	return nil
}

// execute runs one command line. What waits for new events ends with a line that is typed, too; a command in it comes next.
func (m *mode) execute(ctx context.Context, words []string) error {
	return m.work(ctx, func(ctx context.Context) error {
		ctx, stop := context.WithCancel(ctx)
		var listening sync.WaitGroup
		defer func() {
			stop()
			listening.Wait()
			m.out.breakLine()
		}()
		if line := strings.Join(words, " ") + " "; m.Interactive && (strings.HasPrefix(line, "events follow ") || strings.HasPrefix(line, "events wait ")) {
			m.say("Press enter to stop.")
			listening.Go(func() {
				line, _ := m.in.line(ctx, nil) // the prompt sees the end of the input
				m.typed = strings.TrimSpace(line)
				stop()
			})
		}
		m.out.words = words
		return m.Execute(ctx, words, &answers{m.in, ctx, ""}, m.out, m.out)
	})
}

// work does something that takes time. ctrl+c cancels it; pressed again it also leaves, once the work has ended, and a
// third one ends the process. The error is then errInterrupted.
func (m *mode) work(outer context.Context, do func(context.Context) error) error {
	ctx, stop := context.WithCancel(outer)
	defer stop()
	ended := make(chan error)
	go func() { ended <- do(ctx) }()
	for interrupts := 0; ; {
		select {
		case err := <-ended:
			if err != nil && (interrupts > 0 || outer.Err() != nil) {
				return errInterrupted
			}
			return err
		case <-m.Interrupts:
			switch interrupts++; interrupts {
			case 1:
				m.out.breakLine()
				m.say("Interrupting.")
				stop()
			case 2:
				m.leave = true
				m.Release()
			}
		}
	}
}

// say prints one line.
func (m *mode) say(line string) { fmt.Fprintln(m.out, line) }

// fail prints an error of line mode itself, and what to do about it.
func (m *mode) fail(problem, hint string) error {
	return m.report(hooks.WithCure(errors.New(problem), hint))
}

// report prints an error with its cure, where there is one, and passes it on.
func (m *mode) report(err error) error {
	if err == nil || errors.Is(err, errInterrupted) {
		return err
	}
	m.say("error: " + err.Error())
	if hint := hooks.CureOf(err); hint != "" {
		m.say("hint: " + hint)
	}
	return err
}
