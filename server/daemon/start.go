package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"hookctl/logs/jsonfile"
)

// EnvBackground is set in the environment of a receiver that Start launched: it writes its log to LogFile instead of
// the terminal.
const EnvBackground = "HOOKCTL_BACKGROUND"

// Start launches the receiver, detached from the terminal, and returns its status once it answers. Where a service of
// this home is installed, that is started instead. The flags in cfg.Args are kept for Restart; those of earlier starts are
// forgotten. It fails with *RunningError where there is a receiver already (and gives that one's status), with
// *UnresponsiveError where that one does not answer, and with the receiver's own message where
// the process did not become a receiver; nothing is left running then.
//
// Of those that start or restart the receiver of one home at once, each waits for the one before: two launched at once
// would write into one file of output, and fight over the address.
func Start(ctx context.Context, cfg Config) (Status, error) {
	done, err := alone(ctx, cfg.Home)
	if err != nil {
		return Status{}, err
	}
	defer done()
	return start(ctx, cfg)
}

// alone waits until nobody else starts a receiver of this home, and keeps others from it until done is called.
func alone(ctx context.Context, home string) (done func(), err error) {
	if err := makeRun(home); err != nil {
		return nil, err
	}
	lock := flock.New(startLockFile(home), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, pollInterval); NoSpace(err) {
		return func() {}, nil // A full disk keeps no receiver from starting; two at once are unlikely.
	} else if err != nil {
		return nil, fmt.Errorf("wait for another start of the receiver: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil // What cannot be unlocked goes with the process.
}

// start is Start for one that is alone.
func start(ctx context.Context, cfg Config) (Status, error) {
	st, err := Dial(cfg.Home).Status(ctx)
	if err == nil {
		return st, &RunningError{PID: st.PID, Address: st.Address}
	}
	if !errors.Is(err, ErrNotRunning) {
		return Status{}, err
	}
	if managed, err := through(ctx, cfg, "start"); managed || err != nil {
		if err != nil {
			return Status{}, err
		}
		return awaitManaged(ctx, cfg.Home, 0, cfg.readyTimeout())
	}
	p, err := launch(cfg)
	if err != nil {
		return Status{}, err
	}
	st, err = p.ready(ctx, cfg, cfg.readyTimeout())
	if err == nil {
		remember(cfg)
	}
	return st, err
}

// process is a receiver that was launched and has not answered yet.
type process struct {
	pid  int
	said *os.File      // what it writes to stdout and stderr
	done chan struct{} // closed when it has ended
	how  error         // how it ended; nil for status 0
}

// launch starts the program of cfg with env added to its environment.
func launch(cfg Config, env ...string) (*process, error) {
	program, err := cfg.executable()
	if err != nil {
		return nil, err
	}
	stderr, err := openStderr(cfg.Home)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, cfg.Args...) //nolint:gosec // the caller's own program
	cmd.Dir = cfg.Home
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.Env = cfg.Env
	// What we start runs by itself, even where a supervisor runs us.
	drop := append(supervisorVariables(), envTakeover)
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(drop, name)
	})
	cmd.Env = append(append(cmd.Env, EnvBackground+"=1"), env...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the receiver: %w", err), stderr.Close())
	}
	p := &process{pid: cmd.Process.Pid, said: stderr, done: make(chan struct{})}
	// This goroutine lives as long as the receiver, or as we do: without it a receiver that a long-lived caller (the
	// TUI) started and stopped would stay a zombie.
	go func() {
		defer close(p.done)
		p.how = cmd.Wait()
	}()
	return p, nil
}

// ready waits until the process answers on the control socket; it ends it where that takes longer than limit.
func (p *process) ready(ctx context.Context, cfg Config, limit time.Duration) (Status, error) {
	defer p.said.Close() //nolint:errcheck // the process has its own
	client := Dial(cfg.Home)
	deadline, tick := time.After(limit), time.Tick(pollInterval)
	patience := time.Tick(5 * time.Second)
	for {
		select {
		case <-p.done:
			return Status{}, p.startError(cfg.Home, reason(p.how))
		case <-ctx.Done():
			return Status{}, errors.Join(fmt.Errorf("start the receiver: %w", context.Cause(ctx)), p.end())
		case <-deadline:
			err := p.end()
			return Status{}, errors.Join(p.startError(cfg.Home, fmt.Sprintf("did not answer within %s", limit)), err)
		case <-patience:
			cfg.notice("the receiver (pid %d) is still starting; its log: %s", p.pid, LogFile(cfg.Home))
		case <-tick:
		}
		st, err := client.Status(ctx)
		if err == nil && st.PID == p.pid {
			return st, nil
		}
	}
}

// end leaves no orphan: it asks, waits a moment, and forces.
func (p *process) end() error {
	for _, step := range []struct {
		end  func(int) error
		wait time.Duration
	}{{terminate, 2 * time.Second}, {kill, 5 * time.Second}} {
		if err := step.end(p.pid); err != nil {
			return err
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(step.wait):
		}
	}
	return stuck(p.pid, "it was killed and is still there")
}

func reason(err error) string {
	if err == nil {
		return "exited with status 0"
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return fmt.Sprintf("exited with status %d", exit.ExitCode())
	}
	return "ended: " + err.Error()
}

