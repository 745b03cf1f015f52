package kittest

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"hookctl/logs"
)

// large is a log of HOOKCTL_BENCH_RECORDS records (20,000 by default; the bars
// are for 1,000,000), made once and removed by Main. HOOKCTL_BENCH_DIR keeps it for other packages and runs.
var large struct {
	sync.Once
	dir, temp string
	n         int
}

// LargeLog is where the large log is, made once. The package needs a TestMain that calls Main.
func LargeLog(b *testing.B) logs.Config {
	b.Helper()
	large.Do(func() {
		large.n, _ = strconv.Atoi(cmp.Or(os.Getenv("HOOKCTL_BENCH_RECORDS"), "20000"))
		home := os.Getenv("HOOKCTL_BENCH_DIR")
		if home == "" {
			var err error
			if home, err = os.MkdirTemp("", "hookctl-large"); err != nil {
				b.Fatal(err)
			}
			large.temp = home
		}
		large.dir = filepath.Join(home, "webhook_logs")
		if _, err := os.Stat(large.dir); err == nil {
			return
		}
		if err := logs.Generate(context.Background(), large.dir, large.n, time.Now(), time.Duration(large.n)*time.Second, 1, nil); err != nil {
			b.Fatal(err)
		}
		l, err := logs.Open(context.Background(), logs.Config{Dir: large.dir})
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		if err := l.Ready(context.Background()); err != nil {
			b.Fatal(err)
		}
	})
	return logs.Config{Dir: large.dir}
}
