package daemon

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portHolder names the program that listens on the port of address, as far as /proc shows it to us: the sockets of
// other users have an inode there, and no process.
func portHolder(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return ""
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		inode := listeningInode(table, fmt.Sprintf(":%04X", number))
		if inode != "" {
			return socketOwner("socket:[" + inode + "]")
		}
	}
	return ""
}

// listeningInode looks for a socket in state LISTEN (0A) whose local address ends in port.
func listeningInode(table, port string) string {
	text, err := os.ReadFile(table) //nolint:gosec // one of two fixed names
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], port) {
			return f[9]
		}
	}
	return ""
}

func socketOwner(link string) string {
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || target != link {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		name, err := os.ReadFile(filepath.Join(dir, "comm")) //nolint:gosec // below /proc
		if err != nil {
			return ""
		}
		return fmt.Sprintf("%s (pid %s)", printable(string(bytes.TrimSpace(name))), filepath.Base(dir))
	}
	return ""
}
