//go:build linux

package daemon

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeSystemctl is a systemctl that runs the toy receiver as hookctl.service and writes down how it was called. What
// systemd really does with the units is beyond this; here the question is whether start, stop and restart go its way.
const fakeSystemctl = `#!/bin/sh
echo "$*" >> "$FAKE_LOG"
[ "$1" = --user ] && shift
verb=$1; shift
begin() { HOOKCTL_UNIT=hookctl.service TOY=serve "$FAKE_TOY" </dev/null >/dev/null 2>&1 & }
end() {
	pid=$(cat "$HOOKCTL_HOME/run/receiver.pid" 2>/dev/null) || return 0
	kill "$pid"
	while [ -e "$HOOKCTL_HOME/run/receiver.pid" ]; do sleep 0.01; done
}
case "$verb $*" in
"start "*hookctl.service*) begin ;;
"restart hookctl.service") end; begin ;;
"stop "*hookctl.service*|"disable --now "*hookctl.service*) end ;;
"is-enabled hookctl.service") echo enabled ;;
"is-active hookctl.service") echo active ;;
esac
exit 0
`

func TestStartStopAndRestartGoThroughTheServiceThatIsInstalled(t *testing.T) {
	cfg := toyConfig(t, "serve")
	bin := t.TempDir()
	calls := filepath.Join(bin, "calls")
	for name, text := range map[string]string{
		"systemctl": fakeSystemctl, "loginctl": "#!/bin/sh\necho no\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_LOG", calls)
	t.Setenv("FAKE_TOY", cfg.Executable)
	t.Setenv("HOOKCTL_HOME", cfg.Home)
	t.Setenv("TOY_ADDR", "127.0.0.1:0")
	called := func(want string) {
		t.Helper()
		text, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("systemctl was not called with %q, but with:\n%s", want, text)
		}
		if err := os.Truncate(calls, 0); err != nil {
			t.Fatal(err)
		}
	}

	s := Service{Home: cfg.Home, Executable: cfg.Executable, Address: "127.0.0.1:9000", UnitDir: filepath.Join(bin, "units"), RotateAfter: 24 * time.Hour}
	if st, err := s.Status(t.Context()); err != nil || st.Installed {
		t.Errorf("before the installation: %+v, %v", st, err)
	}
	if err := s.Uninstall(t.Context()); !errors.Is(err, ErrNoService) {
		t.Errorf("uninstall what is not there: %v", err)
	}
	before, err := Start(t.Context(), cfg) // runs without a service, and has to make room
	if err != nil {
		t.Fatal(err)
	}
	status, err := s.Install(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !status.Installed || status.Enabled != "enabled" || status.Active != "active" || len(status.Files) != 4 ||
		status.Logs != "journalctl --user -u hookctl.service -n 50" || len(status.Notes) != 1 || !strings.Contains(status.Notes[0], "enable-linger") {
		t.Errorf("status %+v", status)
	}
	called("--user enable hookctl.socket hookctl.service hookctl-rotate.timer")
	first, err := Dial(cfg.Home).Status(t.Context())
	if err != nil || first.PID == before.PID || first.Manager != "hookctl.service" {
		t.Fatalf("the service runs as %+v, %v", first, err)
	}

	second, err := Restart(t.Context(), cfg)
	if err != nil || second.PID == first.PID || second.Manager != "hookctl.service" {
		t.Errorf("after restart: %+v, %v", second, err)
	}
	called("--user restart hookctl.service")

	// From here on it is as the first version installed it, which kept the record elsewhere.
	if err := os.Rename(serviceRecord(cfg.Home), formerRecord(cfg.Home)); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	called("--user stop hookctl.socket hookctl.service")
	var notices []string
	other := cfg
	other.Args = []string{"serve", "--port", "9100"}
	other.Notice = func(text string) { notices = append(notices, text) }
	third, err := Start(t.Context(), other)
	if err != nil || third.Manager != "hookctl.service" {
		t.Errorf("after start: %+v, %v", third, err)
	}
	if text := strings.Join(notices, "\n"); !strings.Contains(text, "other arguments do not apply") {
		t.Errorf("notices: %q", text)
	}
	called("--user start hookctl.socket hookctl.service")

	s.RotateAfter = 0 // settings may have changed since: what was installed goes anyway
	if err := s.Uninstall(t.Context()); err != nil {
		t.Error(err)
	}
	called("--user disable --now hookctl.service hookctl.socket hookctl-rotate.timer")
	if left, err := filepath.Glob(filepath.Join(bin, "units", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := Installed(cfg.Home); !errors.Is(err, ErrNoService) {
		t.Errorf("after uninstall: %v", err)
	}
	again, err := Start(t.Context(), cfg)
	if err != nil || again.Manager != "" {
		t.Errorf("start without the service: %+v, %v", again, err)
	}
}

func TestAnInstallationThatFailsChangesNothing(t *testing.T) {
	cfg := toyConfig(t, "serve")
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := Service{Home: cfg.Home, Executable: cfg.Executable, Address: "127.0.0.1:9000", UnitDir: filepath.Join(bin, "units")}
	if _, err := s.Install(t.Context()); err == nil || !strings.Contains(hintOf(err), "no systemctl") {
		t.Errorf("without systemd: %v, hint %q", err, hintOf(err))
	}
	if left, err := filepath.Glob(filepath.Join(bin, "units", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := Installed(cfg.Home); !errors.Is(err, ErrNoService) {
		t.Errorf("afterwards: %v", err)
	}
	if now, err := Dial(cfg.Home).Status(t.Context()); err != nil || now.PID != st.PID {
		t.Errorf("the receiver that ran: %+v, %v", now, err)
	}
	s.Home = "relative"
	if _, err := s.Install(t.Context()); err == nil || !strings.Contains(err.Error(), "must be absolute") {
		t.Errorf("a relative home: %v", err)
	}
}

func TestFailuresOfSystemctlSayWhatToDo(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	_, err := control(t.Context(), nil, "systemctl", "start", "x")
	if hint := hintOf(err); !strings.Contains(hint, "no systemctl") {
		t.Errorf("without systemctl: %v, hint %q", err, hint)
	}
	script := "#!/bin/sh\necho 'Failed to connect to bus: No medium found'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = control(t.Context(), nil, "systemctl", "--user", "start", "x")
	if hint := hintOf(err); err == nil || !strings.Contains(err.Error(), "No medium found") || !strings.Contains(hint, "--system") {
		t.Errorf("without a bus: %v, hint %q", err, hint)
	}
}

// activated starts the toy as systemd would: with the socket as descriptor 3.
func activated(t *testing.T, cfg Config, ln *os.File, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$0"`, cfg.Executable)
	cmd.Env = append(append(cfg.Env, "LISTEN_FDS=1", "TOY_ADDR=127.0.0.1:1"), env...)
	cmd.ExtraFiles = []*os.File{ln}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestTheSocketOfSystemdOutlivesTheReceiver(t *testing.T) {
	t.Parallel()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cfg := toyConfig(t, "serve")
	first := activated(t, cfg, file)
	if got := get(t, tcp.Addr().String()); got != strconv.Itoa(first.Process.Pid) {
		t.Errorf("answered by %s, want %d", got, first.Process.Pid)
	}
	var st Status
	within(t, "the control socket", func() bool {
		st, err = Dial(cfg.Home).Status(t.Context())
		return err == nil
	})
	if st.Address != tcp.Addr().String() {
		t.Errorf("status %+v", st)
	}
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	// Nobody is there, and the connection waits.
	type reply struct {
		body string
		err  error
	}
	waiting := make(chan reply, 1)
	conn, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatalf("refused while no receiver runs: %v", err)
	}
	go func() {
		defer conn.Close()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		body, readErr := io.ReadAll(conn)
		waiting <- reply{string(body), errors.Join(err, readErr)}
	}()
	second := activated(t, cfg, file)
	if r := <-waiting; r.err != nil || !strings.HasSuffix(r.body, strconv.Itoa(second.Process.Pid)) {
		t.Errorf("the connection that waited got %q, %v", r.body, r.err)
	}
	if err := Stop(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("a stop on request is no failure: %v", err)
	}
}

func TestSystemdHearsThatTheReceiverIsReadyAliveAndStopping(t *testing.T) {
	t.Parallel()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cfg := toyConfig(t, "serve")
	path := filepath.Join(cfg.Home, "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := notify.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	heard := func() string {
		t.Helper()
		b := make([]byte, 256)
		n, err := notify.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	cmd := activated(t, cfg, file, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=40000")
	if got := heard(); got != "READY=1" {
		t.Errorf("the first word is %q", got)
	}
	res, err := http.Get("http://" + tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for range 3 {
		if got := heard(); got != "WATCHDOG=1" {
			t.Errorf("while it runs it says %q", got)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		got := heard()
		if got == "STOPPING=1" {
			break
		}
		if got != "WATCHDOG=1" {
			t.Fatalf("it says %q", got)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a stop by signal is no failure: %v", err)
	}
}
