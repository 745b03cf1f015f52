package daemon

import (
	"context"
	"fmt"
	"net"
)

// Listener is a listening TCP socket that can be handed to the next receiver.
type Listener struct {
	*net.TCPListener
}

// Listen gives the socket for address (host:port): the one that systemd or the receiver before passed on, or a new
// one. It fails with *PortError.
func (i *Instance) Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, portError(address, err)
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("listen on %s: got a %T", address, ln)
	}
	l := &Listener{TCPListener: tcp}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.listeners = append(i.listeners, l)
	return l, nil
}
