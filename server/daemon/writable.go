package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// notSupervised makes sure that no other supervisor runs the receiver of home, which would start it again beside the
// service.
func notSupervised(ctx context.Context, home string) error {
	st, err := quickStatus(ctx, home)
	if err != nil {
		return nil // nothing runs, or what else is wrong shows when the receiver has to make room
	}
	if s := supervisorOf(st, st.PID); s != nil && !ours(home, *s) {
		return &ManagedError{Supervisor: *s, Verb: "stop"}
	}
	return nil
}

// writable are the directories that the receiver writes to: its home, and what is outside of it.
func (s Service) writable() []string {
	dirs := []string{s.Home}
	for _, dir := range s.Writable {
		if rel, err := filepath.Rel(s.Home, dir); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// makeWritable creates the directories that the unit names as writable, and the run directory, for the account that the
// service runs as: systemd passes over what is missing, and the receiver could not create it.
func (s Service) makeWritable() error {
	for _, dir := range append(s.writable(), filepath.Join(s.Home, "run"), StateDir(s.Home)) {
		if err := s.makeDir(dir); err != nil {
			return err
		}
	}
	return makeRun(s.Home)
}

// makeDir creates a directory and what is missing above it, each private to the account of the service.
func (s Service) makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("create %s: a file is there that is not a directory", dir)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if above := filepath.Dir(dir); above != dir {
		if err := s.makeDir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return full(s.Home, fmt.Errorf("create a directory of the receiver: %w", err))
	}
	return s.give(dir)
}

// give makes path the property of the account that a system service runs as, where this process is root.
func (s Service) give(path string) error {
	if !s.System || os.Geteuid() != 0 {
		return nil
	}
	name, err := s.account()
	if err != nil {
		return err
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("the account of the service: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fmt.Errorf("the account of the service: %w", err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fmt.Errorf("the account of the service: %w", err)
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, name, err)
	}
	return nil
}
