package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// quietRoot is the command tree of a program that nobody sees.
func quietRoot(environ func(string) string) *cobra.Command {
	return newRoot(&program{in: os.Stdin, out: io.Discard, err: io.Discard, environ: environ})
}

// available calls f for every command that help shows.
func available(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			available(sub, f)
		}
	}
}

func noEnvironment(string) string { return "" }

func TestEveryCommandHasAManPage(t *testing.T) {
	dir := t.TempDir()
	root := quietRoot(noEnvironment)
	if err := writeManPages(root, dir, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	pages := map[string]bool{}
	available(root, func(cmd *cobra.Command) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		pages[name] = true
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			return
		}
		page := unescapeRoff(string(data))
		want := []string{`"2026-01-02"`, ".SH NAME", cmd.Short, ".SH SYNOPSIS", cmd.UseLine(), ".SH OPTIONS"}
		for line := range strings.Lines(cmd.Example) {
			want = append(want, strings.TrimRight(line, "\n"))
		}
		if cmd.CommandPath() == "hookctl config" {
			want = append(want, "receiver.public_url", "routes[].when", "paths.NAME.sinks", "sync.ci.logs", "One of: auto, excerpt, link, none.")
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				want = append(want, "--"+f.Name)
			}
		})
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s does not say %q", name, text)
			}
		}
	})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !pages[e.Name()] {
			t.Errorf("%s is the page of no command", e.Name())
		}
	}
	for name := range pages {
		if strings.Contains(name, "-man.") {
			t.Errorf("the hidden command is in %s", name)
		}
	}
}

// unescapeRoff is what a reader of the page sees.
func unescapeRoff(text string) string {
	return strings.NewReplacer(`\-`, `-`, `\(aq`, `'`, `\(ga`, "`", `\(ha`, `^`, `\(ti`, `~`, `\&`, ``, `\e`, `\`, `\[u2026]`, `…`).Replace(text)
}

func TestGroffReadsEveryManPage(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is missing")
	}
	dir := t.TempDir()
	if err := writeManPages(quietRoot(noEnvironment), dir, time.Time{}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	out, err := exec.Command(groff, append([]string{"-man", "-Tutf8", "-ww", "-z", "-rLL=200n"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestManPagesAreDatedBySourceNotByClock(t *testing.T) {
	epoch := func(name string) string {
		if name == "SOURCE_DATE_EPOCH" {
			return "1767323045"
		}
		return ""
	}
	for _, test := range []struct {
		name    string
		environ func(string) string
		build   build
		want    string
	}{
		{"the variable", epoch, build{Date: "2025-05-06T07:08:09Z"}, "2026-01-02"},
		{"the commit", noEnvironment, build{Date: "2025-05-06T23:08:09-05:00"}, "2025-05-07"},
		{"neither", noEnvironment, build{}, "0001-01-01"},
	} {
		date, err := manDate(test.environ, test.build)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := date.Format(time.DateOnly); got != test.want {
			t.Errorf("%s: %s, not %s", test.name, got, test.want)
		}
	}
	if _, err := manDate(func(string) string { return "yesterday" }, build{}); err == nil {
		t.Error("SOURCE_DATE_EPOCH=yesterday is taken for a time")
	}
}

func TestRoffTextMeansItself(t *testing.T) {
	for in, want := range map[string]string{
		"--match 'service-*'": `\-\-match \(aqservice\-*\(aq`,
		".PP is no request":   `\&.PP is no request`,
		`C:\new`:              `C:\enew`,
		"FILE…":               `FILE\[u2026]`,
		"~/.atlas `x` ^":      `\(ti/.atlas \(gax\(ga \(ha`,
	} {
		if got := escapeRoff(in); got != want {
			t.Errorf("%q: %q, not %q", in, got, want)
		}
	}
}

func TestShellsReadTheirCompletion(t *testing.T) {
	for _, test := range []struct {
		shell string
		check []string // what makes the shell read the file without running it
	}{
		{"bash", []string{"bash", "-n"}},
		{"zsh", []string{"zsh", "-n"}},
		{"fish", []string{"fish", "--no-execute"}},
		{"powershell", []string{"pwsh", "-NoProfile", "-NonInteractive", "-File"}},
	} {
		t.Run(test.shell, func(t *testing.T) {
			var script strings.Builder
			root := newRoot(&program{in: os.Stdin, out: &script, err: io.Discard, environ: noEnvironment})
			root.SetArgs([]string{"completion", test.shell})
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(script.String(), "hookctl") || !strings.Contains(script.String(), "__complete") {
				t.Fatalf("this completes nothing:\n%s", script.String())
			}
			if test.shell == "bash" && strings.Contains(script.String(), "gh hookctl") {
				t.Error("the script is for another name")
			}
			if _, err := exec.LookPath(test.check[0]); err != nil {
				t.Skipf("%s is missing", test.check[0])
			}
			file := filepath.Join(t.TempDir(), "hookctl.ps1")
			if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(test.check[0], append(test.check[1:], file)...).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%s: %v\n%s", strings.Join(test.check, " "), err, out)
			}
		})
	}
}
