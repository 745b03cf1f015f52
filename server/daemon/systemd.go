package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// systemd runs the receiver as a unit of type notify behind a socket unit: systemd holds the listening socket, so
// neither a restart nor a crash refuses a connection.
type systemd struct{}

func (systemd) unit(s Service) string { return s.base() + ".service" }

func (m systemd) about(s Service) ServiceStatus {
	kind := KindSystemdUser
	if s.System {
		kind = KindSystemd
	}
	return ServiceStatus{Manager: kind, Unit: m.unit(s), Logs: strings.Replace(kind, "systemd", "journalctl", 1) + " -u " + m.unit(s) + " -n 50",
		Files: []string{m.unit(s), s.base() + ".socket", s.base() + "-rotate.service", s.base() + "-rotate.timer"}}
}

func (systemd) dir(s Service) (string, error) {
	return s.dir("/etc/systemd/system", os.UserConfigDir, "systemd/user")
}

func (m systemd) files(s Service) ([]ServiceFile, error) {
	files := []ServiceFile{{m.unit(s), serviceUnit(s)}}
	if s.Address != "" {
		text, err := socketUnit(s)
		if err != nil {
			return nil, err
		}
		files = append(files, ServiceFile{s.base() + ".socket", text})
	}
	if s.RotateAfter > 0 {
		files = append(files, ServiceFile{s.base() + "-rotate.service", rotateUnit(s)}, ServiceFile{s.base() + "-rotate.timer", timerUnit(s)})
	}
	return files, nil
}

// word writes text as one word of a unit file.
func word(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(text) + `"`
}

// command is what a unit runs, with its environment. systemd splits the line: % and $ have a meaning there.
func command(s Service, args []string, more ...string) string {
	var b strings.Builder
	b.WriteString("ExecStart=" + strings.ReplaceAll(word(s.Executable), "$", "$$"))
	for _, arg := range args {
		b.WriteString(" " + strings.ReplaceAll(word(arg), "$", "$$"))
	}
	b.WriteString("\n")
	for _, v := range slices.Concat(s.Env, more) {
		b.WriteString("Environment=" + word(v) + "\n")
	}
	return b.String()
}

// serviceUnit is the receiver. The sandbox leaves it what it does: write below its home, listen, and call HTTP servers.
func serviceUnit(s Service) string {
	network, socket := "", ""
	if s.System {
		network = "Wants=network-online.target\nAfter=network-online.target\n"
	}
	if s.Address != "" {
		socket = "Requires=" + s.base() + ".socket\nAfter=" + s.base() + ".socket\n"
	}
	return "# Written by `hookctl service install`, which brings it up to date when run again.\n[Unit]\n" +
		"Description=hookctl receiver of GitHub webhooks\n" + network + socket +
		"StartLimitIntervalSec=60\nStartLimitBurst=10\n\n[Service]\nType=notify\nNotifyAccess=main\n" +
		command(s, s.Args, envManager+"="+s.base()+".service") + sandbox(s) + "ExecReload=/bin/kill -HUP $MAINPID\n" +
		"Restart=on-failure\nRestartSec=1\nTimeoutStartSec=120\nTimeoutStopSec=40\nWatchdogSec=30\nLimitNOFILE=65536\n" +
		"\n[Install]\nWantedBy=" + map[bool]string{true: "multi-user.target", false: "default.target"}[s.System] + "\n"
}

// sandbox is what the receiver and the rotation have in common. MemoryDenyWriteExecute is not among it: it would end a
// sink's program that compiles code as it runs, as node does. A unit of a user can only use what works without
// privileges, and needs a user namespace (PrivateUsers) for the file system part.
func sandbox(s Service) string {
	account, privileges, paths := "", "PrivateUsers=yes\n", "ReadWritePaths="+word(s.Home)+"\n"
	if s.System {
		account = "User=" + s.User + "\n"
		privileges = "ProtectHome=read-only\nPrivateDevices=yes\nProtectClock=yes\nProtectHostname=yes\n" +
			"ProtectKernelLogs=yes\nProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectControlGroups=yes\n" +
			"ProtectProc=invisible\nCapabilityBoundingSet=\nRemoveIPC=yes\n"
	}
	for _, path := range s.writable()[1:] {
		// The minus lets the unit start where a log directory was removed after the installation, and the receiver say so.
		paths += "ReadWritePaths=" + word("-"+path) + "\n"
	}
	return account + "UMask=0077\nNoNewPrivileges=yes\nPrivateTmp=yes\nProtectSystem=strict\n" + paths + privileges +
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\nRestrictNamespaces=yes\nRestrictRealtime=yes\n" +
		"RestrictSUIDSGID=yes\nLockPersonality=yes\n" +
		"SystemCallArchitectures=native\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n"
}

