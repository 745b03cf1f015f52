package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

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
