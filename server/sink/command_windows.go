package sink

import (
	"os/exec"
	"syscall"
)

// isolate keeps the program away from the receiver's console; cancelling kills the program.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
