package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Supervisor is what runs the receiver and starts it again when it ends. The receiver finds it in its own environment.
type Supervisor struct {
	Kind string `json:"kind"`           // one of the Kind constants
	Name string `json:"name"`           // the unit, label, process or container, as its commands take it
	Home string `json:"home,omitempty"` // of PM2: the directory of the daemon that runs it
}

// The kinds of supervisors that are recognized.
const (
	KindSystemd     = "systemd"
	KindSystemdUser = "systemd --user"
	KindLaunchd     = "launchd"
	KindPM2         = "pm2"
	KindSupervisord = "supervisord"
	KindDocker      = "docker" // also what looks like it
	KindPodman      = "podman"
	KindKubernetes  = "kubernetes"
)

// String names the supervisor and what it calls the receiver: "pm2 (hooks)".
func (s Supervisor) String() string {
	if s.Name == "" {
		return s.Kind
	}
	return s.Kind + " (" + s.Name + ")"
}

// Command is what restarts or stops the receiver through its supervisor; verb is "restart" or "stop".
func (s Supervisor) Command(verb string) []string {
	switch s.Kind {
	case KindSystemd:
		return []string{"systemctl", verb, s.Name}
	case KindSystemdUser:
		return []string{"systemctl", "--user", verb, s.Name}
	case KindLaunchd:
		domain := "gui/" + strconv.Itoa(os.Getuid())
		if os.Getuid() == 0 {
			domain = "system"
		}
		if verb == "stop" {
			return []string{"launchctl", "bootout", domain + "/" + s.Name}
		}
		return []string{"launchctl", "kickstart", "-k", domain + "/" + s.Name}
	case KindSupervisord:
		return []string{"supervisorctl", verb, s.Name}
	case KindKubernetes:
		return []string{"kubectl", "delete", "pod", s.Name}
	}
	return []string{s.Kind, verb, s.Name}
}

// supervisorVariables is how supervisors say in the environment of a process that they run it. What hookctl itself
// launches runs by itself, whatever runs hookctl, and gets none of them.
func supervisorVariables() []string {
	return []string{
		envManager, "INVOCATION_ID", "SYSTEMD_EXEC_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM",
		"XPC_SERVICE_NAME", "pm_id", "PM2_HOME", "SUPERVISOR_ENABLED", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME",
	}
}

// origin is what shows who started a process.
type origin struct {
	pid, parent int
	getenv      func(string) string
	cgroup      string // the text of /proc/PID/cgroup; empty elsewhere
}

// ownOrigin is that of this process.
func ownOrigin() origin {
	return origin{pid: os.Getpid(), parent: os.Getppid(), getenv: os.Getenv, cgroup: cgroupOf(os.Getpid())}
}

// supervisor recognizes who runs the process; nil where nobody does. A variable alone proves little, since every
// descendant inherits it: a shell below a unit is not the unit.
func (o origin) supervisor() *Supervisor {
	env := o.getenv
	switch {
	case env(envManager) != "" && runtime.GOOS == "darwin":
		return &Supervisor{Kind: KindLaunchd, Name: env(envManager)}
	case env(envManager) != "":
		return &Supervisor{Kind: o.systemdKind(), Name: env(envManager)}
	case env("pm_id") != "":
		return &Supervisor{Kind: KindPM2, Name: cmp.Or(env("name"), env("pm_id")), Home: env("PM2_HOME")}
	case env("SUPERVISOR_ENABLED") != "" && env("SUPERVISOR_PROCESS_NAME") != "":
		name := env("SUPERVISOR_PROCESS_NAME")
		if group := env("SUPERVISOR_GROUP_NAME"); group != "" && group != name {
			name = group + ":" + name
		}
		return &Supervisor{Kind: KindSupervisord, Name: name}
	case o.isUnit():
		return &Supervisor{Kind: o.systemdKind(), Name: o.unit()}
	case runtime.GOOS == "darwin" && o.parent == 1 && strings.Trim(env("XPC_SERVICE_NAME"), "0") != "":
		return &Supervisor{Kind: KindLaunchd, Name: env("XPC_SERVICE_NAME")}
	case o.pid == 1, o.parent == 1 && env(EnvBackground) == "" && o.inContainer():
		return o.container()
	}
	return nil
}

// isUnit reports whether systemd started the process as the main one of a unit, or as the child of a script that is.
func (o origin) isUnit() bool {
	if o.unit() == "" || o.getenv("INVOCATION_ID") == "" {
		return false
	}
	if main := o.getenv("SYSTEMD_EXEC_PID"); main != "" {
		return main == strconv.Itoa(o.pid) || main == strconv.Itoa(o.parent)
	}
	return o.getenv("NOTIFY_SOCKET") != "" || o.parent == 1 // before systemd 248
}

// unit is the service in the path of the control group.
func (o origin) unit() string {
	for line := range strings.Lines(o.cgroup) { // 0::/system.slice/hooks.service
		for _, part := range slices.Backward(strings.Split(strings.TrimSpace(line), "/")) {
			if strings.HasSuffix(part, ".service") && !strings.HasPrefix(part, "user@") {
				return part
			}
		}
	}
	return ""
}

func (o origin) systemdKind() string {
	if strings.Contains(o.cgroup, "/user@") {
		return KindSystemdUser
	}
	return KindSystemd
}

