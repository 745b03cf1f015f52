package kittest

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"hookctl/logs"
)

// LargeLog is a log of HOOKCTL_BENCH_RECORDS records (20,000 by default; the bars are for 1,000,000), made once.
// HOOKCTL_BENCH_DIR keeps it for other packages and runs.
func LargeLog(b *testing.B) logs.Config {
	b.Helper()
	cfg := logs.Config{Dir: filepath.Join(cmp.Or(os.Getenv("HOOKCTL_BENCH_DIR"), temp), "webhook_logs")}
	if _, err := os.Stat(cfg.Dir); err == nil {
		return cfg
	}
	n, err := strconv.Atoi(cmp.Or(os.Getenv("HOOKCTL_BENCH_RECORDS"), "20000"))
	if err != nil {
		b.Fatal(err)
	}
	if err := logs.Generate(context.Background(), cfg.Dir, n, time.Now(), time.Duration(n)*time.Second, 1, nil); err != nil {
		b.Fatal(err)
	}
	index(b, cfg)
	return cfg
}

// index has a reader of its own put what a log has into its index.
func index(t testing.TB, cfg logs.Config) {
	t.Helper()
	l, err := logs.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Ready(context.Background()), l.Close()); err != nil {
		t.Fatal(err)
	}
}
