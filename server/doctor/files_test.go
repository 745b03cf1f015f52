package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hookctl/logs"
)

// A home of somebody else is a failing check that names its owner, and a mode is not offered to those who cannot change it.
func TestAHomeOfSomebodyElse(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFacts(t.Context(), Config{Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}}.withDefaults())
	f.ownerOf = func(string) string { return "mona" }
	if got := f.permissions(t.Context()); got.Status == Fail {
		t.Errorf("can be written to, but: %+v", got)
	}
	f.writable = func(string) error { return fs.ErrPermission }
	got := f.permissions(t.Context())
	if got.Status != Fail || !strings.Contains(got.Detail, "which belongs to mona, cannot be written to") || !strings.Contains(got.Fix, "HOOKCTL_HOME") {
		t.Errorf("%+v", got)
	}
	if got := f.logDirectory(t.Context()); got.Status != Fail || !strings.Contains(got.Detail, "cannot be created") {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(home, "webhook_logs")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking created the log: %v", err)
	}
}

// What cannot start for want of a secret is not advised to start.
func TestAReceiverWithoutASecretNeedsSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.end()
	w.write(filepath.Join(w.home, ".env"), "")
	if got := w.one("receiver"); got.Status != Fail || !strings.Contains(got.Detail, "there is no secret yet") || got.Fix != "hookctl setup" {
		t.Errorf("%+v", got)
	}
}
