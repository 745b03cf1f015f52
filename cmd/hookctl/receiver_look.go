package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

func newReload(p *program) *cobra.Command {
	return &cobra.Command{
		Use:     "reload",
		Short:   "Reload secrets and settings in the receiver",
		Example: "  hookctl reload",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Load(p.environ)
			if err != nil {
				return err
			}
			status, err := daemon.Dial(s.Home).Reload(cmd.Context())
			if err != nil {
				return err
			}
			p.note("the receiver has reloaded secrets and settings")
			if len(status.NeedsRestart) > 0 {
				p.note("hint: restart it for %s: hookctl restart", strings.Join(status.NeedsRestart, ", "))
			}
			return nil
		},
	}
}

func newRejected(p *program) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:     "rejected",
		Short:   "Show the requests that the receiver rejected, and why",
		Long:    "Show the requests that the receiver rejected since it started, and why, newest first.",
		Example: "  hookctl rejected\n  hookctl rejected --json --jq '.[].reason'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Defaults(p.environ)
			if err != nil {
				return err
			}
			list, err := daemon.Dial(s.Home).Rejected(cmd.Context())
			if err != nil {
				return err
			}
			head := []string{"TIME", "REASON", "FROM", "EVENT", "GUID", "SECRETS TRIED"}
			newest := slices.Clone(list)
			slices.Reverse(newest)
			return printList(p, &out, append([]daemon.Rejected{}, list...), newest, "no request was rejected since the receiver started", head, func(r daemon.Rejected) []string {
				reason := r.Reason
				if r.Former != "" {
					reason = "signed with the former secret " + r.Former + ": a hook was not rotated"
				}
				return []string{r.Time.Local().Format(time.DateTime), reason, r.Address, r.Event, r.DeliveryID, strings.Join(r.Fingerprints, ",")}
			})
		},
	}
	return addOutputFlags(cmd, &out)
}

func newLog(p *program) *cobra.Command {
	limit := 20
	level := ""
	var out output
	cmd := &cobra.Command{
		Use:     "log",
		Short:   "Print the last lines of the receiver's log",
		Example: "  hookctl log\n  hookctl log --level warn --limit 0\n  hookctl log --json --jq '.[] | select(.level == \"ERROR\") | .line'",
		RunE: func(*cobra.Command, []string) error {
			s, err := settings.Defaults(p.environ)
			if err != nil {
				return err
			}
			return p.printLog(s.Home, level, limit, &out)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "L", limit, "at most `n` lines; 0 for all of the last MiB")
	cmd.Flags().StringVar(&level, "level", "", "only lines of this `level` or above: debug, info, warn or error")
	return addOutputFlags(cmd, &out)
}

// logLine is a line of `log --json`. The level is empty for a line without one, as those of a stack trace.
type logLine struct {
	Level string `json:"level"`
	Line  string `json:"line"`
}

// printLog prints the end of the receiver's log, of which it reads the last MiB.
func (p *program) printLog(home, level string, limit int, out *output) error {
	lines, err := readLog(home, level, limit)
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, lines)
	}
	if len(lines) == 0 {
		p.note("no lines in the log of the receiver")
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(p.out, text.Clean(l.Line)); err != nil {
			return err
		}
	}
	return nil
}

// readLog reads the last lines of the receiver's log, of a level or above.
func readLog(home, level string, limit int) ([]logLine, error) {
	levels := []string{"DEBUG", "INFO", "WARN", "ERROR"}
	least := -1
	for i, name := range levels {
		if strings.EqualFold(name, level) {
			least = i
		}
	}
	switch {
	case level != "" && least < 0:
		return nil, usage(fmt.Errorf("--level must be debug, info, warn or error: %q", level))
	case limit < 0:
		return nil, usage(fmt.Errorf("--limit must not be negative: %d", limit))
	}
	f, err := os.Open(daemon.LogFile(home))
	if errors.Is(err, fs.ErrNotExist) {
		return []logLine{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	defer f.Close() //nolint:errcheck // Only read from.
	const most = 1 << 20
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	from := max(0, info.Size()-most)
	data, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return nil, fmt.Errorf("read the receiver's log: %w", err)
	}
	if from > 0 {
		_, data, _ = bytes.Cut(data, []byte("\n")) // the first line is a part of one
	}
	lines := []logLine{}
	for line := range strings.Lines(string(data)) {
		of := len(levels) // a line without a level is shown at every level
		for i, name := range levels {
			if strings.Contains(line, "level="+name) || strings.Contains(line, " "+name+" ") {
				of = i
			}
		}
		if of >= least {
			lines = append(lines, logLine{append(levels, "")[of], strings.TrimRight(line, "\n")})
		}
	}
	if limit > 0 {
		lines = lines[max(0, len(lines)-limit):]
	}
	return lines, nil
}
