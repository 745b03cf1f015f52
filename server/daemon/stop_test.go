package daemon

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestASlowStopIsReportedNowAndThen(t *testing.T) {
	home := t.TempDir()
	inst, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var reports []time.Duration
		cfg := Config{Home: home, Notice: func(string) { reports = append(reports, time.Since(begin).Round(time.Second)) }}
		gone, err := released(t.Context(), cfg, os.Getpid(), 20*time.Second)
		if gone || err != nil {
			t.Errorf("released(held lock) = %v, %v", gone, err)
		}
		if len(reports) != 4 || reports[0] != 3*time.Second || reports[3] != 18*time.Second {
			t.Errorf("reports after %v", reports)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := released(ctx, cfg, os.Getpid(), 20*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends: %v", err)
		}
	})
	if err := inst.Close(); err != nil {
		t.Fatal(err)
	}
	if gone, err := released(t.Context(), Config{Home: home}, os.Getpid(), time.Minute); !gone || err != nil {
		t.Errorf("released(free lock) = %v, %v", gone, err)
	}
	if _, err := os.Stat(pidFile(home)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is left: %v", err)
	}
}
