package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// age is the note of when secrets were set, by fingerprint: the shared one, and those of single hooks.
type age struct {
	Fingerprint string               `json:"fingerprint"`
	Changed     time.Time            `json:"changed_at"`
	Hooks       map[string]time.Time `json:"hooks,omitempty"`
}

// NoteChanged notes when the shared secret was set, where that is not now: as when an old one is taken back.
func (s *Store) NoteChanged(at time.Time) error {
	current, _, err := s.Current()
	if err != nil {
		return err
	}
	return s.locked(func() error { return s.noteChange(current, at) })
}

// ChangedAt returns when the shared secret was set: as noted by SetCurrent, or else when .env was last written. It is
// zero when that is not known, as for a secret from the environment. Secrets of single hooks have ages of their own.
func (s *Store) ChangedAt() (time.Time, error) {
	_, origin, err := s.Current()
	if err != nil || origin != FromEnvFile {
		return time.Time{}, err
	}
	noted, _, err := s.readAge()
	return noted.Changed, err
}

// HookChangedAt returns when the secret was set that a hook which sends to url signs with: its own where it has one, that of
// its path, else the shared one. What was not noted is as old as .env.
func (s *Store) HookChangedAt(hookID int64, url string) (time.Time, error) {
	own, err := s.SecretOf(hookID, url)
	if err != nil {
		return time.Time{}, err
	}
	if own == "" {
		return s.ChangedAt()
	}
	noted, _, err := s.readAge()
	if err != nil {
		return time.Time{}, err
	}
	if at, ok := noted.Hooks[Fingerprint(own)]; ok {
		return at, nil
	}
	return s.envTime()
}

// readAge reads the note, with the file's own time in place of a shared secret's that was not noted, and the .env that it is about.
func (s *Store) readAge() (noted age, env *Env, err error) {
	if env, err = OpenEnv(s.cfg.EnvFile); err != nil {
		return noted, nil, err
	}
	err = s.read(ageFile, &noted)
	if errors.Is(err, errDamaged) {
		noted, err = age{}, nil // The file's own time says nearly the same.
	}
	if err != nil {
		return noted, env, err
	}
	if current, _ := env.Get(Variable); noted.Fingerprint != Fingerprint(current) {
		noted.Fingerprint = Fingerprint(current)
		noted.Changed, err = s.envTime()
	}
	return noted, env, err
}

// envTime is when .env was last written, zero if none.
func (s *Store) envTime() (time.Time, error) {
	info, err := os.Stat(s.cfg.EnvFile)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the age of the secret: %w", err)
	}
	return info.ModTime(), nil
}

// hook notes a hook's own secret; one that is taken back is as old as it was.
func (a *age) hook(value string, at time.Time) {
	print := Fingerprint(value)
	if _, known := a.Hooks[print]; known {
		return
	}
	if a.Hooks == nil {
		a.Hooks = make(map[string]time.Time)
	}
	a.Hooks[print] = at.UTC().Truncate(time.Second)
}

// noteChange notes when the shared secret was set; the caller holds the lock.
func (s *Store) noteChange(value string, at time.Time) error {
	noted, env, err := s.readAge()
	if err != nil {
		return err
	}
	noted.Fingerprint, noted.Changed = Fingerprint(value), at.UTC().Truncate(time.Second)
	return s.saveAge(noted, env)
}

// saveAge writes the note without what is neither in use nor part of a rotation, which may be undone.
func (s *Store) saveAge(noted age, env *Env) error {
	rotation, err := s.Rotation()
	if err != nil {
		return err
	}
	known := each(append(boundKeys(env), rotation.Keys()...), func(k Key) string { return Fingerprint(k.Value) })
	maps.DeleteFunc(noted.Hooks, func(print string, _ time.Time) bool { return !slices.Contains(known, print) })
	return s.write(ageFile, noted)
}
