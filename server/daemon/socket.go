package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// maxSocketPath keeps clear of the smallest limit for the path of a unix socket: 104 bytes on macOS, 108 elsewhere.
const maxSocketPath = 100

// SocketFile is where the control socket of home is, or would be.
func SocketFile(home string) string { return filepath.Join(home, "run", "receiver.sock") }

// withSocket gives do a path of the control socket of home. Where its own is too long for a socket, that leads through a
// link which exists for as long as do runs.
func withSocket(home string, do func(path string) error) error {
	path := SocketFile(home)
	if len(path) <= maxSocketPath {
		return do(path)
	}
	run, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("find the control socket: %w", err)
	}
	for _, dir := range []string{os.TempDir(), "/tmp"} {
		link := filepath.Join(dir, "hookctl-"+rand.Text()[:10])
		short := filepath.Join(link, filepath.Base(path))
		if len(short) > maxSocketPath || os.Symlink(run, link) != nil {
			continue
		}
		defer os.Remove(link) //nolint:errcheck // what is left there the system cleans
		return do(short)
	}
	return fmt.Errorf("the path of the home directory is too long for a control socket (%d bytes): set HOOKCTL_HOME to a shorter one", len(home))
}

// dialSocket connects to the control socket of home.
func dialSocket(ctx context.Context, home string) (conn net.Conn, err error) {
	err = withSocket(home, func(path string) error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}
