package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

func newService(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Run the receiver as a service of systemd or launchd",
		Long: "Run the receiver as a service of systemd or launchd: it starts at boot or login, restarts when it fails, and runs in a\n" +
			"sandbox. Once it is installed, start, stop, restart and status go through it. The service gets PATH, GH_HOST and\n" +
			"GH_CONFIG_DIR as they are when it is installed.",
		Example: "  hookctl service install\n  hookctl service status",
	}
	cmd.AddCommand(newServiceInstall(p), newServiceUninstall(p), newServiceStatus(p))
	return cmd
}

func newServiceInstall(p *program) *cobra.Command {
	var system, print bool
	var user string
	var rotate settings.Duration
	cmd := p.printing(&cobra.Command{
		Use:   "install",
		Short: "Install the service and start it",
		Example: `  hookctl service install
  hookctl service install --rotate-after 90d
  sudo hookctl service install --system --user hookctl
  hookctl service install --print`,
	}, func(ctx context.Context, c call) error {
		if user != "" && !system {
			return usage(errors.New("--user needs --system"))
		}
		service, err := p.serviceOf(c.settings)
		if err != nil {
			return err
		}
		service.System, service.User, service.RotateAfter = system, user, time.Duration(rotate)
		if print {
			files, err := service.Files()
			if err != nil {
				return err
			}
			if c.out.wanted() {
				return c.out.print(p.out, files)
			}
			for _, f := range files {
				fmt.Fprintf(p.out, "# %s\n%s\n", f.Path, f.Text)
			}
			return nil
		}
		if _, origin, err := c.settings.Store().Current(); err != nil || origin == secret.FromEnvironment {
			return errors.Join(err, hint(errors.New("the secret is only in this environment, which a service does not have"), "store it in .env: hookctl secret import"))
		}
		status, err := service.Install(ctx)
		if err != nil {
			return err
		}
		return p.printService(status, c.out)
	})
	cmd.Flags().BoolVar(&system, "system", false, "install for the whole machine instead of your user; needs root")
	cmd.Flags().StringVar(&user, "user", "", "with --system: the `user` to run as")
	cmd.Flags().Var(&rotate, "rotate-after", "also install a timer that rotates a secret older than this")
	cmd.Flags().BoolVar(&print, "print", false, "only print the files, install nothing")
	return cmd
}

// serviceOf is the service of a home: this program on the address of the settings, with those settings that the real
// environment makes, because the service manager does not have them.
func (p *program) serviceOf(s *settings.Settings) (daemon.Service, error) {
	program, err := os.Executable()
	if err != nil {
		return daemon.Service{}, fmt.Errorf("find this program's own path: %w", err)
	}
	var env []string
	var names []string
	for _, v := range settings.Variables() {
		names = append(names, v.Name)
	}
	for _, name := range append(names, "PATH", "GH_CONFIG_DIR", "GH_HOST") { // where the programs of sinks are found, and gh's login
		value := p.environ(name)
		if value == "" {
			continue
		}
		if name == "GH_CONFIG_DIR" {
			if value, err = filepath.Abs(value); err != nil {
				return daemon.Service{}, fmt.Errorf("GH_CONFIG_DIR: %w", err)
			}
		}
		env = append(env, name+"="+value)
	}
	return daemon.Service{
		Env:        env,
		Home:       s.Home,
		Executable: program,
		Address:    net.JoinHostPort(s.Receiver.Bind, strconv.Itoa(s.Receiver.Port)),
		Writable:   []string{s.Log.Dir},
	}, nil
}

func newServiceUninstall(p *program) *cobra.Command {
	var yes bool
	cmd := p.action(&cobra.Command{
		Use:     "uninstall",
		Short:   "Stop and remove the service",
		Long:    "Stop and remove the service. Log, settings and secret stay.",
		Example: "  hookctl service uninstall --yes",
	}, func(ctx context.Context, c call) error {
		service, err := daemon.Installed(c.settings.Home)
		if err != nil {
			return err
		}
		if err := p.confirm(ctx, yes, "stop the receiver and remove its service?"); err != nil {
			return err
		}
		if err := service.Uninstall(ctx); err != nil {
			return err
		}
		p.note("removed the service")
		return nil
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func newServiceStatus(p *program) *cobra.Command {
	return p.printing(&cobra.Command{
		Use:     "status",
		Short:   "Show whether the service is installed and running",
		Example: "  hookctl service status --json",
	}, func(ctx context.Context, c call) error {
		status := daemon.ServiceStatus{Files: []string{}}
		service, err := daemon.Installed(c.settings.Home)
		if err == nil {
			status, err = service.Status(ctx)
		}
		if err != nil && !errors.Is(err, daemon.ErrNoService) {
			return err
		}
		return p.printService(status, c.out)
	})
}

func (p *program) printService(status daemon.ServiceStatus, out *output) error {
	if out.wanted() {
		return out.print(p.out, status)
	}
	if !status.Installed {
		fmt.Fprintln(p.out, "service       not installed")
		p.note("hint: install it: hookctl service install")
		return nil
	}
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(p.out, "%-13s %s\n", name, text.Clean(value))
		}
	}
	row("service", status.Unit+" ("+status.Manager+")")
	row("state", strings.TrimSpace(status.Enabled+" "+status.Active))
	for _, file := range status.Files {
		row("file", file)
	}
	row("log", status.Logs)
	for _, note := range status.Notes {
		p.note("note: %s", text.Clean(note))
	}
	return nil
}
