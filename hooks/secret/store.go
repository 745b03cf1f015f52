package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Variable is the name of the shared secret in the environment and in .env. Followed by "_" and a hook's id it
// holds the secret of that hook; followed by "_" and a name, that of the path /webhook/<name>.
const Variable = "GITHUB_WEBHOOK_SECRET"

// Origin says where the current secret comes from.
type Origin string

// The origins. A secret in the real environment wins over the file.
const (
	FromNowhere     Origin = ""
	FromEnvironment Origin = "environment"
	FromEnvFile     Origin = ".env"
)

var (
	// ErrFromEnvironment says that the secret cannot be changed because the real environment sets it.
	ErrFromEnvironment = errors.New(Variable + " is set in the environment, which wins over .env; change it where it is set, or unset it")
	// ErrRotating says that another process is rotating.
	ErrRotating = errors.New("another rotation is running")
)

// Config says where a Store keeps things.
type Config struct {
	EnvFile      string              // the .env file
	RotationFile string              // state/rotation.json; everything else of the store is beside it
	FormerDir    string              // where earlier versions kept these files, run/; they are moved once. "" for none
	Environ      func(string) string // the real environment; os.Getenv if nil
}

// Store is everything secret of one home. Its methods may be called from any goroutine and any process: what writes
// takes a file lock.
type Store struct{ cfg Config }

// NewStore returns a Store. It reads nothing yet.
func NewStore(cfg Config) *Store {
	if cfg.Environ == nil {
		cfg.Environ = os.Getenv
	}
	return &Store{cfg: cfg}
}

// Current returns the secret that new hooks get and where it comes from; "" and [FromNowhere] if none.
func (s *Store) Current() (string, Origin, error) {
	if v := s.cfg.Environ(Variable); v != "" {
		return v, FromEnvironment, nil
	}
	v, err := s.variable(Variable)
	if v == "" {
		return "", FromNowhere, err
	}
	return v, FromEnvFile, nil
}

// variable is what .env gives a variable, "" for nothing.
func (s *Store) variable(name string) (string, error) {
	env, err := OpenEnv(s.cfg.EnvFile)
	if err != nil {
		return "", err
	}
	v, _ := env.Get(name)
	return v, nil
}

// ForHooks returns the secret that a hook is to be set up with: the current one, or the new one of a rotation that is not
// promoted yet, because hooks that share the current one are losing it.
func (s *Store) ForHooks() (string, Origin, error) {
	current, origin, err := s.Current()
	if err != nil || origin != FromEnvFile {
		return current, origin, err
	}
	r, err := s.Rotation()
	if err == nil && r != nil && r.Promoted.IsZero() && r.New != "" {
		return r.New, origin, nil
	}
	return current, origin, err
}

// SetCurrent writes the secret into .env and notes the time, if it is another one. It refuses with [ErrFromEnvironment]
// where the real environment sets it: the change would have no effect. One that is published it refuses with [ErrPublished].
func (s *Store) SetCurrent(value string) error {
	if Published(value) {
		return ErrPublished
	}
	if s.cfg.Environ(Variable) != "" {
		return ErrFromEnvironment
	}
	return s.locked(func() error {
		env, err := OpenEnv(s.cfg.EnvFile)
		if err != nil {
			return err
		}
		before, _ := env.Get(Variable)
		if before == value {
			return nil
		}
		env.Set(Variable, value)
		if err := env.Save(); err != nil {
			return err
		}
		if err := s.noteChange(value, time.Now()); err != nil {
			return err
		}
		// A rotation goes on accepting what it replaces, and remembers it in the end.
		if r, err := s.Rotation(); err != nil || r != nil || before == "" {
			return err
		}
		return s.retire([]Key{{Value: before}}, time.Now())
	})
}

// HookSecret returns the secret that belongs to one hook alone, "" when it uses the shared one.
func (s *Store) HookSecret(hookID int64) (string, error) { return s.variable(hookVariable(hookID)) }

// SecretOf returns the secret by which a hook that sends to address differs from those that share one: its own, else that of
// its path, else "".
func (s *Store) SecretOf(hookID int64, address string) (string, error) {
	if own, err := s.HookSecret(hookID); err != nil || own != "" {
		return own, err
	}
	value, _, err := s.PathSecret(address)
	return value, err
}

// PathSecret returns the secret of the path /webhook/<name> that a hook's URL ends with, and the variable in .env that
// holds it; "" where that path has none. A name of digits has none: that variable would be a hook's.
func (s *Store) PathSecret(address string) (value, variable string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", nil // no address has no path
	}
	_, name, _ := strings.Cut(strings.TrimRight(u.Path, "/"), "/webhook/")
	if _, err := strconv.ParseInt(name, 10, 64); name == "" || err == nil {
		return "", "", nil
	}
	variable = pathVariable(name)
	if value, err = s.variable(variable); value == "" {
		variable = ""
	}
	return value, variable, err
}

// SetHookSecrets writes secrets of single hooks into .env in one step and notes the time of those that are new; "" takes a
// hook's own secret away. The age of the shared secret stays what it was.
func (s *Store) SetHookSecrets(secrets map[int64]string, at time.Time) error {
	return s.locked(func() error {
		// Before the file's own time, which stands in for one that was not noted, becomes now.
		noted, env, err := s.readAge()
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(secrets)) {
			if secrets[id] == "" {
				env.Unset(hookVariable(id))
			} else {
				env.Set(hookVariable(id), secrets[id])
				noted.hook(secrets[id], at)
			}
		}
		if err := env.Save(); err != nil {
			return err
		}
		return s.saveAge(noted, env)
	})
}

