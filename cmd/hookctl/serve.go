package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/host"
)

// addReceiverFlags adds the flags of everything that starts a receiver.
func addReceiverFlags(cmd *cobra.Command) {
	cmd.Flags().String("port", "", "`port` to listen on (default: receiver.port)")
	cmd.Flags().String("bind", "", "`address` to listen on (default: receiver.bind)")
	cmd.Flags().String("log-dir", "", "`directory` of the records (default: log.dir)")
	cmd.Flags().String("tunnel", "", "run and watch a tunnel: `ngrok|cloudflared|tailscale`")
	cmd.Flags().Bool("debug", false, "log more details, but no secrets")
}

// flagSettings are the flags that stand for a setting.
func flagSettings() []settings.Override {
	return []settings.Override{
		{Flag: "port", Key: "receiver.port"}, {Flag: "bind", Key: "receiver.bind"}, {Flag: "tunnel", Key: "receiver.tunnel"}, {Flag: "log-dir", Key: "log.dir"},
	}
}

// overrides are the flags that were given, as settings.
func overrides(cmd *cobra.Command) (list []settings.Override, err error) {
	for _, o := range flagSettings() {
		if o.Value = cmd.Flags().Lookup(o.Flag).Value.String(); o.Value == "" {
			continue
		}
		if o.Key == "log.dir" {
			if o.Value, err = filepath.Abs(o.Value); err != nil {
				return nil, fmt.Errorf("--log-dir: %w", err)
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// startedWith is the flag that the running receiver was started with in place of a setting, "" for none.
func startedWith(st daemon.Status, key string) string {
	for _, o := range flagSettings() {
		if value, given := doctor.StartedWith(st, "--"+o.Flag); given && o.Key == key {
			return "--" + o.Flag + " " + value
		}
	}
	return ""
}

func newServe(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the receiver in the foreground",
		Long: "Run the receiver in the foreground: accept deliveries, check their signature, record them and send notifications.\n" +
			"SIGHUP reloads secrets and settings. SIGTERM finishes accepted deliveries and exits.",
		Example: "  hookctl serve\n  hookctl serve --port 9100 --debug",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.serve(cmd) },
	}
	addReceiverFlags(cmd)
	return cmd
}

// serve is the receiver until its context ends or somebody stops it over the control socket.
func (p *program) serve(cmd *cobra.Command) error {
	overrides, err := overrides(cmd)
	if err != nil {
		return err
	}
	s, err := p.defaults() // for the home; mistakes in the settings are Run's to report
	if err != nil {
		return err
	}
	p.quiet = true
	return host.Run(cmd.Context(), host.Config{
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
		Debug:      cmd.Flags().Lookup("debug").Value.String() == "true",
		WithParent: p.environ(demoVariable) != "",
	})
}
