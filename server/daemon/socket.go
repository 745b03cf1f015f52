package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
)

// maxSocketPath keeps clear of the smallest limit for the path of a unix socket: 104 bytes on macOS, 108 elsewhere.
const maxSocketPath = 100

// socketRecord holds the path of the control socket where it could not be in the run directory.
func socketRecord(home string) string { return filepath.Join(home, "run", "receiver.sock.path") }

func directSocket(home string) string { return filepath.Join(home, "run", "receiver.sock") }

// SocketFile is where the control socket of home is, or would be. The path is run/receiver.sock; a home whose path
// is too long for a socket keeps it in a private directory named by a hash of the home, recorded in run/.
func SocketFile(home string) (string, error) {
	if direct := directSocket(home); len(direct) <= maxSocketPath {
		return direct, nil
	}
	recorded, err := os.ReadFile(socketRecord(home))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotRunning
	}
	if err != nil {
		return "", fmt.Errorf("find the control socket: %w", err)
	}
	path := strings.TrimSpace(string(recorded))
	if len(path) > maxSocketPath || !filepath.IsAbs(path) {
		return "", fmt.Errorf("find the control socket: %s does not hold a usable path; restart the receiver", socketRecord(home))
	}
	if err := private(filepath.Dir(path)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", ErrNotRunning
		}
		return "", err
	}
	return path, nil
}

// makeSocketFile chooses the path of the control socket and creates what it needs.
func makeSocketFile(home string) (string, error) {
	if direct := directSocket(home); len(direct) <= maxSocketPath {
		return direct, nil
	}
	dir, err := shortDir(home)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("create a directory for the control socket: %w", err)
	}
	// The directory may be below a shared one: somebody else could have created it first.
	if err := private(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "receiver.sock")
	record := []byte(path + "\n")
	if have, err := os.ReadFile(socketRecord(home)); err == nil && bytes.Equal(have, record) {
		return path, nil // needs no space on a full disk
	}
	if err := maybe.WriteFile(socketRecord(home), record, 0o600); err != nil {
		return "", full(home, fmt.Errorf("record the path of the control socket: %w", err))
	}
	return path, nil
}

// shortDir is the directory for the socket of a home with a long path: in the user's cache, else in the system's
// temporary directory.
func shortDir(home string) (string, error) {
	abs, err := filepath.Abs(home)
	if err != nil {
		return "", fmt.Errorf("find a place for the control socket: %w", err)
	}
	sum := sha256.Sum256([]byte(abs))
	name := "hookctl-" + hex.EncodeToString(sum[:8])
	bases := []string{os.TempDir(), "/tmp"}
	if cache, err := os.UserCacheDir(); err == nil {
		bases = append([]string{cache}, bases...)
	}
	for _, base := range bases {
		dir := filepath.Join(base, name)
		if len(dir)+len("/receiver.sock") <= maxSocketPath {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the path of the home directory is too long for a control socket (%d bytes): set HOOKCTL_HOME to a shorter one", len(home))
}