func (o origin) inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return o.getenv("container") != "" || o.getenv("KUBERNETES_SERVICE_HOST") != ""
}

// container is named by its host name, which is its id unless somebody chose another.
func (o origin) container() *Supervisor {
	s := &Supervisor{Kind: KindDocker}
	if name, err := os.Hostname(); err == nil {
		s.Name = name
	}
	switch {
	case o.getenv("KUBERNETES_SERVICE_HOST") != "":
		s.Kind = KindKubernetes
	case o.getenv("container") == "podman":
		s.Kind = KindPodman
	}
	return s
}

// supervisorOf is who runs the receiver with that status, or the process pid that does not answer; nil where nobody does.
func supervisorOf(st Status, pid int) *Supervisor {
	if st.Supervisor != nil {
		return st.Supervisor
	}
	if st.Manager != "" { // one of the first version, which only says this much
		return origin{getenv: func(name string) string { return map[string]string{envManager: st.Manager}[name] }, cgroup: cgroupOf(st.PID)}.supervisor()
	}
	if o := originOf(pid); o != nil {
		return o.supervisor()
	}
	return nil
}

// bySupervisor restarts or stops the receiver through what runs it. It reports false where nobody does. It fails, and names
// the command, where the supervisor cannot be spoken to from here; the receiver goes on then.
func bySupervisor(ctx context.Context, cfg Config, st Status, pid int, verb string) (bool, error) {
	s := supervisorOf(st, pid)
	if s == nil {
		return false, nil
	}
	if ours(cfg.Home, *s) {
		return through(ctx, cfg, verb)
	}
	command := s.Command(verb)
	switch s.Kind {
	case KindDocker, KindPodman, KindKubernetes: // they are outside, and we are in
		return true, managedError(*s, verb)
	}
	if _, err := exec.LookPath(command[0]); err != nil || s.Name == "" {
		return true, managedError(*s, verb)
	}
	if verb == "restart" && len(cfg.Args) > 1 {
		cfg.notice("%s runs the receiver with its own flags; %s do not apply to it", s, strings.Join(cfg.Args[1:], " "))
	}
	if verb == "stop" && (s.Kind == KindSystemd || s.Kind == KindSystemdUser) {
		command = append(command, sockets(ctx, command)...)
	}
	var env []string
	if s.Home != "" {
		env = append(env, "PM2_HOME="+s.Home)
	}
	if _, err := control(ctx, env, command[0], command[1:]...); err != nil {
		return true, fmt.Errorf("%s runs the receiver: %w", s, orHint(err, "run it as who owns it: "+strings.Join(s.Command(verb), " ")))
	}
	return true, nil
}

// ours reports whether s is the service that hookctl installed for this home.
func ours(home string, s Supervisor) bool {
	service, err := Installed(home)
	if err != nil {
		return false
	}
	m, err := service.manager()
	return err == nil && m.about(service).Unit == s.Name
}

// sockets are the units that would start the unit again at the next connection; stop is the command that stops it.
func sockets(ctx context.Context, stop []string) []string {
	unit := stop[len(stop)-1]
	ask := append(slices.Clone(stop[1:len(stop)-2]), "show", "--property=TriggeredBy", "--value", unit)
	out, err := control(ctx, nil, stop[0], ask...)
	if err != nil {
		return nil // the stop that follows says what is wrong
	}
	return slices.DeleteFunc(strings.Fields(out), func(name string) bool { return !strings.HasSuffix(name, ".socket") })
}

// control runs systemctl, launchctl or another supervisor's command with env added to the environment, and gives what it printed.
func control(ctx context.Context, env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // a fixed name, no shell
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = printable(line); line != "" {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "\n")
	if err == nil {
		return text, nil
	}
	if text != "" {
		err = fmt.Errorf("%s (%w)", text, err)
	}
	err = fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = &hinted{err, "this system has no " + program + ": run the receiver with hookctl start"}
	case strings.Contains(text, "connect to bus"):
		err = &hinted{err, "this user has no session here: log in as the user instead of su or sudo, or install for the machine: hookctl service install --system"}
	}
	return text, err
}

// awaitManaged waits until a receiver other than the process old answers, and gives its status.
func awaitManaged(ctx context.Context, home string, old int, limit time.Duration) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := Dial(home)
	for ctx.Err() == nil {
		st, err := client.Status(ctx)
		if err == nil && st.PID != old && !st.Stopping {
			return st, nil
		}
		pause(ctx)
	}
	return Status{}, fmt.Errorf("the receiver did not answer within %s", limit)
}

// through lets the service manager start, stop or restart the receiver, where a service of cfg.Home is installed. It reports
// false if none exists.
func through(ctx context.Context, cfg Config, verb string) (bool, error) {
	s, err := Installed(cfg.Home)
	if errors.Is(err, ErrNoService) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m, err := s.manager()
	if err != nil {
		return false, err
	}
	args := s.Args
	if args == nil {
		args = serveArgs()
	}
	if len(cfg.Args) > 0 && !slices.Equal(cfg.Args, args) {
		cfg.notice("%s runs the receiver as it was installed (%s); other arguments do not apply to it", m.about(s).Unit, strings.Join(args, " "))
	}
	return true, orHint(m.do(ctx, s, verb), "read why with: "+m.about(s).Logs)
}