// Ring is every key that is to be accepted: the current one, what a running rotation needs, those of single hooks
// and of single paths. Keys of which the time is over at now are left out.
func (s *Store) Ring(now time.Time) (*Ring, error) {
	// A rotation writes .env and its state one after the other. Reading the state before and after gives a pair that
	// belongs together without a lock, which a reader without write access could not take. Only its keys count: its steps
	// change all the time.
	for {
		rotation, err := s.Rotation()
		if err != nil {
			return nil, err
		}
		current, _, err := s.Current()
		if err != nil {
			return nil, err
		}
		env, err := OpenEnv(s.cfg.EnvFile)
		if err != nil {
			return nil, err
		}
		aside, err := s.Aside()
		if err != nil {
			return nil, err
		}
		after, err := s.Rotation()
		if err != nil {
			return nil, err
		}
		if !slices.EqualFunc(rotation.Keys(), after.Keys(), Key.equal) {
			continue
		}
		former, err := s.readFormer()
		if err != nil {
			return nil, err
		}
		var valid, over []Key
		for _, k := range slices.Concat([]Key{{Value: current}}, boundKeys(env), rotation.Keys(), asideKeys(aside)) {
			if k.validAt(now) {
				valid = append(valid, k)
			} else {
				over = append(over, k)
			}
		}
		ring := NewRing(valid...)
		ring.former = NewRing(append(over, former...)...).keys
		return ring, nil
	}
}

// boundKeys are the secrets in .env that belong to one hook or one path.
func boundKeys(env *Env) []Key {
	var keys []Key
	for _, name := range env.Names() {
		suffix, ok := strings.CutPrefix(name, Variable+"_")
		if !ok || suffix == "" {
			continue
		}
		value, _ := env.Get(name)
		if id, err := strconv.ParseInt(suffix, 10, 64); err == nil && id > 0 {
			keys = append(keys, Key{Value: value, HookID: id})
		} else {
			keys = append(keys, Key{Value: value, Name: suffix})
		}
	}
	return keys
}

// pathVariable is the variable in .env that holds the secret of /webhook/<name>.
func pathVariable(name string) string { return Variable + "_" + strings.ToUpper(pathName(name)) }

func hookVariable(id int64) string { return Variable + "_" + strconv.FormatInt(id, 10) }

// EndRotation removes the state of a rotation and remembers the secrets that nothing accepts any longer. Without one it
// does nothing.
func (s *Store) EndRotation() error {
	return s.locked(func() error {
		r, err := s.Rotation()
		if err == nil && r != nil && !r.Promoted.IsZero() { // else the new secret was nobody's, and the old one stays
			err = s.retire(r.Keys(), time.Now())
		}
		if err != nil {
			return err
		}
		return removePrivate(s.file(rotationFile))
	})
}

// Expire ends a rotation whose grace period is over at now, so that the old secret leaves the disk too. It reports
// whether there was one. A rotation that is being worked on is left alone, and so is one whose new secret is not the
// current one here, because this process has another in its environment: without the state the new one, which hooks
// sign with, would be refused.
func (s *Store) Expire(now time.Time) (bool, error) {
	r, err := s.Rotation()
	if err != nil || r == nil || !r.Over(now) {
		return false, err
	}
	unlock, err := s.LockRotation()
	if errors.Is(err, ErrRotating) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	if r, err = s.Rotation(); err != nil || r == nil || !r.Over(now) { // else one has begun since
		return false, err
	}
	if current, _, err := s.Current(); err != nil || (!r.PerHook() && current != r.New) {
		return false, err
	}
	return true, s.EndRotation()
}

// LockRotation makes the caller the only one who rotates, in this process and in others, until it calls unlock. It
// does not wait: [ErrRotating] when someone else does. The system frees the lock of a process that dies.
func (s *Store) LockRotation() (unlock func(), err error) {
	lock, err := s.lock("rotation.lock")
	if err != nil {
		return nil, err
	}
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the rotation: %w", err)
	}
	if !ok {
		return nil, ErrRotating
	}
	return func() { _ = lock.Close() }, nil
}

// lockWait bounds how long a write waits for another process's: each takes milliseconds.
const lockWait = 10 * time.Second

// locked runs a write while no other process of this home writes.
func (s *Store) locked(write func() error) error {
	lock, err := s.lock("secret.lock")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Close() }()
	return write()
}

func (s *Store) lock(name string) (*flock.Flock, error) {
	dir := filepath.Dir(s.cfg.RotationFile)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock secrets: %w", err)
	}
	return flock.New(filepath.Join(dir, name), flock.SetPermissions(0o600)), nil
}

// The files of a Store, besides [formerFile].
const (
	rotationFile = "rotation.json" // the state of a rotation
	asideFile    = "aside.json"    // the hooks that were set aside
	ageFile      = "secret.json"   // since when secrets are in use
)

// errDamaged says that a file is not JSON of the right form.
var errDamaged = errors.New("it holds secrets: keep a copy before you remove it")

// read reads a file of the store; without it the value stays as it is.
func (s *Store) read(name string, into any) error {
	path := s.file(name)
	raw, err := readPrivate(path)
	if err != nil || raw == nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w (%w)", path, err, errDamaged)
	}
	return nil
}

// write replaces a file of the store. The caller holds the lock.
func (s *Store) write(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writePrivate(s.file(name), raw)
}

// file is where a file of the store is. One that an earlier version left in FormerDir is moved when it is first asked for;
// where that fails it is used where it is, so that no secret which is still accepted is lost.
func (s *Store) file(name string) string {
	exists := func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	}
	path := filepath.Join(filepath.Dir(s.cfg.RotationFile), name)
	old := filepath.Join(s.cfg.FormerDir, name)
	if s.cfg.FormerDir == "" || exists(path) || !exists(old) {
		return path
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.Rename(old, path)
	}
	if err != nil && !exists(path) { // else another process was faster
		return old
	}
	return path
}
