package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// systemd runs the receiver as a unit of type notify behind a socket unit: systemd holds the listening socket, so
// neither a restart nor a crash refuses a connection.
type systemd struct{}

func (systemd) name(s Service) string {
	if s.System {
		return "systemd"
	}
	return "systemd --user"
}

func (systemd) unit(s Service) string { return s.base() + ".service" }

func (systemd) logs(s Service) string {
	if s.System {
		return "journalctl -u " + s.base() + ".service -n 50"
	}
	return "journalctl --user -u " + s.base() + ".service -n 50"
}

func (systemd) dir(s Service) (string, error) {
	if s.UnitDir != "" {
		return s.UnitDir, nil
	}
	if s.System {
		return "/etc/systemd/system", nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the directory of units: %w", err)
	}
	return filepath.Join(config, "systemd", "user"), nil
}

func (m systemd) files(s Service) ([]ServiceFile, error) {
	dir, err := m.dir(s)
	if err != nil {
		return nil, err
	}
	service, err := serviceUnit(s)
	if err != nil {
		return nil, err
	}
	files := []ServiceFile{{filepath.Join(dir, s.base()+".service"), service}}
	if s.Address != "" {
		text, err := socketUnit(s)
		if err != nil {
			return nil, err
		}
		files = append(files, ServiceFile{filepath.Join(dir, s.base()+".socket"), text})
	}
	if s.RotateAfter > 0 {
		rotate, err := rotateUnit(s)
		if err != nil {
			return nil, err
		}
		files = append(files,
			ServiceFile{filepath.Join(dir, s.base()+"-rotate.service"), rotate},
			ServiceFile{filepath.Join(dir, s.base()+"-rotate.timer"), timerUnit(s)})
	}
	return files, nil
}

func (m systemd) leftovers(s Service) []ServiceFile {
	dir, err := m.dir(s)
	if err != nil {
		return nil
	}
	var all []ServiceFile
	for _, suffix := range []string{".socket", "-rotate.service", "-rotate.timer"} {
		all = append(all, ServiceFile{Path: filepath.Join(dir, s.base()+suffix)})
	}
	return all
}

// unitText is a unit in the making. The first error is what becomes of it.
type unitText struct {
	text strings.Builder
	err  error
}

func (u *unitText) add(text string) { u.text.WriteString(text) }

// done is the unit, or what cannot be written into one.
func (u *unitText) done() (string, error) {
	if u.err != nil {
		return "", u.err
	}
	return u.text.String(), nil
}

func (u *unitText) failed(err error) {
	if u.err == nil {
		u.err = err
	}
}

// word writes text as one word of a unit file.
func (u *unitText) word(text string) string {
	switch {
	case !utf8.ValidString(text):
		u.failed(fmt.Errorf("%q cannot be written into a unit: it is not UTF-8", text))
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		u.failed(fmt.Errorf("%q cannot be written into a unit: it has a control character", text))
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(text) + `"`
}

// exec quotes a command as systemd splits it: % and $ have a meaning there.
func (u *unitText) exec(program string, args []string) {
	u.add("ExecStart=" + strings.ReplaceAll(u.word(program), "$", "$$"))
	for _, arg := range args {
		u.add(" " + strings.ReplaceAll(u.word(arg), "$", "$$"))
	}
	u.add("\n")
}

func (u *unitText) environment(s Service, more ...string) {
	vars, err := s.env(more...)
	if err != nil {
		u.failed(err)
	}
	for _, v := range vars {
		u.add("Environment=" + u.word(v) + "\n")
	}
}

// serviceUnit is the receiver. The sandbox leaves it what it does: write below its home, listen, and call HTTP servers.
func serviceUnit(s Service) (string, error) {
	var u unitText
	u.add("# Written by `hookctl service install`, which brings it up to date when run again.\n[Unit]\n" +
		"Description=hookctl receiver of GitHub webhooks\n")
	if s.System {
		u.add("Wants=network-online.target\nAfter=network-online.target\n")
	}
	if s.Address != "" {
		u.add("Requires=" + s.base() + ".socket\nAfter=" + s.base() + ".socket\n")
	}
	u.add("StartLimitIntervalSec=60\nStartLimitBurst=10\n\n[Service]\nType=notify\nNotifyAccess=main\n")
	u.exec(s.Executable, s.args())
	u.environment(s, envManager+"="+s.base()+".service")
	u.sandbox(s)
	u.add("ExecReload=/bin/kill -HUP $MAINPID\n" +
		"Restart=on-failure\nRestartSec=1\nTimeoutStartSec=120\nTimeoutStopSec=40\nWatchdogSec=30\nLimitNOFILE=65536\n" +
		"\n[Install]\nWantedBy=" + target(s) + "\n")
	return u.done()
}

// sandbox is what the receiver and the rotation have in common. MemoryDenyWriteExecute is not among it: it would end a
// sink's program that compiles code as it runs, as node does. A unit of a user can only use what works without
// privileges, and needs a user namespace (PrivateUsers) for the file system part.
func (u *unitText) sandbox(s Service) {
	if s.System {
		account, err := s.account()
		if err != nil {
			u.failed(err)
		}
		u.add("User=" + account + "\n")
	}
	u.add("UMask=0077\nNoNewPrivileges=yes\nPrivateTmp=yes\nProtectSystem=strict\n")
	for _, path := range s.writable() {
		// The minus lets the unit start where a log directory was removed after the installation, and the receiver say so.
		prefix := "-"
		if path == s.Home {
			prefix = ""
		}
		u.add("ReadWritePaths=" + strings.Replace(u.word(path), `"`, `"`+prefix, 1) + "\n")
	}
	if s.System {
		u.add("ProtectHome=read-only\nPrivateDevices=yes\nProtectClock=yes\nProtectHostname=yes\n" +
			"ProtectKernelLogs=yes\nProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectControlGroups=yes\n" +
			"ProtectProc=invisible\nCapabilityBoundingSet=\nRemoveIPC=yes\n")
	} else {
		u.add("PrivateUsers=yes\n")
	}
	u.add("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\nRestrictNamespaces=yes\nRestrictRealtime=yes\n" +
		"RestrictSUIDSGID=yes\nLockPersonality=yes\n" +
		"SystemCallArchitectures=native\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n")
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

func rotateUnit(s Service) (string, error) {
	var u unitText
	u.add("# Written by `hookctl service install`.\n[Unit]\nDescription=hookctl rotation of an old webhook secret\n" +
		"After=" + s.base() + ".service\n\n[Service]\nType=oneshot\n")
	u.exec(s.Executable, s.rotateArgs())
	u.environment(s)
	u.sandbox(s)
	return u.done()
}

func timerUnit(s Service) string {
	return "# Written by `hookctl service install`.\n[Unit]\nDescription=hookctl daily look at the age of the webhook secret\n\n" +
		"[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1h\nPersistent=true\nUnit=" + s.base() + "-rotate.service\n\n" +
		"[Install]\nWantedBy=timers.target\n"
}

func target(s Service) string {
	if s.System {
		return "multi-user.target"
	}
	return "default.target"
}

// account is who a system service runs as. Behind sudo that is the person, not root.
func (s Service) account() (string, error) {
	name := cmp.Or(s.User, os.Getenv("SUDO_USER"))
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return "", fmt.Errorf("find the account of the service: %w", err)
		}
		name = u.Username
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '%' || r == 0x7f }) {
		return "", fmt.Errorf("the account of the service cannot be %q", name)
	}
	return name, nil
}

