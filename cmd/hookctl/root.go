package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hookctl/logs/text"
)

// The groups under which help lists the commands.
const (
	groupHooks    = "hooks"
	groupReceiver = "receiver"
	groupLog      = "log"
)

// helpTemplate begins with examples: most people look for the line to copy. Cobra alone draws it; fang would ask the
// terminal for its background colour on every help and every error, and swallow what was typed.
const helpTemplate = `{{with or .Long .Short}}{{trim .}}

{{end}}{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} <command> [flags]{{else}}{{.UseLine}}{{end}}
{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}
{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if not .AllChildCommandsHaveGroup}}
{{if .Groups}}More:{{else}}Commands:{{end}}{{range $cmds}}{{if (and (eq .GroupID "") .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsagesWrapped %d | trimTrailingWhitespaces}}
{{end}}`

// newRoot is the whole command line.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "hookctl",
		Short: "Set up, receive, log, browse and rotate GitHub webhooks",
		Long: "Set up, receive, log, browse and rotate GitHub webhooks.\n" +
			"Without a command it opens the terminal interface; everything there can be done with a command, too.",
		Example: `  hookctl                                        open the interface; its first page leads to setup
  hookctl demo                                   try it without an account
  hookctl setup -R owner/repo --url https://hooks.example.com
  hookctl rotate --all                           change the secret without losing a delivery
  hookctl events list --filter 'event:push since:1h'
  hookctl events list --jq '.[].file'            every command that prints data has --json and --jq`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// --accessible works on a pipe, too; the variable ACCESSIBLE alone does not.
			if !p.terminal && !p.accessible {
				return cmd.Help()
			}
			return p.openFace(cmd.Context())
		},
	}
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) { p.jsonErrors = wantsJSON(cmd, nil) }
	root.Version = buildInfo().line()
	root.SetVersionTemplate("hookctl {{.Version}}\n")
	root.Flags().BoolVar(&p.accessible, "accessible", false, "read commands line by line, also from a pipe, instead of opening the full screen")
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(flagMistake)
	root.AddGroup(
		&cobra.Group{ID: groupHooks, Title: "Webhooks at GitHub:"},
		&cobra.Group{ID: groupReceiver, Title: "The receiver:"},
		&cobra.Group{ID: groupLog, Title: "The log:"},
	)
	in := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	in(groupHooks, newSetup(p), newRotate(p), newSecret(p), newHooks(p), newCatchup(p))
	in(groupReceiver, newServe(p), newStart(p), newStop(p), newRestart(p), newReload(p), newStatus(p), newRejected(p), newLog(p), newService(p), newDoctor(p), newCluster(p))
	in(groupLog, newEvents(p), newCI(p), newSync(p), newTest(p))
	in("", newMCP(p), newConfig(p), newDemo(p), newVersion(p), newMan(p))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	finish(root)
	completeAll(p, root)
	fitHelp(root, terminalWidth(p.out))
	return root
}

// fitHelp has help break its lines at words where a terminal is narrow. Examples stay as they are to be copied.
func fitHelp(root *cobra.Command, width int) {
	root.SetHelpTemplate(fmt.Sprintf(helpTemplate, width))
	root.SetUsageTemplate(fmt.Sprintf(helpTemplate, width))
	show := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		cmd.Long = fitText(cmd.Long, width)
		show(cmd, args)
	})
}

// indented is a line of help that stands for itself: a term, and what it means.
var indented = regexp.MustCompile(`^  +(\S+( \S+)*  +)?`)

