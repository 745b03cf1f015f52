package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hookctl/cmd/hookctl/settings"
)

// newMan is for those who package the program; help does not show it.
func newMan(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write a man page for every command",
		Long: "Write a man page for every command into DIR. The date on the pages is SOURCE_DATE_EPOCH or else the commit's, so that\n" +
			"the same source gives the same pages.",
		Example: "  hookctl man man1",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := manDate(p.environ, buildInfo())
			if err != nil {
				return err
			}
			return writeManPages(cmd.Root(), args[0], date)
		},
	}
}

// manDate is the day that the pages carry; the zero time is none.
func manDate(environ func(string) string, b build) (time.Time, error) {
	if epoch := environ("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if b.Date == "" {
		return time.Time{}, nil
	}
	date, err := time.Parse(time.RFC3339, b.Date)
	if err != nil {
		return time.Time{}, fmt.Errorf("the commit's date: %w", err)
	}
	return date.UTC(), nil
}

// writeManPages writes the pages of cmd and of all below it, named as hookctl-events-list.1 is.
func writeManPages(cmd *cobra.Command, dir string, date time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // Pages are for everybody.
		return fmt.Errorf("write man pages: %w", err)
	}
	file := filepath.Join(dir, manName(cmd)+".1")
	if err := os.WriteFile(file, manPage(cmd, date), 0o644); err != nil { //nolint:gosec // Pages are for everybody.
		return fmt.Errorf("write man pages: %w", err)
	}
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writeManPages(sub, dir, date); err != nil {
			return err
		}
	}
	return nil
}

func manName(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return cmd.Name()
	}
	return manName(cmd.Parent()) + "-" + cmd.Name()
}

// manPage is the page of one command. It is written here and not by cobra's generator, which goes through Markdown and
// so takes the stars and underscores of our texts for emphasis.
func manPage(cmd *cobra.Command, date time.Time) []byte {
	cmd.InitDefaultHelpFlag() // The synopsis depends on whether there are flags.
	var page roff
	day := ""
	if !date.IsZero() {
		day = date.Format(time.DateOnly)
	}
	page.line(".TH %q 1 %q %q %q", strings.ToUpper(manName(cmd)), day, "hookctl", "hookctl manual")
	page.section("NAME")
	page.line("%s \\- %s", escapeRoff(manName(cmd)), escapeRoff(cmd.Short))
	page.section("SYNOPSIS")
	page.line(".B %s", escapeRoff(cmd.UseLine()))
	if cmd.HasAvailableSubCommands() && cmd.HasParent() {
		page.line(".br\n.B %s", escapeRoff(cmd.CommandPath()+" <command> [flags]"))
	}
	page.section("DESCRIPTION")
	page.text(cmp.Or(cmd.Long, cmd.Short+"."))
	if cmd.HasExample() {
		page.section("EXAMPLES")
		page.verbatim(cmd.Example)
	}
	page.commands(cmd)
	page.flags(cmd)
	switch cmd.CommandPath() {
	case "hookctl":
		page.common()
	case "hookctl config":
		page.section("SETTINGS")
		for _, e := range settings.Explain() {
			page.item(".B "+escapeRoff(e.Key), e.Doc)
		}
	}
	page.section("SEE ALSO")
	if cmd.HasParent() {
		page.line(".BR %s (1)", escapeRoff(manName(cmd.Parent())))
	} else {
		page.line(".BR gh (1)")
	}
	return page.Bytes()
}

// roff is the text of a man page in the making.
type roff struct{ bytes.Buffer }

func (r *roff) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *roff) section(name string) { r.line(".SH %s", name) }

// item is a tagged paragraph; the tag comes with its own escapes.
func (r *roff) item(tag, text string) {
	r.line(".TP\n%s", tag)
	r.text(text)
}

// text writes running text. The line breaks of a help text are for the terminal's width and no paragraphs; a line that is
// indented starts a new line.
func (r *roff) text(text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			r.line(".br")
		}
		if line = strings.TrimSpace(line); line == "" {
			r.line(".PP")
		} else {
			r.line("%s", escapeRoff(line))
		}
	}
}

