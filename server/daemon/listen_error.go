package daemon

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// portError says what the system said without repeating the address, and who has the port.
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
	e := &PortError{Address: address, Err: reason}
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaEADDRINUSE) {
		e.Holder = portHolder(address)
	}
	return e
}