// Restart puts a new receiver in the place of the running one, or starts one if none runs, and returns its
// status. It keeps the flags that the receiver was started with; those of cfg.Args override single ones and are kept in
// turn. The new process takes the listening socket over before the old one finishes, so that no connection is refused; on
// Windows the old one stops first. A receiver that a supervisor runs is restarted by that one, or Restart fails and names
// the command to use. Where the new process fails before it has taken over, the old one keeps running, and the error
// says so. A receiver that does not answer, or does not finish within cfg.StopTimeout, is ended by force.
func Restart(ctx context.Context, cfg Config) (Status, error) {
	done, err := alone(ctx, cfg.Home)
	if err != nil {
		return Status{}, err
	}
	defer done()
	old, err := quickStatus(ctx, cfg.Home)
	if errors.Is(err, ErrNotRunning) {
		return start(ctx, keep(cfg, Status{}))
	}
	if old.PID == 0 {
		old.PID = holder(cfg.Home)
	}
	managed, supervisorErr := bySupervisor(ctx, cfg, old, old.PID, "restart")
	switch {
	case supervisorErr != nil:
		return Status{}, supervisorErr
	case managed:
		return awaitManaged(ctx, cfg.Home, old.PID, cfg.readyTimeout())
	}
	cfg = keep(cfg, old)
	if err != nil || !canHandOver {
		if err := stopProcess(ctx, cfg, old, err); err != nil && !errors.Is(err, ErrNotRunning) {
			return Status{}, err
		}
		return start(ctx, cfg)
	}
	// The new process waits for the old one longer than we do: we end that one when its time is over.
	p, err := launch(cfg, fmt.Sprintf("%s=%s", envTakeover, cfg.stopTimeout()+15*time.Second))
	if err != nil {
		return Status{}, err
	}
	st, err := p.replace(ctx, cfg, old.PID)
	if err == nil {
		remember(cfg)
	}
	return st, err
}

// replace waits until the process answers in the place of the old one.
func (p *process) replace(ctx context.Context, cfg Config, old int) (Status, error) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	forced := make(chan error, 1)
	go func() { forced <- outlast(watch, cfg, old) }()
	st, err := p.ready(ctx, cfg, cfg.stopTimeout()+10*time.Second+cfg.readyTimeout())
	stop()
	if forceErr := <-forced; !errors.Is(forceErr, context.Canceled) {
		err = errors.Join(err, forceErr)
	}
	if err == nil {
		return st, nil
	}
	if was, statusErr := quickStatus(context.WithoutCancel(ctx), cfg.Home); statusErr == nil && was.PID == old && !was.Stopping {
		err = fmt.Errorf("%w\nthe previous receiver (pid %d) keeps running", err, old)
	}
	return st, err
}

// StateDir is the directory below home for what must not vanish and is not a setting: the flags of the last start, the
// targets of the fleet.
func StateDir(home string) string { return filepath.Join(home, "state") }

// startRecord is what start.json holds.
type startRecord struct {
	Flags []string `json:"flags"`
}

func startFile(home string) string { return filepath.Join(StateDir(home), "start.json") }

// LastFlags are the flags that the receiver of home was last started with, and that Restart keeps; none where that is not known.
func LastFlags(home string) []string {
	record, _ := jsonfile.Read[startRecord](startFile(home)) // nothing beside an error
	return record.Flags
}

// remember keeps the flags of cfg for the next restart. The receiver runs already, so a failure is a notice.
func remember(cfg Config) {
	record := startRecord{Flags: []string{}}
	if len(cfg.Args) > 1 {
		record.Flags = cfg.Args[1:]
	}
	if err := jsonfile.Write(startFile(cfg.Home), record); err != nil && len(record.Flags) > 0 {
		cfg.notice("cannot save the flags for a start after a crash: %v", err)
	}
}

// keep adds the flags that the receiver was started with to those of cfg, which override them. A receiver that runs knows
// its own best; for one that does not answer, the record of its start stands in.
func keep(cfg Config, running Status) Config {
	if len(cfg.Args) == 0 {
		return cfg
	}
	args := running.Args
	if len(args) == 0 && running.PID != 0 {
		args = arguments(running.PID) // an older one, which does not say
	}
	var flags []string
	if len(args) > 0 && args[0] == cfg.Args[0] {
		flags = args[1:]
	} else {
		record, err := jsonfile.Read[startRecord](startFile(cfg.Home))
		flags = record.Flags
		switch {
		case errors.Is(err, fs.ErrNotExist) && running.PID != 0:
			cfg.notice("nothing says which flags the receiver was started with; it starts with the settings")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			cfg.notice("read the flags of the last start: %v; the receiver starts with the settings", err)
		}
	}
	cfg.Args = slices.Concat(cfg.Args[:1], mergeFlags(flags, cfg.Args[1:]))
	return cfg
}

// mergeFlags gives the old flags without those that are among the new, and then the new.
func mergeFlags(old, now []string) []string {
	var merged []string
	override := map[string]bool{}
	for _, flag := range splitFlags(now) {
		override[flagName(flag)] = true
	}
	for _, flag := range splitFlags(old) {
		if !override[flagName(flag)] {
			merged = append(merged, flag...)
		}
	}
	return append(merged, now...)
}

// splitFlags parts arguments into flags: "--port 1", "--port=1" and "--debug" are one each.
func splitFlags(args []string) [][]string {
	var flags [][]string
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || len(flags) == 0 {
			flags = append(flags, nil)
		}
		last := len(flags) - 1
		flags[last] = append(flags[last], arg)
	}
	return flags
}

func flagName(flag []string) string {
	name, _, _ := strings.Cut(flag[0], "=")
	return name
}