func (systemd) ctl(ctx context.Context, s Service, args ...string) (string, error) {
	if !s.System {
		args = append([]string{"--user"}, args...)
	}
	return control(ctx, "systemctl", args...)
}

func (m systemd) enable(ctx context.Context, s Service) error {
	units := []string{"enable"}
	if s.Address != "" {
		units = append(units, s.base()+".socket")
	}
	units = append(units, m.unit(s))
	if s.RotateAfter > 0 {
		units = append(units, s.base()+"-rotate.timer")
	}
	return m.steps(ctx, s, []string{"daemon-reload"}, units)
}

func (m systemd) begin(ctx context.Context, s Service) error {
	var steps [][]string
	if s.Address != "" {
		// A socket whose address changed is opened again by a restart only, and only while its service is down.
		steps = append(steps, []string{"stop", m.unit(s)}, []string{"restart", s.base() + ".socket"})
	}
	steps = append(steps, []string{"restart", m.unit(s)})
	if s.RotateAfter > 0 {
		steps = append(steps, []string{"restart", s.base() + "-rotate.timer"})
	}
	return m.steps(ctx, s, steps...)
}

func (m systemd) steps(ctx context.Context, s Service, steps ...[]string) error {
	for _, step := range steps {
		if _, err := m.ctl(ctx, s, step...); err != nil {
			return fmt.Errorf("install the service: %w", err)
		}
	}
	return nil
}

func (m systemd) uninstall(ctx context.Context, s Service) error {
	dir, err := m.dir(s)
	if err != nil {
		return err
	}
	var units []string
	for _, suffix := range []string{".socket", ".service", "-rotate.timer"} {
		if _, err := os.Stat(filepath.Join(dir, s.base()+suffix)); err == nil {
			units = append(units, s.base()+suffix)
		}
	}
	if _, err := m.ctl(ctx, s, append([]string{"disable", "--now"}, units...)...); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	return nil
}

func (m systemd) reload(ctx context.Context, s Service) error {
	_, err := m.ctl(ctx, s, "daemon-reload")
	return err
}

// start opens the socket along with the service; stop closes it too, or the next delivery would start the service.
func (m systemd) start(ctx context.Context, s Service) error { return m.both(ctx, s, "start") }

func (m systemd) stop(ctx context.Context, s Service) error { return m.both(ctx, s, "stop") }

func (m systemd) both(ctx context.Context, s Service, verb string) error {
	units := []string{verb, m.unit(s)}
	if s.Address != "" {
		units = []string{verb, s.base() + ".socket", m.unit(s)}
	}
	_, err := m.ctl(ctx, s, units...)
	return err
}

func (m systemd) restart(ctx context.Context, s Service) error {
	_, err := m.ctl(ctx, s, "restart", m.unit(s))
	return err
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
	linger, err := control(ctx, "loginctl", "show-user", me.Username, "--property=Linger", "--value")
	var failed *ServiceError
	if err == nil && linger == "no" || errors.As(err, &failed) && strings.Contains(failed.Error(), "not logged in") {
		st.Notes = append(st.Notes, "the receiver stops when you log out; keep it with: loginctl enable-linger "+me.Username)
	}
}
