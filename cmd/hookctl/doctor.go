package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/doctor"
	"hookctl/server/host"
	"hookctl/server/sink"
)

func newDoctor(p *program) *cobra.Command {
	var f targetFlags
	var fix bool
	cmd := p.printingAnyway(&cobra.Command{
		Use:   "doctor",
		Short: "Check every step of a delivery and suggest fixes",
		Long: "Check every step of a delivery, from the GitHub login to the agent that is notified, and suggest fixes. The exit code is\n" +
			"1 if a check fails.",
		Example: `  hookctl doctor
  hookctl doctor --fix
  hookctl doctor --json --jq '.[] | select(.status == "fail")'`,
	}, func(ctx context.Context, c call) error { return p.doctor(ctx, &f, fix, c.out) })
	f.add(cmd, false)
	cmd.Flags().BoolVar(&fix, "fix", false, "first fix what can be fixed without asking")
	return cmd
}

func (p *program) doctor(ctx context.Context, f *targetFlags, fix bool, out *output) error {
	config, err := p.doctorConfig()
	var open *secret.PermissionError
	if fix && errors.As(err, &open) {
		// An .env that others can read is not read at all, so without this nothing could be fixed.
		if err := os.Chmod(open.Path, 0o600); err != nil {
			return fmt.Errorf("close %s to other users: %w", open.Path, err)
		}
		p.note("fixed: chmod 600 %s", text.Clean(open.Path))
		config, err = p.doctorConfig()
	}
	var report doctor.Report
	if err != nil {
		report, err = settingsReport(err), ctx.Err()
	} else {
		report, err = p.examine(ctx, config, f, fix)
	}
	if err != nil {
		return err
	}
	if out.wanted() {
		err = out.print(p.out, report.Checks)
	} else {
		printChecks(p.out, report.Short(), terminalWidth(p.out))
	}
	if err == nil && slices.ContainsFunc(report.Checks, func(c doctor.Check) bool { return c.Status == doctor.Fail }) {
		err = errReported
	}
	return err
}

// printChecks writes them for people, each with its fix below where something is wrong. A line that is too wide breaks at words.
func printChecks(w io.Writer, checks []doctor.Check, width int) {
	wide := 0
	for _, c := range checks {
		wide = max(wide, ansi.StringWidth(c.Name))
	}
	lead := strings.Repeat(" ", len("fail  ")+wide+2)
	fits := func(text string, lead string) string {
		if width-len(lead) < narrowColumn || ansi.StringWidth(text) <= width-len(lead) {
			return text
		}
		return fill(text, width-len(lead), lead)
	}
	for _, c := range checks {
		status := c.Status
		if status == doctor.Unknown {
			status = "-"
		}
		fmt.Fprintf(w, "%-4s  %s%*s  %s\n", status, c.Name, wide-ansi.StringWidth(c.Name), "", fits(c.Detail, lead))
		if c.Status != doctor.OK && c.Fix != "" {
			fmt.Fprintf(w, "%s→ %s\n", lead, fits(c.Fix, lead+"  "))
		}
	}
}

// examine runs the checks, after fixing what can be fixed where that is asked for.
func (p *program) examine(ctx context.Context, config doctor.Config, f *targetFlags, fix bool) (report doctor.Report, err error) {
	if f.given() {
		if config.Targets, err = f.targets(ctx, p, nil); err != nil {
			return report, err
		}
	}
	if fix {
		for _, repair := range doctor.Fix(ctx, config) {
			if repair.Error != "" {
				p.note("could not fix %s: %s: %s", repair.Check, text.Clean(repair.Action), text.Clean(repair.Error))
				continue
			}
			p.note("fixed: %s", text.Clean(repair.Action))
		}
	}
	report, err = doctor.Run(ctx, config, nil)
	if err != nil { // it is complete anyway, and the checks say what is wrong with the disk
		p.note("warning: %s", text.Clean(err.Error()))
	}
	return report, nil
}

// settingsReport is the only check where settings or .env cannot be used: all others begin with them.
func settingsReport(err error) doctor.Report {
	return doctor.Report{Checks: []doctor.Check{{Name: "settings", Status: doctor.Fail, Detail: text.Clean(err.Error()), Fix: text.Clean(hooks.CureOf(err))}}}
}

// doctorConfig is the doctor's part of the settings.
func (p *program) doctorConfig() (doctor.Config, error) {
	s, err := p.load()
	if err != nil {
		return doctor.Config{}, err
	}
	sinks, err := s.SinkConfigs()
	if err != nil {
		return doctor.Config{}, err
	}
	config := doctor.Config{
		Home: s.Home, Version: buildInfo().Version,
		Daemon: p.daemonConfig(s), Logs: s.Logs(nil), Store: s.Store(),
		Address:   net.JoinHostPort(s.Receiver.Bind, strconv.Itoa(s.Receiver.Port)),
		PublicURL: s.Receiver.PublicURL, Tunnel: s.Receiver.Tunnel,
		Fleet:     p.fleet(s),
		Simulated: p.environ(demoVariable) != "",
		Cluster:   s.ClusterSettings() != nil,
	}
	if s.Sync.Mode != tasks.ModeOff {
		config.Sync, config.SyncMode = p.tasks(s), s.Sync.Mode
	}
	if s.Receiver.Allow == "github" {
		config.Allow, _ = host.Ranges(s.Home)
	}
	if tls := s.TLS(); tls.CertFile != "" || len(tls.ACME.Domains) > 0 {
		config.Probes = append(config.Probes, certificateProbe(tls))
	}
	for _, sink := range sinks {
		config.Probes = append(config.Probes, sinkProbe(sink))
	}
	return config, nil
}

// certificateProbe looks at the certificates that the receiver presents, or would.
func certificateProbe(tls server.TLSConfig) doctor.Probe {
	return doctor.Probe{
		Name: "TLS certificate",
		Fix:  "renew it, or correct receiver.tls: hookctl config edit",
		Check: func(context.Context) (string, error) {
			all, err := tls.Certificates()
			if err != nil {
				return "", err
			}
			until := "not fetched yet"
			for _, c := range all {
				if text, expired := c.Problem(time.Now()); expired {
					return "", errors.New(text)
				} else if text != "" {
					return "", &doctor.Warning{Err: errors.New(text)}
				}
				until = "valid until " + c.NotAfter.Local().Format(time.DateOnly)
			}
			return until, nil
		},
	}
}

// sinkProbe asks one sink whether a notification would arrive.
func sinkProbe(c sink.Config) doctor.Probe {
	fix := "start what it sends to, or correct the sink: hookctl config edit"
	if c.Type == "aimaestro" { // the default, which not everyone has
		fix = "start AI Maestro, or do without it: hookctl config set sinks '[]'"
	}
	return doctor.Probe{
		Name: "sink " + c.Label(),
		Fix:  fix,
		Check: func(ctx context.Context) (string, error) {
			if c.Type == "chat" {
				return "its URL is valid, notifies by " + c.Recipient(), sink.Check(ctx, c)
			}
			return "reachable, notifies " + cmp.Or(c.Recipient(), "it"), sink.Check(ctx, c)
		},
	}
}
