package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestProgramKnowsItsNameAsExtension(t *testing.T) {
	for arg0, want := range map[string]bool{
		"hookctl": false, "/usr/bin/hookctl": false, "gh-hookctl": true, "/home/me/.local/share/gh/extensions/gh-hookctl/gh-hookctl": true,
		"gh-hookctl.exe": true, "gh-hookctl-old": false, "gh": false,
	} {
		if got := isExtension(arg0); got != want {
			t.Errorf("%s: %t", arg0, got)
		}
	}
}

func TestExtensionShowsLinesThatCanBePasted(t *testing.T) {
	var said strings.Builder
	p := &program{in: os.Stdin, out: io.Discard, err: &said, environ: noEnvironment}
	root := newRoot(p)
	p.asExtension(root)
	for in, want := range map[string]string{
		"hint: start it with: hookctl start\n":                      "hint: start it with: gh hookctl start\n",
		"hookctl setup; or hookctl doctor --fix\n":                  "gh hookctl setup; or gh hookctl doctor --fix\n",
		"hint: see: gh hookctl events --help\n":                     "hint: see: gh hookctl events --help\n",
		"error: ~/.atlas/hookctl.yaml:3:1: unknown key\n":           "error: ~/.atlas/hookctl.yaml:3:1: unknown key\n",
		"/usr/bin/hookctl serve and hookctl itself stay as it is\n": "/usr/bin/hookctl serve and hookctl itself stay as it is\n",
	} {
		said.Reset()
		n, err := io.WriteString(p.err, in)
		if err != nil || n != len(in) {
			t.Errorf("write: %d, %v", n, err)
		}
		if said.String() != want {
			t.Errorf("%q became %q", in, said.String())
		}
	}
	available(root, func(cmd *cobra.Command) {
		if !strings.HasPrefix(cmd.CommandPath(), "gh hookctl") {
			t.Errorf("%s is called %q", cmd.Name(), cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			if words := strings.Fields(line); len(words) > 0 && words[0] == "hookctl" {
				t.Errorf("%s has the example %q", cmd.CommandPath(), line)
			}
		}
	})
}
