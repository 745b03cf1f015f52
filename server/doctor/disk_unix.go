//go:build unix

package doctor

import (
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// space is what an unprivileged process can still write at dir, and the size of the file system.
func space(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	block := uint64(st.Bsize)                                        //nolint:gosec,unconvert // its type differs between systems, and it is positive
	return uint64(st.Bavail) * block, uint64(st.Blocks) * block, nil //nolint:gosec,unconvert // as above
}

// writable asks the system, without writing.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// ownerOf is who a file or directory belongs to, where that is somebody else; "" where it is this user's, or not known.
func ownerOf(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || int(st.Uid) == os.Geteuid() || os.Geteuid() == 0 {
		return ""
	}
	id := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}
