package main

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

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
