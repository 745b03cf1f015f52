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
		Short:   "Make the receiver read secrets and settings again",
		Example: "  hookctl reload",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Load(p.environ)
			if err != nil {
				return err
			}
			if _, err := daemon.Dial(s.Home).Reload(cmd.Context()); err != nil {
				return err
			}
			p.note("the receiver has read secrets and settings again")
			return nil
		},
	}
}

func newRejected(p *program) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:     "rejected",
		Short:   "Show the requests that the receiver refused, and why",
		Long:    "Show the requests that the receiver refused since it started, and why, newest first.",
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
			head := []string{"TIME", "REASON", "FROM", "EVENT", "GUID", "TRIED"}
			newest := slices.Clone(list)
			slices.Reverse(newest)
			return printList(p, &out, append([]daemon.Rejected{}, list...), newest, "no request was refused since the receiver started", head, func(r daemon.Rejected) []string {
				reason := r.Reason
				if r.Former != "" {
					reason = "signed with the former secret " + r.Former + ": a hook was not rotated"
				}
				return []string{r.Time.Local().Format(time.DateTime), reason, r.Address, r.Event, r.DeliveryID, strings.Join(r.Fingerprints, ",")}
			})
		},
	}
	addOutputFlags(cmd, &out)
	return cmd
}

func newLog(p *program) *cobra.Command {
	limit := 20
	level := ""
	cmd := &cobra.Command{
		Use:     "log",
		Short:   "Print the last lines of the receiver's own log",
		Example: "  hookctl log\n  hookctl log --level warn --limit 0",
		RunE: func(*cobra.Command, []string) error {
			s, err := settings.Defaults(p.environ)
			if err != nil {
				return err
			}
			return p.printLog(s.Home, level, limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "L", limit, "at most `n` lines; 0 for all of the last MiB")
	cmd.Flags().StringVar(&level, "level", "", "only lines of this `level` or above: debug, info, warn or error")
	return cmd
}

// printLog prints the end of the receiver's log. It begins a new file before it has grown far beyond what is read here.
func (p *program) printLog(home, level string, limit int) error {
	levels := []string{"DEBUG", "INFO", "WARN", "ERROR"}
	least := -1
	for i, name := range levels {
		if strings.EqualFold(name, level) {
			least = i
		}
	}
	switch {
	case level != "" && least < 0:
		return usage(fmt.Errorf("--level: %q is not debug, info, warn or error", level))
	case limit < 0:
		return usage(fmt.Errorf("--limit: %d is less than nothing", limit))
	}
	f, err := os.Open(daemon.LogFile(home))
	if errors.Is(err, fs.ErrNotExist) {
		p.note("the receiver has logged nothing yet")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the receiver's log: %w", err)
	}
	defer f.Close() //nolint:errcheck // Only read from.
	const most = 1 << 20
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read the receiver's log: %w", err)
	}
	from := max(0, info.Size()-most)
	data, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return fmt.Errorf("read the receiver's log: %w", err)
	}
	if from > 0 {
		_, data, _ = bytes.Cut(data, []byte("\n")) // the first line is a part of one
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		of := len(levels) // a line without a level is a trace of what went wrong
		for i, name := range levels {
			if strings.Contains(line, "level="+name) || strings.Contains(line, " "+name+" ") {
				of = i
			}
		}
		if of >= least {
			lines = append(lines, text.Clean(strings.TrimRight(line, "\n")))
		}
	}
	if limit > 0 {
		lines = lines[max(0, len(lines)-limit):]
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(p.out, line); err != nil {
			return err
		}
	}
	return nil
}
