//go:build unix

package server

import "syscall"

// maxOpenFiles raises the limit as far as it goes and returns it.
func maxOpenFiles() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	if r.Cur < r.Max {
		r.Cur = min(r.Max, 65536)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
	}
	return int(min(r.Cur, 1<<20))
}
