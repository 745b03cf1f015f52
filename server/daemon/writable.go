package daemon

import (
	"cmp"
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

// notSupervised makes sure that no other supervisor runs the receiver of home, which would start it again beside the service.
func notSupervised(ctx context.Context, home string) error {
	st, err := quickStatus(ctx, home)
	if err != nil {
		return nil // nothing runs, or what else is wrong shows when the receiver has to make room
	}
	if s := supervisorOf(st, st.PID); s != nil && !ours(home, *s) {
		return managedError(*s, "stop")
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

// dir is where the manager has the files of a service: of the machine, or below what base gives for the user.
func (s Service) dir(machine string, base func() (string, error), below string) (string, error) {
	switch {
	case s.UnitDir != "":
		return s.UnitDir, nil
	case s.System:
		return machine, nil
	}
	dir, err := base()
	if err != nil {
		return "", fmt.Errorf("find the directory of services: %w", err)
	}
	return filepath.Join(dir, filepath.FromSlash(below)), nil
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

// account is who a system service runs as. Behind sudo that is the person, not root.
func (s Service) account() (string, error) {
	name := cmp.Or(s.User, os.Getenv("SUDO_USER"))
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return "", fmt.Errorf("find the account of the service: %w", err)
		}
		name = u.Username
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '%' || r == 0x7f }) {
		return "", fmt.Errorf("the account of the service cannot be %q", name)
	}
	return name, nil
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
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("the account of the service: %w", err)
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, name, err)
	}
	return nil
}
