package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/host"
)

// receiverFlags are the flags of everything that starts a receiver.
type receiverFlags struct {
	port, bind, logDir string
	tunnel             string
	debug              bool
}

func (f *receiverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.port, "port", "", "`port` to listen on (default: receiver.port)")
	cmd.Flags().StringVar(&f.bind, "bind", "", "`address` to listen on (default: receiver.bind)")
	cmd.Flags().StringVar(&f.logDir, "log-dir", "", "`directory` of the records (default: log.dir)")
	cmd.Flags().StringVar(&f.tunnel, "tunnel", "", "run and watch a tunnel: `ngrok|cloudflared|tailscale`")
	cmd.Flags().BoolVar(&f.debug, "debug", false, "log more details, but no secrets")
}

// settings are the flags that stand for a setting, and what was given with each.
func (f *receiverFlags) settings() []settings.Override {
	return []settings.Override{
		{Flag: "port", Key: "receiver.port", Value: f.port},
		{Flag: "bind", Key: "receiver.bind", Value: f.bind},
		{Flag: "tunnel", Key: "receiver.tunnel", Value: f.tunnel},
		{Flag: "log-dir", Key: "log.dir", Value: f.logDir},
	}
}

// overrides are the flags that were given, as settings.
func (f *receiverFlags) overrides() ([]settings.Override, error) {
	var list []settings.Override
	for _, o := range f.settings() {
		if o.Value == "" {
			continue
		}
		if o.Key == "log.dir" {
			dir, err := filepath.Abs(o.Value)
			if err != nil {
				return nil, fmt.Errorf("--log-dir: %w", err)
			}
			o.Value = dir
		}
		list = append(list, o)
	}
	return list, nil
}

// startedWith is the flag that the running receiver was started with in place of a setting, "" for none.
func startedWith(st daemon.Status, key string) string {
	for _, o := range new(receiverFlags).settings() {
		if value, given := doctor.StartedWith(st, "--"+o.Flag); given && o.Key == key {
			return "--" + o.Flag + " " + value
		}
	}
	return ""
}

// args are the flags again, for the process that `start` starts.
func (f *receiverFlags) args() ([]string, error) {
	overrides, err := f.overrides()
	if err != nil {
		return nil, err
	}
	var args []string
	for _, o := range overrides {
		args = append(args, "--"+o.Flag, o.Value)
	}
	if f.debug {
		args = append(args, "--debug")
	}
	return args, nil
}

func newServe(p *program) *cobra.Command {
	var flags receiverFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the receiver in the foreground",
		Long: "Run the receiver in the foreground: accept deliveries, check their signature, record them and send notifications.\n" +
			"SIGHUP reloads secrets and settings. SIGTERM finishes accepted deliveries and exits.",
		Example: "  hookctl serve\n  hookctl serve --port 9100 --debug",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.serve(cmd.Context(), flags)
		},
	}
	flags.add(cmd)
	return cmd
}

// serve is the receiver until ctx ends or somebody stops it over the control socket.
func (p *program) serve(ctx context.Context, flags receiverFlags) error {
	overrides, err := flags.overrides()
	if err != nil {
		return err
	}
	s, err := settings.Defaults(p.environ) // for the home; mistakes in the settings are Run's to report
	if err != nil {
		return err
	}
	p.quiet = true
	return host.Run(ctx, host.Config{
		Load: func() (*host.Settings, error) {
			s, err := settings.Load(p.environ, overrides...)
			if err != nil {
				return nil, err
			}
			return p.hostSettings(s)
		},
		Code:       codeOf,
		Daemon:     p.daemonConfig(s),
		Stderr:     p.err,
		Background: p.environ(daemon.EnvBackground) != "",
		Debug:      flags.debug,
		WithParent: p.environ(demoVariable) != "",
	})
}
