//go:build unix

package sink

import (
	"os/exec"
	"syscall"
)

// isolate gives the program a process group of its own and makes cancelling kill the whole group.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
