package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hookctl/server/daemon"
)

// fillDisk writes until there is no room, and returns what gives it back.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	file, err := os.Create(name) // #nosec G304 -- below a directory of this test
	if err != nil {
		t.Fatal(err)
	}
	for block := 1 << 20; block > 0; { // to the last byte
		if _, err := file.Write(make([]byte, block)); errors.Is(err, unix.ENOSPC) {
			block /= 16
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// The disk of the node that notifies is full, then that of the one that leads; both go on by themselves when there is room.
func TestClusterWithAFullDisk(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{change: func(c *testNode) {
		if err := unix.Mount("tmpfs", c.Home, "tmpfs", 0, "size=512m,mode=0700"); err != nil {
			t.Skipf("a file system of its own cannot be mounted here: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(c.Home, unix.MNT_DETACH) })
		if err := storeOf(c.Home).SetCurrent(testSecret); err != nil {
			t.Fatal(err)
		}
	}}).start()
	l := w.load(8, 5*time.Millisecond)
	for round, role := range []string{"notify", "leader"} {
		l.some(50)
		n := w.by(role)
		free := fillDisk(t, n.config.Home)
		w.wait("an alarm", func() bool {
			s, err := daemon.Dial(n.config.Home).Status(t.Context())
			return err == nil && strings.Contains(s.Alarm, "no space left")
		})
		l.some(100)
		if round == 0 {
			w.wait("another node to notify", func() bool {
				for _, other := range w.nodes {
					if s, err := other.status(); err == nil && other != n {
						return s.Leases["notify"].Node != "" && s.Leases["notify"].Node != n.name()
					}
				}
				return false
			})
		}
		var finish func()
		for _, other := range w.nodes {
			if other != n && finish == nil {
				finish = w.beginRotation(l, other)
			}
		}
		free()
		w.back(n)
		finish()
	}
	l.end()
	w.prove(l)
}
