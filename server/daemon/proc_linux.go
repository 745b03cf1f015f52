package daemon

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"
)

// holders are the processes that hold the lock of home, as the kernel lists them: it knows them without a PID file, and
// also when the lock file was removed from under them. Processes that this user may not look into are left out.
//
// The kernel gives its list in pieces, and an entry is passed over where one before it goes away between two of them; so
// it is read again before it counts that nobody is there.
func holders(home string) []int {
	path := realPath(lockFile(home))
	for range 3 {
		if pids := lockersOf(path); len(pids) > 0 {
			return pids
		}
	}
	return nil
}

func lockersOf(path string) []int {
	file, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer file.Close() //nolint:errcheck // only read from
	var locks bytes.Buffer
	if _, err := io.CopyBuffer(struct{ io.Writer }{&locks}, struct{ io.Reader }{file}, make([]byte, 64<<10)); err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(locks.String()) {
		f := strings.Fields(line) // 1: FLOCK ADVISORY WRITE 4711 08:01:131 0 EOF
		if len(f) < 6 || f[1] != "FLOCK" || f[3] != "WRITE" {
			continue
		}
		pid, err := strconv.Atoi(f[4])
		if err != nil || pid <= 0 || slices.Contains(pids, pid) {
			continue
		}
		if inode := f[5][strings.LastIndexByte(f[5], ':')+1:]; hasOpen(pid, path, inode) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasOpen reports whether a process has the file path open, removed or not, under that inode.
func hasOpen(pid int, path, inode string) bool {
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || strings.TrimSuffix(target, " (deleted)") != path {
			continue
		}
		info, err := os.Stat(fd)
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && strconv.FormatUint(st.Ino, 10) == inode {
			return true
		}
	}
	return false
}

// realPath follows the links in the part of path that exists.
func realPath(path string) string {
	dir, name := filepath.Split(filepath.Clean(path))
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return filepath.Join(real, name)
	}
	if dir = filepath.Clean(dir); dir == path || dir == "." {
		return path
	}
	return filepath.Join(realPath(dir), name)
}

// suspended reports whether a process was stopped by a signal (SIGSTOP, SIGTSTP) or a debugger, and answers nobody.
func suspended(pid int) bool {
	state := stat(pid).State
	return state == "T" || state == "t"
}

// stat gives the state and the parent of a process among others; the zero value if none.
func stat(pid int) procfs.ProcStat {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}
	}
	s, _ := p.Stat() // nothing beside an error
	return s
}

// arguments are those that a process was started with, without its own name; nil where they cannot be read.
func arguments(pid int) []string {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return nil
	}
	args, err := p.CmdLine()
	if err != nil || len(args) == 0 {
		return nil
	}
	return args[1:]
}

// originOf is where another process comes from; nil where that cannot be read.
func originOf(pid int) *origin {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return nil
	}
	env, err := p.Environ()
	if err != nil {
		return nil
	}
	return &origin{pid: pid, parent: stat(pid).PPID, cgroup: cgroupOf(pid), getenv: func(name string) string {
		for _, v := range env {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}}
}

func cgroupOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	return string(text)
}

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
		text, _ := os.ReadFile(table) //nolint:gosec // one of two fixed names; where it cannot be read it names nobody
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line) // 1: local address, 3: state, 0A is LISTEN
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) {
				return socketOwner("socket:[" + f[9] + "]")
			}
		}
	}
	return ""
}

func socketOwner(link string) string {
	all, _ := procfs.AllProcs() // as above
	for _, p := range all {
		if open, _ := p.FileDescriptorTargets(); slices.Contains(open, link) {
			name, err := p.Comm()
			if err != nil {
				return ""
			}
			return fmt.Sprintf("%s (pid %d)", printable(name), p.PID)
		}
	}
	return ""
}
