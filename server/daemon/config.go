package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config says whose receiver is meant and how it is started. Only Home is required; the zero value of everything
// else has a sensible meaning.
type Config struct {
	// Home is HOOKCTL_HOME. Everything of this package lives in Home/run, but for the flags of the last start in Home/state.
	Home string
	// Executable is the program to start; empty means the running one.
	Executable string
	// Args are its arguments: a command such as "serve", and flags for it. The process starts in Home, so paths among them
	// must be absolute. Restart adds the flags that the receiver was started with.
	Args []string
	// Env is its environment; nil means that of the caller.
	Env []string
	// ReadyTimeout bounds how long Start waits for an answer on the control socket; 0 means a minute.
	ReadyTimeout time.Duration
	// StopTimeout bounds how long Stop lets the receiver finish before it is ended by force; 0 means 20 s.
	StopTimeout time.Duration
	// Notice, if set, gets one sentence about what a slow Start, Stop or Restart is waiting for.
	Notice func(string)
}

// Status is what the receiver says about itself. The keys are those of `hookctl status --json`.
type Status struct {
	Running              bool      `json:"running"`
	PID                  int       `json:"pid"`
	Address              string    `json:"address"` // where it listens, host:port
	Since                time.Time `json:"since,omitzero"`
	Version              string    `json:"version"`
	LogDir               string    `json:"log_dir"`
	Received             int64     `json:"received"`
	Rejected             int64     `json:"rejected"`
	PendingNotifications int64     `json:"pending_notifications"`
	Secret               string    `json:"secret"` // fingerprint of the current secret

	Secrets             []string `json:"secrets,omitempty"` // fingerprints of all that are accepted, current first
	Duplicates          int64    `json:"duplicates"`
	FailedNotifications int64    `json:"failed_notifications"`
	InFlight            int64    `json:"in_flight"` // requests being answered now
	Instance            string   `json:"instance,omitempty"`
	PublicURL           string   `json:"public_url,omitempty"`
	Alarm               string   `json:"alarm,omitempty"`    // the text of the first of Alarms
	Stopping            bool     `json:"stopping,omitempty"` // it no longer accepts and finishes what it has
	Manager             string   `json:"manager,omitempty"`  // the installed systemd unit or launchd job that runs it

	Supervisor *Supervisor `json:"supervisor,omitempty"` // what runs it and starts it again; nil where nobody does
	Args       []string    `json:"args,omitempty"`       // what it was started with: "serve", then its flags

	PendingSince time.Time     `json:"pending_since,omitzero"` // when the oldest of the pending notifications came in
	FailingSinks []FailingSink `json:"failing_sinks,omitempty"`
	// Counting says that there may be more pending notifications: what an earlier run left is not all known yet. While the
	// alarm "index" stands it cannot be counted.
	Counting bool    `json:"counting,omitempty"`
	Alarms   []Alarm `json:"alarms,omitempty"` // what keeps it from its work, the most serious first

	Cluster *Cluster `json:"cluster,omitempty"` // nil for a single machine

	// NeedsRestart are the settings, by their keys in hookctl.yaml, that a reload read and only a restart puts in force.
	NeedsRestart []string `json:"needs_restart,omitempty"`
}

// HasAlarm reports whether an alarm of this key stands.
func (s Status) HasAlarm(key string) bool {
	return slices.ContainsFunc(s.Alarms, func(a Alarm) bool { return a.Key == key })
}

// Alarm is something about the receiver that a person has to see. It stands until its cause is gone. Its text has been cleaned by
// who filled it in.
type Alarm struct {
	Key     string    `json:"key"`               // names the cause, as storage, files, tunnel or route.0
	Text    string    `json:"text"`              // what is wrong, in one line
	Hint    string    `json:"hint,omitempty"`    // the command that fixes it or shows more
	Warning bool      `json:"warning,omitempty"` // deliveries and notifications go on for now
	Since   time.Time `json:"since"`             // when it was raised
}

// FailingSink is a place of notifications whose last attempt failed. Its error has been cleaned by who filled it in.
type FailingSink struct {
	Sink     string    `json:"sink"`
	Since    time.Time `json:"since"` // the first failure after the last success
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"`
}

// Rejected is a request that the receiver refused. Text in it is from outside and has been cleaned by who filled it in.
type Rejected struct {
	Time         time.Time `json:"time"`
	Address      string    `json:"address"`
	Reason       string    `json:"reason"`
	Event        string    `json:"event,omitempty"`
	DeliveryID   string    `json:"delivery_id,omitempty"`
	HookID       int64     `json:"hook_id,omitempty"`      // as the request claims
	Fingerprints []string  `json:"fingerprints,omitempty"` // of the secrets that were tried
	Former       string    `json:"former,omitempty"`       // of the secret that made the signature and is no longer accepted
}

// LogFile is where the background receiver of home writes its log.
func LogFile(home string) string { return filepath.Join(home, "run", "receiver.log") }

