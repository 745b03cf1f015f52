package tunnel

import (
	"os/exec"
	"runtime"
	"syscall"
)

// endWithUs has the system end a program when this process is gone, even if it was killed. The system looks at the thread that
// started the program, so that one stays for as long as the program runs.
func endWithUs(cmd *exec.Cmd) (end func()) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return runtime.UnlockOSThread
}

// bindToUs has nothing to do on Linux once the program runs.
func bindToUs(*exec.Cmd) (release func(), err error) { return func() {}, nil }
