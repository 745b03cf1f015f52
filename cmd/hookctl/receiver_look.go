package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

func newReload(p *program) *cobra.Command {
	return p.action(&cobra.Command{
		Use:     "reload",
		Short:   "Reload secrets and settings in the receiver",
		Example: "  hookctl reload",
	}, func(ctx context.Context, c call) error {
		status, err := daemon.Dial(c.settings.Home).Reload(ctx)
		if err != nil {
			return err
		}
		p.note("the receiver has reloaded secrets and settings")
		if len(status.NeedsRestart) > 0 {
			p.note("hint: restart it for %s: hookctl restart", strings.Join(status.NeedsRestart, ", "))
		}
		return nil
	})
}

func newRejected(p *program) *cobra.Command {
	return p.printingAnyway(&cobra.Command{
		Use:     "rejected",
		Short:   "Show the requests that the receiver rejected, and why",
		Long:    "Show the requests that the receiver rejected since it started, and why, newest first.",
		Example: "  hookctl rejected\n  hookctl rejected --json --jq '.[].reason'",
	}, func(ctx context.Context, c call) error {
		list, err := daemon.Dial(c.settings.Home).Rejected(ctx)
		if err != nil {
			return err
		}
		head := []string{"TIME", "REASON", "FROM", "EVENT", "GUID", "SECRETS TRIED"}
		newest := slices.Clone(list)
		slices.Reverse(newest)
		return printList(p, c.out, append([]daemon.Rejected{}, list...), newest, "no request was rejected since the receiver started", head, func(r daemon.Rejected) []string {
			reason := r.Reason
			if r.Former != "" {
				reason = "signed with the former secret " + r.Former + ": a hook was not rotated"
			}
			return []string{r.Time.Local().Format(time.DateTime), reason, r.Address, r.Event, r.DeliveryID, strings.Join(r.Fingerprints, ",")}
		})
	})
}

func newLog(p *program) *cobra.Command {
	limit := 20
	level := ""
	follow := false
	cmd := p.printingAnyway(&cobra.Command{
		Use:     "log",
		Short:   "Print the last lines of the receiver's log",
		Example: "  hookctl log\n  hookctl log --follow\n  hookctl log --level warn --limit 0\n  hookctl log --json --jq '.[] | select(.level == \"ERROR\") | .line'",
	}, func(ctx context.Context, c call) error {
		end, err := p.printLog(daemon.LogTail{Home: c.settings.Home}, level, limit, c.out)
		if err != nil || !follow {
			return err
		}
		return p.followLog(ctx, end, level)
	})
	cmd.Flags().IntVarP(&limit, "limit", "L", limit, "at most `n` lines; 0 for all of the last MiB")
	cmd.Flags().IntVarP(&limit, "lines", "n", limit, "the same as --limit")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "print new lines as they are written, until interrupted")
	cmd.Flags().StringVar(&level, "level", "", "only lines of this `level` or above: debug, info, warn or error")
	cmd.MarkFlagsMutuallyExclusive("limit", "lines")
	cmd.MarkFlagsMutuallyExclusive("follow", "json")
	cmd.MarkFlagsMutuallyExclusive("follow", "jq")
	return cmd
}

// logLine is a line of `log --json`. The level is empty for a line without one, as those of a stack trace.
type logLine struct {
	Level string `json:"level"`
	Line  string `json:"line"`
}

// printLog prints the end of the receiver's log, of which it reads the last MiB, and returns up to where.
func (p *program) printLog(from daemon.LogTail, level string, limit int, out *output) (end daemon.LogTail, err error) {
	lines, end, err := readLog(from, level, limit)
	if err != nil {
		return end, err
	}
	if out.wanted() {
		return end, out.print(p.out, lines)
	}
	if len(lines) == 0 {
		p.note("no lines in the log of the receiver")
	}
	return end, p.printLines(lines)
}

// followLog prints what is written to the receiver's log from there on, until ctx ends.
func (p *program) followLog(ctx context.Context, from daemon.LogTail, level string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		lines, end, err := readLog(from, level, 0)
		if err == nil {
			err = p.printLines(lines)
		}
		if err != nil {
			return err
		}
		from = end
	}
}

func (p *program) printLines(lines []logLine) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(p.out, text.Clean(l.Line)); err != nil {
			return err
		}
	}
	return nil
}

// readLog reads the next lines of the receiver's log that are of a level or above, at most limit of them where that is not 0.
func readLog(from daemon.LogTail, level string, limit int) (lines []logLine, end daemon.LogTail, err error) {
	levels := []string{"ERROR", "WARN", "INFO", "DEBUG", ""} // the last one for lines without a level, which are always shown
	least := slices.Index(levels, strings.ToUpper(level))
	switch {
	case least < 0:
		return nil, from, usage(fmt.Errorf("--level must be debug, info, warn or error: %q", level))
	case limit < 0:
		return nil, from, usage(fmt.Errorf("--limit must not be negative: %d", limit))
	}
	end, all, err := from.Next(1 << 20)
	lines = []logLine{}
	for _, line := range all {
		of := slices.IndexFunc(levels, func(name string) bool {
			return name == "" || strings.Contains(line, "level="+name) || strings.Contains(line, " "+name+" ")
		})
		if of <= least || levels[of] == "" {
			lines = append(lines, logLine{levels[of], line})
		}
	}
	if limit > 0 {
		lines = lines[max(0, len(lines)-limit):]
	}
	return lines, end, err
}
