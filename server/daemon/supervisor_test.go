//go:build linux

package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeSupervisor is pm2, systemctl and supervisorctl at once. It writes down how it was called, and runs the toy
// receiver with the variables that the real one sets.
const fakeSupervisor = `#!/bin/sh
echo "$(basename "$0") $* PM2_HOME=$PM2_HOME" >> "$FAKE_LOG"
begin() { env $FAKE_ENV TOY=serve "$FAKE_TOY" </dev/null >/dev/null 2>&1 & }
end() {
	pid=$(cat "$HOOKCTL_HOME/run/receiver.pid" 2>/dev/null) || return 0
	kill "$pid"
	while [ -e "$HOOKCTL_HOME/run/receiver.pid" ]; do sleep 0.01; done
}
case " $* " in
*" show "*) echo hooks.socket ;;
*" restart "*) end; begin ;;
*" stop "*) end ;;
esac
`

// supervised starts the toy receiver as a supervisor that sets env would, with that supervisor's command on PATH, and
// gives what the command was called with so far.
func supervised(t *testing.T, command string, env ...string) (cfg Config, first Status, calls func() string) {
	t.Helper()
	cfg = toyConfig(t, "serve")
	bin := t.TempDir()
	log := filepath.Join(bin, "calls")
	if command != "" {
		if err := os.WriteFile(filepath.Join(bin, command), []byte(fakeSupervisor), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"PATH": bin + ":/usr/bin:/bin", "FAKE_LOG": log, "FAKE_TOY": cfg.Executable, "FAKE_ENV": strings.Join(env, " "),
		"HOOKCTL_HOME": cfg.Home, "TOY_ADDR": "127.0.0.1:0", "PM2_HOME": "",
	} {
		t.Setenv(name, value)
	}
	cmd := exec.Command(cfg.Executable)
	cmd.Env = append(cfg.Env, env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ends is what the tests are about
	}()
	t.Cleanup(func() { // nobody else may end it
		for _, pid := range holders(cfg.Home) {
			_ = kill(pid)
		}
		<-ended
	})
	within(t, "the receiver", func() bool {
		st, err := Dial(cfg.Home).Status(t.Context())
		first = st
		return err == nil
	})
	return cfg, first, func() string {
		text, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestRestartAndStopGoThroughTheSupervisor(t *testing.T) {
	tests := map[string]struct {
		command       string
		env           []string
		want          Supervisor
		restart, stop string
	}{
		"pm2": {"pm2", []string{"pm_id=3", "name=hooks", "PM2_HOME=/srv/pm2"}, Supervisor{KindPM2, "hooks", "/srv/pm2"},
			"pm2 restart hooks PM2_HOME=/srv/pm2", "pm2 stop hooks PM2_HOME=/srv/pm2"},
		"systemd": {"systemctl", []string{envManager + "=hooks.service"}, Supervisor{Kind: KindSystemd, Name: "hooks.service"},
			"systemctl restart hooks.service", "systemctl stop hooks.service hooks.socket"},
		"supervisord": {"supervisorctl", []string{"SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME=rx", "SUPERVISOR_GROUP_NAME=web"},
			Supervisor{Kind: KindSupervisord, Name: "web:rx"}, "supervisorctl restart web:rx", "supervisorctl stop web:rx"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, first, calls := supervised(t, tt.command, tt.env...)
			if first.Supervisor == nil || *first.Supervisor != tt.want {
				t.Fatalf("the status names %+v, want %+v", first.Supervisor, tt.want)
			}
			second, err := Restart(t.Context(), cfg)
			if err != nil || second.PID == first.PID || second.Supervisor == nil || *second.Supervisor != tt.want {
				t.Errorf("after restart: %+v, %v", second, err)
			}
			if err := Stop(t.Context(), cfg); err != nil {
				t.Error(err)
			}
			if locked, err := held(cfg.Home); err != nil || locked {
				t.Errorf("after stop a receiver runs (%v)", err)
			}
			for _, want := range []string{tt.restart, tt.stop} {
				if !strings.Contains(calls(), want) {
					t.Errorf("not called: %s; but:\n%s", want, calls())
				}
			}
		})
	}
}

func TestASupervisorOutOfReachIsNamedAndNothingChanges(t *testing.T) {
	cfg, first, _ := supervised(t, "", "pm_id=3", "name=hooks")
	check := func(verb string, err error) {
		t.Helper()
		if err == nil || hintOf(err) != "use: pm2 "+verb+" hooks" || !strings.Contains(err.Error(), "pm2 (hooks) runs it") {
			t.Errorf("%s: %v, hint %q", verb, err, hintOf(err))
		}
		if now, err := Dial(cfg.Home).Status(t.Context()); err != nil || now.PID != first.PID || now.Stopping {
			t.Errorf("after %s: %+v, %v", verb, now, err)
		}
	}
	_, err := Restart(t.Context(), cfg)
	check("restart", err)
	check("stop", Stop(t.Context(), cfg))
	_, err = Service{Home: cfg.Home, Executable: cfg.Executable, Address: "127.0.0.1:9000", UnitDir: t.TempDir()}.Install(t.Context())
	check("stop", err)
}

// TestASuspendedReceiverOfASupervisorIsKnownToo: it cannot say who runs it, and its environment can.
func TestASuspendedReceiverOfASupervisorIsKnownToo(t *testing.T) {
	cfg, first, _ := supervised(t, "", "pm_id=3", "name=hooks")
	suspend(t, first.PID)
	if _, err := Restart(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "pm2 (hooks) runs it") {
		t.Errorf("got %v", err)
	}
}

func TestWhatHookctlStartsIsNotTheSupervisors(t *testing.T) {
	cfg := toyConfig(t, "serve")
	cfg.Env = append(cfg.Env, "pm_id=3", "name=agent", "INVOCATION_ID=1", "SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME=x", envManager+"=agent.service")
	st, err := Start(t.Context(), cfg)
	if err != nil || st.Supervisor != nil || st.Manager != "" {
		t.Errorf("started by a program that is supervised: %+v, %v", st, err)
	}
}

func TestSupervisorsAreRecognized(t *testing.T) {
	const system, user = "0::/system.slice/hooks.service\n", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/hooks.service\n"
	tests := map[string]struct {
		pid, parent int
		env         []string
		cgroup      string
		want        string // kind and name; the name of a container is that of the test's machine
	}{
		"main process of a unit":       {50, 1, []string{"INVOCATION_ID=1", "SYSTEMD_EXEC_PID=50"}, system, "systemd (hooks.service)"},
		"below a script of a unit":     {51, 50, []string{"INVOCATION_ID=1", "SYSTEMD_EXEC_PID=50"}, user, "systemd --user (hooks.service)"},
		"of an older systemd":          {50, 1, []string{"INVOCATION_ID=1"}, "12:pids:/x\n1:name=systemd:/system.slice/hooks.service\n", "systemd (hooks.service)"},
		"of a job of cron":             {70, 60, []string{"INVOCATION_ID=1", "SYSTEMD_EXEC_PID=50"}, "0::/system.slice/cron.service\n", ""},
		"of a shell in a session":      {70, 60, []string{"INVOCATION_ID=1", "SYSTEMD_EXEC_PID=50"}, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n", ""},
		"pm2 without a name":           {50, 40, []string{"pm_id=0"}, "", "pm2 (0)"},
		"pm2 in a container":           {7, 1, []string{"pm_id=0", "name=hooks", "container=podman"}, "0::/\n", "pm2 (hooks)"},
		"first process of a container": {1, 0, nil, "0::/\n", "docker"},
		"below the init of podman":     {7, 1, []string{"container=podman"}, "0::/\n", "podman"},
		"in a pod":                     {1, 0, []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, "0::/\n", "kubernetes"},
		"started in a container":       {7, 1, []string{"container=podman", EnvBackground + "=1"}, "0::/\n", ""},
		"by hand":                      {70, 60, nil, "0::/user.slice/user-1000.slice/session-3.scope\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := origin{pid: tt.pid, parent: tt.parent, cgroup: tt.cgroup, getenv: func(name string) string {
				n := slices.IndexFunc(tt.env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
				if n < 0 {
					return ""
				}
				return tt.env[n][len(name)+1:]
			}}
			got := ""
			if s := o.supervisor(); s != nil {
				got = s.String()
				if tt.parent == 0 || tt.want == KindPodman {
					got = s.Kind
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestASupervisorThatTheFirstVersionNamesIsKnown(t *testing.T) {
	if s := supervisorOf(Status{Running: true, PID: os.Getpid(), Manager: "hookctl.service"}, 0); s == nil || s.Name != "hookctl.service" {
		t.Errorf("%+v", s)
	}
}

func TestAContainerCannotBeRestartedFromWithin(t *testing.T) {
	st := Status{PID: 1, Supervisor: &Supervisor{Kind: KindDocker, Name: "0123456789ab"}}
	managed, err := bySupervisor(t.Context(), Config{Home: shortDirT(t)}, st, 1, "restart")
	if !managed || hintOf(err) != "use: docker restart 0123456789ab" {
		t.Errorf("got %t, %v, hint %q", managed, err, hintOf(err))
	}
}
