package main

import (
	"bytes"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"hookctl/server/doctor"
)

// On a narrow terminal the lines of help break at words, and say what they say elsewhere.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	help := func(cmd *cobra.Command) string {
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	whole := map[string][]string{}
	available(quietRoot(noEnvironment), func(cmd *cobra.Command) { whole[cmd.CommandPath()] = strings.Fields(help(cmd)) })
	root := quietRoot(noEnvironment)
	fitHelp(root, 80)
	available(root, func(cmd *cobra.Command) {
		text := help(cmd)
		if strings.Join(strings.Fields(text), " ") != strings.Join(whole[cmd.CommandPath()], " ") {
			t.Errorf("%s: other words:\n%s", cmd.CommandPath(), text)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			if first := strings.TrimLeft(line, " "); lipgloss.Width(line) > 80 && strings.Contains(first, " ") && !strings.Contains(cmd.Example, first) && !strings.HasPrefix(cmd.CommandPath(), "hookctl completion") {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), lipgloss.Width(line), line)
			}
		}
	})
}

func TestChecksFitTheTerminal(t *testing.T) {
	t.Parallel()
	checks := []doctor.Check{
		{Name: "receiver", Status: doctor.Fail, Detail: "it does not answer, and these are more words than there is room for", Fix: "start it: hookctl start, and do so in more words than fit"},
		{Name: "log", Status: doctor.OK, Detail: "short", Fix: "nothing"},
	}
	for width, want := range map[int]string{
		unlimited: "fail  receiver  it does not answer, and these are more words than there is room for\n" +
			"                → start it: hookctl start, and do so in more words than fit\n" +
			"ok    log       short\n",
		50: "fail  receiver  it does not answer, and these are\n" +
			"                more words than there is room for\n" +
			"                → start it: hookctl start, and do\n" +
			"                  so in more words than fit\n" +
			"ok    log       short\n",
	} {
		var out bytes.Buffer
		if printChecks(&out, checks, width); out.String() != want {
			t.Errorf("%d columns:\n%s\nwant:\n%s", width, out.String(), want)
		}
	}
}
