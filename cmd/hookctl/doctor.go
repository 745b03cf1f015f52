package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/doctor"
	"hookctl/server/host"
)

func newDoctor(p *program) *cobra.Command {
	var out output
	var f targetFlags
	var fix bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the whole way of a delivery, and say what mends what is wrong",
		Long:  "Check the whole way of a delivery, from the login to the agent that is notified. It ends with exit code 1 where a check fails.",
		Example: `  hookctl doctor
  hookctl doctor --fix
  hookctl doctor --json --jq '.[] | select(.status != "ok")'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.doctor(cmd.Context(), &f, fix, &out)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&fix, "fix", false, "first mend what can be mended without asking")
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) doctor(ctx context.Context, f *targetFlags, fix bool, out *output) error {
	config, err := p.doctorConfig(ctx)
	var open *secret.PermissionError
	if fix && errors.As(err, &open) {
		// An .env that others can read is not read at all, so without this nothing could be mended.
		if err := os.Chmod(open.Path, 0o600); err != nil {
			return fmt.Errorf("close %s to other users: %w", open.Path, err)
		}
		p.note("mended: chmod 600 %s", text.Clean(open.Path))
		config, err = p.doctorConfig(ctx)
	}
	var checks []doctor.Check
	switch {
	case err == nil:
		checks, err = p.examine(ctx, &config, f, fix)
	case ctx.Err() == nil:
		checks, err = []doctor.Check{settingsCheck(err)}, nil
	}
	if err != nil {
		return err
	}
	if out.wanted() {
		err = out.print(p.out, checks)
	} else {
		p.printChecks(foldChecks(checks, config.Targets))
	}
	if err == nil && slices.ContainsFunc(checks, func(c doctor.Check) bool { return c.Status == doctor.Fail }) {
		err = errReported
	}
	return err
}

// foldChecks makes one line of what is well with many repositories, so that what is not well can be seen beside it.
func foldChecks(checks []doctor.Check, targets []hooks.Target) []doctor.Check {
	const many = 5
	if len(targets) <= many {
		return checks
	}
	well := map[string]int{} // by what is looked at of each repository
	var kinds []string
	folded := slices.DeleteFunc(slices.Clone(checks), func(c doctor.Check) bool {
		at := strings.LastIndex(c.Name, " of ")
		if c.Status != doctor.OK || at < 0 || !slices.ContainsFunc(targets, func(t hooks.Target) bool { return t.String() == c.Name[at+len(" of "):] }) {
			return false
		}
		kind := c.Name[:at]
		if well[kind]++; well[kind] == 1 {
			kinds = append(kinds, kind)
		}
		return true
	})
	for _, kind := range kinds {
		folded = append(folded, doctor.Check{Name: kind, Status: doctor.OK, Detail: fmt.Sprintf("well with %d of %d repositories; --json tells each", well[kind], len(targets))})
	}
	return folded
}

// printChecks writes them for people, each with its cure below where there is something to mend.
func (p *program) printChecks(checks []doctor.Check) {
	wide := 0
	for _, c := range checks {
		wide = max(wide, ansi.StringWidth(text.Clean(c.Name)))
	}
	for _, c := range checks {
		name := text.Clean(c.Name)
		fmt.Fprintf(p.out, "%-4s  %s%*s  %s\n", c.Status, name, wide-ansi.StringWidth(name), "", text.Clean(c.Detail))
		if c.Status != doctor.OK && c.Fix != "" {
			fmt.Fprintf(p.out, "      %*s  → %s\n", wide, "", text.Clean(c.Fix))
		}
	}
}

// examine runs the checks, after mending what can be mended where that is asked for.
func (p *program) examine(ctx context.Context, config *doctor.Config, f *targetFlags, fix bool) (checks []doctor.Check, err error) {
	if f.given() {
		if config.Targets, err = f.targets(ctx, p, nil); err != nil {
			return nil, err
		}
	}
	if fix {
		for _, repair := range doctor.Fix(ctx, *config) {
			if repair.Error != "" {
				p.note("could not %s: %s", text.Clean(repair.Action), text.Clean(repair.Error))
				continue
			}
			p.note("mended: %s", text.Clean(repair.Action))
		}
	}
	return doctor.Run(ctx, *config, nil), nil
}

// settingsCheck is the only check where settings or .env cannot be used: all others begin with them.
func settingsCheck(err error) doctor.Check {
	return doctor.Check{Name: "settings", Status: doctor.Fail, Detail: err.Error(), Fix: hooks.CureOf(err)}
}

// doctorConfig is the doctor's part of the settings.
func (p *program) doctorConfig(ctx context.Context) (doctor.Config, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return doctor.Config{}, err
	}
	targets, err := p.fleet(s).Targets(ctx)
	if err != nil {
		return doctor.Config{}, err
	}
	sinks, err := s.SinkConfigs()
	if err != nil {
		return doctor.Config{}, err
	}
	config := doctor.Config{
		Home: s.Home, EnvFile: s.EnvFile(), Version: buildInfo().Version,
		Daemon: p.daemonConfig(s), Logs: s.Logs(nil), Store: s.Store(),
		Address:   net.JoinHostPort(s.Receiver.Bind, strconv.Itoa(s.Receiver.Port)),
		PublicURL: s.Receiver.PublicURL,
		GitHub:    func() (*hooks.Client, error) { return p.github(s) },
		Targets:   targets,
		Simulated: p.environ(demoVariable) != "",
	}
	if s.Receiver.Allow == "github" {
		config.Allow, _ = host.Ranges(s.Home)
	}
	for _, sink := range sinks {
		config.Probes = append(config.Probes, sinkProbe(sink))
	}
	return config, nil
}

// sinkProbe asks one sink whether a notification would arrive.
func sinkProbe(sink server.SinkConfig) doctor.Probe {
	return doctor.Probe{
		Name: "sink " + orElse(sink.Name, sink.Type),
		Fix:  "mend the sink in hookctl.yaml (hookctl config edit), or switch notifications off with: sinks: []",
		Check: func(ctx context.Context) (string, error) {
			check := server.CheckSinks(ctx, []server.SinkConfig{sink})[0]
			return "reachable, notifies " + orElse(check.To, "it"), check.Err
		},
	}
}
