package daemon

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestASystemServiceOwnsWhatInstallCreates needs root, as installing such a service does.
func TestASystemServiceOwnsWhatInstallCreates(t *testing.T) {
	account, err := user.Lookup("nobody")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("only root installs a service for another user")
	}
	dir := t.TempDir()
	s := Service{Home: filepath.Join(dir, "home"), Writable: []string{filepath.Join(dir, "var", "hooks")}, System: true, User: "nobody"}
	if err := s.makeWritable(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.Home, filepath.Join(s.Home, "run"), StateDir(s.Home), filepath.Join(dir, "var"), s.Writable[0]} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10); owner != account.Uid || info.Mode().Perm() != 0o700 {
			t.Errorf("%s belongs to %s with %v", path, owner, info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("what was there changed its owner: %v", err)
	}
}