// stderrFile catches what the receiver says before its log is open, and the trace of a crash.
func stderrFile(home string) string { return filepath.Join(home, "run", "receiver.stderr") }

func lockFile(home string) string { return filepath.Join(home, "run", "receiver.lock") }

// startLockFile is held by who starts a receiver, until it answers.
func startLockFile(home string) string { return filepath.Join(home, "run", "start.lock") }

// pidFile names the process that holds the lock, for systems that do not say so themselves. It only serves to end a
// process that no longer answers, and is missing where the disk was full.
func pidFile(home string) string { return filepath.Join(home, "run", "receiver.pid") }

// readyTimeout allows for a big log on a slow disk.
func (c Config) readyTimeout() time.Duration { return cmp.Or(c.ReadyTimeout, time.Minute) }

func (c Config) stopTimeout() time.Duration { return cmp.Or(c.StopTimeout, 20*time.Second) }

func (c Config) notice(format string, args ...any) {
	if c.Notice != nil {
		c.Notice(fmt.Sprintf(format, args...))
	}
}

// executable is the program to start. After an upgrade in place Linux reports the running program as
// "… (deleted)"; the new one has the old name.
func (c Config) executable() (string, error) {
	if c.Executable != "" {
		return c.Executable, nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program to start: %w", err)
	}
	return strings.TrimSuffix(path, " (deleted)"), nil
}

// makeRun creates the run directory, or protects the one that is there: the control socket must not be open to others.
func makeRun(home string) error {
	if home == "" {
		return errors.New("daemon: no home directory given")
	}
	dir := filepath.Join(home, "run")
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the home is the user's choice
		return full(home, &hinted{fmt.Errorf("create the run directory: %w", err), "make " + home + " a directory of yours, or name another with HOOKCTL_HOME"})
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return fmt.Errorf("protect the run directory: %w", err)
	}
	return nil
}

// Cluster is what a node knows of its cluster without asking anybody. Its texts have been cleaned by who filled it in.
type Cluster struct {
	Name        string          `json:"name"`
	Node        string          `json:"node"`
	Quorum      bool            `json:"quorum"`   // a quorum answered a moment ago
	Ready       bool            `json:"ready"`    // it has the cluster's secrets
	Notifier    string          `json:"notifier"` // the node that sends notifications, "" for none
	Nodes       int             `json:"nodes"`    // how many the settings name, 0 with an existing NATS
	Members     []ClusterMember `json:"members"`  // that this node has heard of
	StreamBytes uint64          `json:"stream_bytes"`
	StreamMax   uint64          `json:"stream_max_bytes"` // 0 where it is not known yet

	Republishing *Republishing `json:"republishing,omitempty"` // how far this node is, nil where it does not
}

// Republishing is how far a node is with publishing its records again.
type Republishing struct {
	Records int `json:"records"` // looked at
	Of      int `json:"of"`
}

// ClusterMember is a node of a cluster.
type ClusterMember struct {
	Node        string        `json:"node"`
	Up          bool          `json:"up"`
	Version     string        `json:"version,omitempty"`
	Lag         uint64        `json:"lag"`     // deliveries that it has not filed yet
	Waiting     int           `json:"waiting"` // deliveries that it has not shared yet
	Twice       int64         `json:"maybe_notified_twice"`
	ClockOffset time.Duration `json:"clock_offset_ns"` // against the node that leads
	Expires     time.Time     `json:"certificate_expires,omitzero"`
}

// Away are the nodes that are not up.
func (c *Cluster) Away() []string {
	var names []string
	for _, m := range c.Members {
		if !m.Up {
			names = append(names, m.Node)
		}
	}
	return names
}

// Missing is how many nodes the settings name that have not joined yet or were left out, 0 while this one does not know.
func (c *Cluster) Missing() int {
	if !c.Ready {
		return 0
	}
	return max(0, c.Nodes-len(c.Members))
}

// String says in one line how the cluster is: "hooks: node a of 3, c away, b notifies".
func (c *Cluster) String() string {
	self := c.Name + ": node " + c.Node
	if c.Nodes > 0 || c.Ready { // else it has heard of nobody but itself
		self += fmt.Sprintf(" of %d", max(c.Nodes, len(c.Members)))
	}
	parts := []string{self}
	switch away := c.Away(); {
	case !c.Quorum && !c.Ready: // it has just started
		parts = append(parts, "looking for the others")
	case !c.Quorum:
		parts = append(parts, "no quorum")
	case !c.Ready:
		parts = append(parts, "waiting for the secrets")
	case len(away) > 0:
		parts = append(parts, strings.Join(away, ", ")+" away")
	case c.Missing() > 0:
		parts = append(parts, fmt.Sprintf("%d missing", c.Missing()))
	default:
		parts = append(parts, "all up")
	}
	if c.Notifier != "" && c.Quorum {
		parts = append(parts, c.Notifier+" notifies")
	}
	return strings.Join(parts, ", ")
}
