package webhooks

import (
	"fmt"
	"testing"

	"hookctl/hooks"
	"hookctl/tui/kittest"
)

// BenchmarkFrameOfManyHooks is a frame of Hooks with two thousand of them, all
// marked, and the sorting of them after an event came in.
func BenchmarkFrameOfManyHooks(b *testing.B) {
	a := kittest.NewWorld(b, kittest.QuietSettings(b))
	a.W, a.H, a.At = 120, 40, 2
	p := hooksOf(a)
	for i := range 2000 {
		t := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("service-", i)}
		p.rows = append(p.rows, shownHook(int64(i+1), t))
	}
	p.loaded = true
	p.arrange()
	p.markShown(false)
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			a.View()
		}
	})
	b.Run("arrange", func(b *testing.B) {
		for b.Loop() {
			p.arrange()
		}
	})
}
