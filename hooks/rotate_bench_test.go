package hooks

import (
	"fmt"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// BenchmarkRotate100 rotates 100 hooks at a GitHub that takes 20 ms to answer, and compares with a plain loop that makes
// the same calls one after the other, as a script does. GitHub's limits of changes are lifted: what they force is in
// TestRotationOf100HooksTakesAsLongAsGitHubsLimitsForce.
func BenchmarkRotate100(b *testing.B) {
	dir := b.TempDir()
	store := storeIn(dir)
	if err := store.SetCurrent("old"); err != nil {
		b.Fatal(err)
	}
	gh := &github{latency: 20 * time.Millisecond}
	c, err := New(Config{Host: "github.com", Token: githubtest.DefaultToken, Transport: gh, Limits: fast()})
	if err != nil {
		b.Fatal(err)
	}
	var list []Hook
	for i := range 100 {
		list = append(list, Hook{ID: int64(i + 1), Target: Target{"o", fmt.Sprint("r", i)}})
	}
	r := &Rotator{Client: c, Store: store, Confirm: confirmAtOnce}
	var rotating, looping time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := r.Rotate(b.Context(), list, 0); err != nil {
			b.Fatal(err)
		}
		rotating += time.Since(start)
		start = time.Now()
		value, err := secret.Generate()
		if err != nil {
			b.Fatal(err)
		}
		for _, h := range list {
			if err := c.Configure(b.Context(), h.Target, h.ID, ConfigChange{Secret: &value}); err != nil {
				b.Fatal(err)
			}
			if err := c.Ping(b.Context(), h.Target, h.ID); err != nil {
				b.Fatal(err)
			}
		}
		looping += time.Since(start)
	}
	b.ReportMetric(rotating.Seconds()/looping.Seconds(), "of-a-loop")
}