func (r *roff) verbatim(text string) {
	r.line(".nf")
	for line := range strings.Lines(text) {
		r.line("%s", escapeRoff(strings.TrimRight(line, "\n")))
	}
	r.line(".fi")
}

// commands lists the commands below, in the order of the help's groups.
func (r *roff) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	r.section("COMMANDS")
	groups := append(cmd.Groups(), &cobra.Group{})
	for _, group := range groups {
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && sub.IsAvailableCommand() {
				r.item(".BR "+escapeRoff(manName(sub))+" (1)", sub.Short)
			}
		}
	}
}

func (r *roff) flags(cmd *cobra.Command) {
	r.section("OPTIONS")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		tag := `\fB` + escapeRoff("--"+f.Name) + `\fP`
		if f.Shorthand != "" {
			tag = `\fB` + escapeRoff("-"+f.Shorthand) + `\fP, ` + tag
		}
		if value != "" {
			tag += ` \fI` + escapeRoff(value) + `\fP`
		}
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" {
			usage += " (default " + f.DefValue + ")"
		}
		r.item(tag, usage)
	})
}

// common is what holds for every command, and stands on the first page only.
func (r *roff) common() {
	r.section("EXIT STATUS")
	for _, e := range []struct {
		code int
		when string
	}{
		{exitDone, "done"}, {exitFailed, "failed"}, {exitUsage, "wrong usage, or cancelled"}, {exitStopped, "status: the receiver does not run"}, {exitNotLogged, "not logged in to GitHub"},
		{exitTimeUp, "events wait: the time is up; ci --red: something fails"},
	} {
		r.item(".B "+strconv.Itoa(e.code), e.when)
	}
	r.section("ERRORS")
	r.text("With --json a failing command writes one line of JSON to stderr: error, hint and code. The codes:")
	for _, e := range errorCodes() {
		r.item(".B "+escapeRoff(e.code), e.when)
	}
	r.section("ENVIRONMENT")
	r.item(".B HOOKCTL_HOME", "directory of all files of hookctl (default ~/.atlas)")
	r.item(".B GITHUB_WEBHOOK_SECRET", "the shared secret; store it in .env, so that it can be rotated")
	r.item(".B GITHUB_WEBHOOK_SECRET_<NAME>", "in .env: the secret of /webhook/<name>; the name in capitals, with _ for other characters")
	r.item(".B GITHUB_WEBHOOK_SECRET_<ID>", "in .env: the secret of the hook with that id")
	r.item(".B HOOKCTL_CLUSTER_KEY", "in .env: what the nodes of a cluster recognise each other by")
	for _, v := range settings.Variables() {
		r.item(".B "+escapeRoff(v.Name), "sets "+v.Key+" of hookctl.yaml")
	}
	r.item(".B NO_COLOR, ACCESSIBLE", "no colours; line mode instead of the full screen")
	r.text("\nThe login at GitHub is that of gh(1), with its own variables.")
	r.section("FILES")
	r.item(".I ~/.atlas/.env", "secret and variables, mode 0600")
	r.item(".I ~/.atlas/hookctl.yaml", "settings; see hookctl-config(1)")
	r.item(".I ~/.atlas/webhook_logs/", "the records, one file for each delivery")
	r.item(".I ~/.atlas/state/", "the targets of this receiver, the flags it was started with, the state of a rotation, former secrets")
	r.item(".I ~/.atlas/run/", "lock, control socket, the receiver's own log: nothing that has to be kept")
}

// escapeRoff makes text mean itself: no escape, no request, and a hyphen that can be pasted into a shell.
func escapeRoff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", "\\(ga", `^`, `\(ha`, `~`, `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	var b strings.Builder
	for _, c := range text {
		if c < utf8.RuneSelf {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, c)
		}
	}
	return b.String()
}