// fitText fills the paragraphs of a text again where one of its lines is wider than that.
func fitText(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	var out []string
	paragraph := ""
	end := func() {
		if paragraph != "" {
			out, paragraph = append(out, fill(paragraph, width, "")), ""
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if lead := indented.FindString(line); lead != "" || line == "" {
			end()
			out = append(out, lead+fill(line[len(lead):], width-len(lead), strings.Repeat(" ", len(lead))))
		} else {
			paragraph += " " + line
		}
	}
	end()
	return strings.Join(out, "\n")
}

// finish makes every command refuse what it does not know with exit code 2 and a hint.
func finish(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.DefValue == "0s" {
			f.DefValue = "" // it means none, which help does not say of numbers either
		}
	})
	args := cmd.Args
	switch {
	case cmd.HasSubCommands():
		if !cmd.Runnable() {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		}
	case cmd.Name() == "help":
		// Cobra's own would succeed for an unknown command.
		cmd.Run, cmd.RunE = nil, func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(about, args[len(args)-max(len(rest), 1)])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		}
	default:
		if args == nil {
			args = cobra.NoArgs
		}
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if args(cmd, given) != nil {
				return argumentMistake(cmd, args, given)
			}
			if err := flagsMistake(cmd); err != nil { // cobra would report it later, as a failure
				return hint(usage(err), "usage: "+cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		finish(sub)
	}
}

// unknownWord is the annotation of a command that says what a word may mean that is none of its commands.
const unknownWord = "unknown word"

// unknownCommand names the nearest commands that exist.
func unknownCommand(cmd *cobra.Command, name string) error {
	err := usage(fmt.Errorf("%s has no command %q", cmd.CommandPath(), name))
	// A word of three letters is near to many of its length.
	most := min(2, len(name)/2)
	for cmd.SuggestionsMinimumDistance = 1; cmd.SuggestionsMinimumDistance <= most; cmd.SuggestionsMinimumDistance++ {
		if near := cmd.SuggestionsFor(name); len(near) > 0 {
			return hint(err, "did you mean: "+cmd.CommandPath()+" "+strings.Join(near, ", "))
		}
	}
	if meant := cmd.Annotations[unknownWord]; meant != "" {
		return hint(err, fmt.Sprintf(meant, text.Shell(name)))
	}
	return hint(err, "see the commands: "+cmd.CommandPath()+" --help")
}

// missing is the error of a command that has no terminal to ask on.
func missing(flag, what string) error {
	return hint(usage(fmt.Errorf("--%s is missing: %s", flag, what)),
		"hookctl cannot ask without a terminal: give every flag, and --yes")
}

// ask puts a question on stderr and reads a line; without a terminal it names the flag that would have answered.
func (p *program) ask(ctx context.Context, flag, question, fallback string) (string, error) {
	suffix := ""
	if fallback != "" {
		suffix = " [" + fallback + "]"
	}
	line, err := p.answer(ctx, flag, question, suffix)
	if line = cmp.Or(line, fallback); err == nil && line == "" {
		err = usage(fmt.Errorf("--%s is missing: %s", flag, question))
	}
	return line, err
}

// confirm asks for a yes, which --yes gives beforehand.
func (p *program) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	line, err := p.answer(ctx, "yes", question, " [y/N]")
	if answer := strings.ToLower(line); err == nil && answer != "y" && answer != "yes" {
		err = errCancelled
	}
	return err
}

func (p *program) answer(ctx context.Context, flag, question, suffix string) (string, error) {
	if !p.terminal {
		return "", missing(flag, question)
	}
	fmt.Fprintf(p.err, "%s%s: ", question, suffix)
	return p.readLine(ctx)
}

// readLine reads one line from stdin.
func (p *program) readLine(ctx context.Context) (string, error) {
	return typed(ctx, func() (string, error) {
		line, err := bufio.NewReader(p.in).ReadString('\n')
		return strings.TrimSpace(line), err
	})
}

// typed is what read returns, or errCancelled where input or ctx ends first: a blocked read cannot be interrupted, so it is left to the
// end of the process.
func typed(ctx context.Context, read func() (string, error)) (line string, err error) {
	done := make(chan struct{})
	var got string
	var failed error
	go func() {
		defer close(done)
		got, failed = read()
	}()
	select {
	case <-ctx.Done():
		return "", errCancelled
	case <-done:
		if errors.Is(failed, io.EOF) {
			failed = errCancelled
		}
		return got, failed
	}
}

// note writes one line for people, on stderr, so that stdout holds data alone.
func (p *program) note(format string, args ...any) {
	fmt.Fprintf(p.err, format+"\n", args...)
}