func socketUnit(s Service) (string, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return "", fmt.Errorf("the address of the service: %w", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("the address of the service needs a fixed port, not %q", port)
	}
	switch {
	case host == "":
		host = "[::]"
	case host == "localhost":
		host = "127.0.0.1"
	case net.ParseIP(host) == nil:
		return "", fmt.Errorf("the address of the service needs an IP address, not %q", host)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return "# Written by `hookctl service install`. systemd holds this socket, so that a restart refuses no connection.\n" +
		"[Unit]\nDescription=hookctl receiver of GitHub webhooks, its socket\n\n" +
		"[Socket]\nListenStream=" + host + ":" + port + "\nNoDelay=yes\n\n" +
		"[Install]\nWantedBy=sockets.target\n", nil
}

func rotateUnit(s Service) string {
	return "# Written by `hookctl service install`.\n[Unit]\nDescription=hookctl rotation of an old webhook secret\n" +
		"After=" + s.base() + ".service\n\n[Service]\nType=oneshot\n" + command(s, s.rotateArgs()) + sandbox(s)
}

func timerUnit(s Service) string {
	return "# Written by `hookctl service install`.\n[Unit]\nDescription=hookctl daily look at the age of the webhook secret\n\n" +
		"[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1h\nPersistent=true\nUnit=" + s.base() + "-rotate.service\n\n" +
		"[Install]\nWantedBy=timers.target\n"
}

func (m systemd) ctl(ctx context.Context, s Service, args ...string) (string, error) {
	if !s.System {
		args = append([]string{"--user"}, args...)
	}
	return control(ctx, nil, "systemctl", args...)
}

// do asks systemctl, step by step. The socket is opened along with the service, and closed too, or the next delivery would
// start the service.
func (m systemd) do(ctx context.Context, s Service, verb string) error {
	service := []string{m.unit(s)}
	var socket, timer []string
	if s.Address != "" {
		socket = []string{s.base() + ".socket"}
	}
	if s.RotateAfter > 0 {
		timer = []string{s.base() + "-rotate.timer"}
	}
	call := func(verb string, units ...[]string) []string {
		return append([]string{verb}, slices.Concat(units...)...)
	}
	var steps [][]string
	switch verb {
	case verbEnable:
		steps = [][]string{{"daemon-reload"}, call("enable", socket, service, timer)}
	case verbBegin:
		if socket != nil { // one whose address changed is opened again by a restart only, and only while its service is down
			steps = [][]string{call("stop", service), call("restart", socket)}
		}
		steps = append(steps, call("restart", service))
		if timer != nil {
			steps = append(steps, call("restart", timer))
		}
	case verbDisable: // what the settings of then installed
		there, err := s.there(m)
		if err != nil {
			return err
		}
		var units []string
		for _, path := range there {
			if name := filepath.Base(path); !strings.HasSuffix(name, "-rotate.service") {
				units = append(units, name)
			}
		}
		steps = [][]string{call("disable", []string{"--now"}, units)}
	case verbForget:
		steps = [][]string{{"daemon-reload"}}
	case "restart":
		steps = [][]string{call(verb, service)}
	default:
		steps = [][]string{call(verb, socket, service)}
	}
	for _, step := range steps {
		if _, err := m.ctl(ctx, s, step...); err != nil {
			return err
		}
	}
	return nil
}

// ask fills in the manager's words. is-enabled and is-active answer "disabled" and "inactive" with an error status.
func (m systemd) ask(ctx context.Context, s Service, st *ServiceStatus) {
	var err error
	if st.Enabled, err = m.ctl(ctx, s, "is-enabled", m.unit(s)); err != nil && st.Enabled == "" {
		st.Notes = append(st.Notes, err.Error())
		return
	}
	if st.Active, err = m.ctl(ctx, s, "is-active", m.unit(s)); err != nil && st.Active == "" {
		st.Notes = append(st.Notes, err.Error())
	}
	if s.System {
		return
	}
	me, err := user.Current()
	if err != nil {
		return
	}
	linger, err := control(ctx, nil, "loginctl", "show-user", me.Username, "--property=Linger", "--value")
	if err == nil && linger == "no" || err != nil && strings.Contains(err.Error(), "not logged in") {
		st.Notes = append(st.Notes, "the receiver stops when you log out; keep it with: loginctl enable-linger "+me.Username)
	}
}
