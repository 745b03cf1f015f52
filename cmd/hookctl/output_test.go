package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
	"hookctl/server/fleet"
)

func TestJQKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		".id":               "9223372036854775807\n",
		".list[]":           "1\n2\n",
		".name":             "a \"b\"\n",
		"{id, name}":        "{\"id\":9223372036854775807,\"name\":\"a \\\"b\\\"\"}\n",
		"empty":             "",
		".nothing":          "null\n",
		".id == 1":          "false\n",
		"[.list[] | . + 1]": "[2,3]\n",
		".id | tostring":    "9223372036854775807\n",
		".list | @csv":      "1,2\n",
		"halt":              "",
	} {
		var out bytes.Buffer
		if err := runJQ(&out, expression, []byte(`{"id":9223372036854775807,"name":"a \"b\"","list":[1,2]}`)); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", expression, out.String(), err)
		}
	}
	for _, expression := range []string{".[", "nonsense", ".name | error", "1 +"} {
		if err := runJQ(&bytes.Buffer{}, expression, []byte(`{"name":"a"}`)); err == nil {
			t.Errorf("%s is no error", expression)
		}
	}
}

func TestExitCodesAndMessages(t *testing.T) {
	t.Parallel()
	cured := &hooks.Error{Op: "list hooks", Target: "o/r", Status: 404, Cure: "check the spelling", Err: hooks.ErrNotFound}
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"done", nil, 0, ""},
		{"failed", errors.New("it broke"), 1, "error: it broke\n"},
		{"with a hint", hint(errors.New("it broke"), "fix it"), 1, "error: it broke\nhint: fix it\n"},
		{"the hint nearest to the cause", hint(fmt.Errorf("do: %w", hint(errors.New("it broke"), "fix it")), "other"), 1, "error: do: it broke\nhint: fix it\n"},
		{"usage", usage(errors.New("no such flag")), 2, "error: no such flag\n"},
		{"cancelled", fmt.Errorf("ask: %w", errCancelled), 2, "cancelled\n"},
		{"interrupted", fmt.Errorf("wait: %w", context.Canceled), 2, "cancelled\n"},
		{"not logged in", &hooks.Error{Op: "log in", Err: hooks.ErrNotLoggedIn, Cure: "gh auth login"}, 4, "error: log in\nhint: gh auth login\n"},
		{"printed already", errReported, 1, ""},
		{"printed, and more", errors.Join(errReported, errors.New("it broke")), 1, "error: it broke\n"},
		{"two with one cure", errors.Join(cured, cured), 1, "error: list hooks on o/r: 404 Not Found\nerror: list hooks on o/r: 404 Not Found\nhint: check the spelling\n"},
		{"words of its own", fmt.Errorf("do: %w, %w", errors.New("a"), errors.New("b")), 1, "error: do: a, b\n"},
		{"several lines", errors.New("first\nsecond"), 1, "error: first\n       second\n"},
		{"hostile", errors.New("title \x1b[2J\u202e\r"), 1, "error: title \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			reportError(&out, c.err)
			if got := exitCode(c.err); got != c.code {
				t.Errorf("exit code %d, not %d", got, c.code)
			}
			if got := out.String(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestTablesAreClean(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := (&program{out: &out}).table([]string{"A", "B"}, [][]string{{"x\x1b[31m\ty", ""}, {"\u202eright", "z\nz"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e\t") || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%q", out.String())
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Parallel()
	head := []string{"REPOSITORY", "RESULT", "FILE"}
	rows := [][]string{{"octo-org/widgets", "recorded: 漢字 and more than there is room for", "20261124_212440_workflow_run.json"}, {"o/r", "", "latest.json"}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{unlimited, "" +
			"REPOSITORY        RESULT                                          FILE\n" +
			"octo-org/widgets  recorded: 漢字 and more than there is room for  20261124_212440_workflow_run.json\n" +
			"o/r               -                                               latest.json\n"},
		{70, "" +
			"REPOSITORY        RESULT             FILE\n" +
			"octo-org/widgets  recorded: 漢字 a…  20261124_212440_workflow_run.json\n" +
			"o/r               -                  latest.json\n"},
		{40, "" + // the file's name is never cut
			"REPOSITORY    RESULT        FILE\n" +
			"octo-org/wi…  recorded: …   20261124_212440_workflow_run.json\n" +
			"o/r           -             latest.json\n"},
	} {
		var out bytes.Buffer
		if err := layOut(c.width, head, rows).print(&out, append([][]string{head}, rows...)); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != c.want {
			t.Errorf("width %d:\n%s\nwant:\n%s", c.width, got, c.want)
		}
	}
}

// A column goes only where the narrowest table is too wide, and never in a pipe.
func TestTablesKeepTheirColumns(t *testing.T) {
	t.Parallel()
	head := []string{"RECEIVED", "EVENT", "REPOSITORY", "SENDER", "RESULT", "NOTIFIED", "FILE"}
	rows := [][]string{{"2026-11-24 21:24", "workflow_run completed", "octo-org/abc", "octocat", "recorded: a result of many words", "sent", "20261124_212440_workflow_run.json"}}
	for width, gone := range map[int][]string{
		unlimited: nil,
		300:       nil,
		125:       nil,       // EVENT and RESULT are cut
		112:       nil,       // every column is as narrow as it can be: 16+12+12+7+12+8+33 and six gaps of 2
		111:       {"EVENT"}, // which FILE says too
		98:        {"EVENT"},
		97:        {"EVENT", "RECEIVED"},
		80:        {"EVENT", "RECEIVED"},
		79:        {"EVENT", "RECEIVED", "SENDER"},
		20:        {"EVENT", "RECEIVED", "SENDER", "NOTIFIED"},
	} {
		var out, notes bytes.Buffer
		l := layOut(width, head, rows)
		if err := l.print(&out, append([][]string{head}, rows...)); err != nil {
			t.Fatal(err)
		}
		if (&program{err: &notes}).noteLeftOut(l); (len(gone) > 0) != (notes.String() == "no room for "+strings.Join(gone, ", ")+"; --json prints everything\n") {
			t.Errorf("width %d: the note is %q", width, notes.String())
		}
		first, _, _ := strings.Cut(out.String(), "\n")
		want := slices.DeleteFunc(slices.Clone(head), func(name string) bool { return slices.Contains(gone, name) })
		if got := strings.Fields(first); !slices.Equal(got, want) {
			t.Errorf("width %d: %q, not %q", width, got, want)
		}
		longest := 0
		for line := range strings.Lines(out.String()) {
			longest = max(longest, ansi.StringWidth(strings.TrimRight(line, "\n")))
		}
		if longest > width && width > 60 {
			t.Errorf("width %d: a line has %d\n%s", width, longest, out.String())
		}
		if width >= 300 && !strings.Contains(out.String(), "a result of many words") {
			t.Errorf("width %d: a cell is cut\n%s", width, out.String())
		}
	}
}

func TestInterruptedSetupIsCancelled(t *testing.T) {
	t.Parallel()
	broken := hooks.SetupResult{SetupItem: hooks.SetupItem{HookID: 1}, Err: errors.New("it broke")}
	left := hooks.SetupResult{SetupItem: hooks.SetupItem{HookID: 2}, Err: &hooks.Error{Op: "verify hook", Err: context.Canceled}}
	for _, c := range []struct {
		results []hooks.SetupResult
		code    int
		want    string
	}{
		{[]hooks.SetupResult{broken}, exitFailed, "error: it broke\n"},
		{[]hooks.SetupResult{left, left}, exitUsage, "cancelled\n"},
		{[]hooks.SetupResult{broken, left}, exitUsage, "error: it broke\ncancelled\n"},
		{[]hooks.SetupResult{left, broken}, exitUsage, "error: it broke\ncancelled\n"},
	} {
		var out, errOut bytes.Buffer
		p := &program{out: &out, err: &errOut}
		err := p.printSetup(fleet.SetupReport{Results: c.results}, &output{asJSON: true})
		reportError(&errOut, err)
		if exitCode(err) != c.code || errOut.String() != c.want || !strings.HasPrefix(out.String(), "[{") {
			t.Errorf("%v: exit code %d, %q, %q", c.results, exitCode(err), errOut.String(), out.String())
		}
	}
}
