package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"hookctl/server/daemon"
)

// The test binary is also the receiver that Fix starts: one that answers on its control socket and does nothing else.
func TestMain(m *testing.M) {
	if home := os.Getenv("DOCTOR_RECEIVER"); home != "" {
		if err := receive(home); err != nil {
			fmt.Fprintln(os.Stderr, "hookctl:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func receive(home string) error {
	inst, err := daemon.Lock(daemon.Config{Home: home})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	return errors.Join(inst.Serve(ctx, daemon.Control{Status: func() daemon.Status { return daemon.Status{} }, Stop: stop}), inst.Close())
}
