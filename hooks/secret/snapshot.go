package secret

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// snapshot is everything secret of a home: what other nodes of a cluster need to accept what this one does, and to go on with its
// rotation. It holds secrets in the clear.
type snapshot struct {
	Env   map[string]string `json:"env"`   // variables of .env that hold webhook secrets
	Files map[string]string `json:"files"` // by name: the state of a rotation and what is remembered with it
}

// shareable are the files of a Store. The order is that in which they are replaced: what is accepted in addition comes first.
var shareable = []string{rotationFile, asideFile, formerFile, ageFile}

func isSecretVariable(name string) bool {
	return name == Variable || strings.HasPrefix(name, Variable+"_")
}

// Snapshot returns everything secret of the home in the clear, for [Store.Restore] on another machine: encrypt it before it goes
// anywhere. The same secrets give the same bytes.
func (s *Store) Snapshot() (data []byte, err error) {
	err = s.locked(func() error {
		now, err := s.snapshot()
		if err == nil {
			data, err = json.Marshal(now) // maps are written in the order of their keys
		}
		return err
	})
	return data, err
}

func (s *Store) snapshot() (snapshot, error) {
	now := snapshot{Env: map[string]string{}, Files: map[string]string{}}
	env, err := OpenEnv(s.cfg.EnvFile)
	if err != nil {
		return now, err
	}
	for _, name := range env.Names() {
		if value, ok := env.Get(name); ok && isSecretVariable(name) {
			now.Env[name] = value
		}
	}
	for _, name := range shareable {
		raw, err := readPrivate(s.file(name))
		if err != nil {
			return now, err
		}
		if raw != nil {
			now.Files[name] = string(raw)
		}
	}
	return now, nil
}

// Restore replaces everything secret of the home by a snapshot. Other lines of .env stay. A secret that the real environment sets
// still wins.
func (s *Store) Restore(data []byte) error {
	var want snapshot
	if err := json.Unmarshal(data, &want); err != nil {
		return fmt.Errorf("read a snapshot of secrets: %w", err)
	}
	for name := range want.Env {
		if !isSecretVariable(name) {
			return fmt.Errorf("a snapshot of secrets has a variable %q", name)
		}
	}
	for name := range want.Files {
		if !slices.Contains(shareable, name) {
			return fmt.Errorf("a snapshot of secrets has a file %q", name)
		}
	}
	return s.locked(func() error {
		have, err := s.snapshot()
		if err != nil {
			return err
		}
		for _, name := range shareable {
			raw, wanted := want.Files[name]
			if old, there := have.Files[name]; wanted && (!there || raw != old) {
				if err := writePrivate(s.file(name), []byte(raw)); err != nil {
					return err
				}
			}
		}
		if err := s.restoreEnv(want.Env, have.Env); err != nil {
			return err
		}
		for _, name := range shareable {
			if _, wanted := want.Files[name]; !wanted {
				if err := removePrivate(s.file(name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *Store) restoreEnv(want, have map[string]string) error {
	env, err := OpenEnv(s.cfg.EnvFile)
	if err != nil {
		return err
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			env.Unset(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		env.Set(name, want[name]) // which leaves an equal one as it is
	}
	return env.Save()
}
