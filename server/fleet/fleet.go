// Package fleet knows every hook that delivers to this receiver, and is the one place for what is done to them: which
// repositories and organizations there are, which hooks are ours, how each one is, set up, rotate, undo, catch up, move to
// another address. Commands, interface, line mode, doctor and the receiver itself build a request, call it here and show the
// result; they decide nothing and keep no copy, so that no two of them can disagree.
//
// A hook is ours when its URL leads to an address of this receiver, or when this log has a verified delivery of it that is
// newer than its last change at GitHub. Everything else belongs to other services: it is listed as theirs, and neither warned
// about nor ever offered for deletion.
//
// What the fleet has to remember between two calls is in state/fleet.json of the home: the targets that any face set up, the
// addresses that the receiver had, and what was last seen of each hook.
//
// A target that GitHub answers with 403 or 404 is set aside: it is named, with its error and its cure, and the others are
// worked on. A report with something set aside or failed says so with Failed, which is exit code 1.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// Config is what a fleet needs. Home, Logs, Store and GitHub are required.
type Config struct {
	Home   string
	Logs   logs.Config
	Log    *logs.Log // an open log to read; nil opens Logs for each operation
	Store  *secret.Store
	Daemon daemon.Config                 // how the receiver is started
	GitHub func() (*hooks.Client, error) // called once, when first needed, and again after a failed login

	PublicURL    string        // receiver.public_url; "" asks the receiver
	Repositories []string      // setup.repositories
	Events       []string      // setup.events: of new hooks; [hooks.DefaultEvents] if empty
	Needed       []string      // events without which notify_also has no effect: a hook that lacks one gets a warning
	Wait         time.Duration // for the proof of one hook; [hooks.DefaultWait] if zero
	PerHook      bool          // every hook gets a secret of its own when it is rotated

	// SaveURL keeps the public URL in the settings; nil leaves them alone.
	SaveURL func(ctx context.Context, publicURL string) error
	// Probe asks the public URL from here whether this receiver answers, and says what is odd; [hooks.CheckURL] if nil.
	Probe func(ctx context.Context, url, instance string) error
	Now   func() time.Time // time.Now if nil
}

// Fleet is every hook of one home's receiver. Its methods may be called from any goroutine and any process.
type Fleet struct {
	cfg    Config
	shared *shared
	lists  *lists
}

// shared is what the copies of a Fleet have in common.
type shared struct {
	mu     sync.Mutex
	client *hooks.Client // opened once
	public string        // the public URL that was kept since the Fleet was made, "" for none
	list   List          // the newest of all targets
	listed time.Time     // when that was made
}

// New returns a Fleet. It reads nothing and asks nobody yet.
func New(cfg Config) *Fleet {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Probe == nil {
		cfg.Probe = hooks.CheckURL
	}
	return &Fleet{cfg: cfg, shared: &shared{}, lists: &lists{}}
}

// With returns the same fleet reading an open log, which stays the caller's to close.
func (f *Fleet) With(log *logs.Log) *Fleet {
	c := *f
	c.cfg.Log = log
	return &c
}

// GitHub is the client that the fleet works with, opened where it was not yet.
func (f *Fleet) GitHub() (*hooks.Client, error) {
	f.shared.mu.Lock()
	defer f.shared.mu.Unlock()
	var err error
	if f.shared.client == nil {
		f.shared.client, err = f.cfg.GitHub() // nil beside an error
	}
	return f.shared.client, err
}

// SignIn asks GitHub who the user is. It opens GitHub again, so that a login that was fixed in the meantime is the one of every
// later operation. What it returns beside an error says how to fix that.
func (f *Fleet) SignIn(ctx context.Context) (hooks.SignIn, error) {
	f.shared.mu.Lock()
	f.shared.client = nil
	f.shared.mu.Unlock()
	return hooks.FindSignIn(ctx, f.GitHub)
}

// publicURL is the public URL of the settings as they are now, "" where they have none.
func (f *Fleet) publicURL() string {
	f.shared.mu.Lock()
	defer f.shared.mu.Unlock()
	return cmp.Or(f.shared.public, f.cfg.PublicURL)
}

// savePublicURL keeps another public URL in the settings, where there is a way to.
func (f *Fleet) savePublicURL(ctx context.Context, url string) error {
	if err := f.cfg.SaveURL(ctx, url); err != nil {
		return err
	}
	f.shared.mu.Lock()
	defer f.shared.mu.Unlock()
	f.shared.public = url
	return nil
}

// noted drops the client after an error that another login may fix, so that the next operation logs in again.
func (f *Fleet) noted(err error) {
	if errors.Is(err, hooks.ErrNotLoggedIn) || errors.Is(err, hooks.ErrScope) {
		f.shared.mu.Lock()
		defer f.shared.mu.Unlock()
		f.shared.client = nil
	}
}

// withLog runs something on the log.
func (f *Fleet) withLog(ctx context.Context, do func(*logs.Log) error) (err error) {
	if f.cfg.Log != nil {
		return do(f.cfg.Log)
	}
	log, err := logs.Open(ctx, f.cfg.Logs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return do(log)
}

// Receiver makes sure that the receiver runs with the settings and secrets of now: it is reloaded, or started where none runs.
func (f *Fleet) Receiver(ctx context.Context) (status daemon.Status, started bool, err error) {
	status, err = daemon.Dial(f.cfg.Home).Reload(ctx)
	if !errors.Is(err, daemon.ErrNotRunning) {
		return status, false, err
	}
	status, err = daemon.Start(ctx, f.cfg.Daemon)
	if running := new(daemon.RunningError); errors.As(err, &running) { // somebody else was faster
		status, err = daemon.Dial(f.cfg.Home).Reload(ctx)
		return status, false, err
	}
	return status, err == nil, err
}
