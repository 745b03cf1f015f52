package home

import (
	"os"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// BenchmarkHome is what Home asks of the log every two seconds while events
// come in.
func BenchmarkHome(b *testing.B) {
	l, err := logs.Open(b.Context(), kittest.LargeLog(b))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		if f := ask(b.Context(), l, time.Now(), found{total: 1}); f.err != nil || f.total == 0 {
			b.Fatal(f.err)
		}
	}
}
