package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// preflight looks for what would keep this process from being the receiver, while the one that it may replace still
// runs: a log directory that cannot be written, a port that another program has.
func preflight(ctx context.Context, home string, s *Settings) error {
	if err := checkLogDir(s.Logs.Dir); err != nil {
		return err
	}
	old, err := daemon.Dial(home).Status(ctx)
	if err != nil {
		return nil // Nobody is replaced, and what else is wrong here shows when the lock is taken.
	}
	_, port, err := net.SplitHostPort(old.Address)
	if err != nil || port == strconv.Itoa(s.Port) {
		return nil // The socket will be handed over.
	}
	var config net.ListenConfig
	address := net.JoinHostPort(s.Bind, strconv.Itoa(s.Port))
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return hooks.WithCure(fmt.Errorf("cannot listen on %s: %w", address, err), "choose another port with --port N, or in hookctl.yaml as receiver.port")
	}
	return listener.Close()
}

// checkLogDir creates the directory where it is missing, and makes sure that a file can be created in it. A directory on a full
// disk is fine: the receiver answers 507 until there is room.
func checkLogDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); daemon.NoSpace(err) {
		return hooks.WithCure(fmt.Errorf("create the log directory: %w", err), "free space on its disk, or choose another with --log-dir DIR")
	} else if err != nil {
		return hooks.WithCure(fmt.Errorf("create the log directory: %w", err), "choose another with --log-dir DIR, or in hookctl.yaml as log.dir")
	}
	file, err := os.CreateTemp(dir, ".hookctl-*")
	if daemon.NoSpace(err) {
		return nil
	}
	if err != nil {
		return hooks.WithCure(fmt.Errorf("write to the log directory: %w", err), "check its owner: ls -ld "+text.Shell(dir))
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
