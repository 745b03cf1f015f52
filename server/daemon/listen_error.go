package daemon

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// portError takes the words of the system apart that the address is repeated in.
func portError(address string, err error) error {
	reason := err
	var op *net.OpError
	if errors.As(err, &op) {
		reason = op.Err
	}
	var sys *os.SyscallError
	if errors.As(reason, &sys) {
		reason = sys.Err
	}
	if errors.Is(err, syscall.EACCES) {
		return &PortError{Address: address, Err: errors.New("permission denied: ports below 1024 need privileges")}
	}
	return &PortError{Address: address, Err: reason}
}
