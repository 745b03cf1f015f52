package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"hookctl/hooks/githubtest"
)

// show opens the interface on the demo's world, with a delivery every second or two.
func (d *demo) show(ctx context.Context, o demoOptions) error {
	if !o.empty {
		d.p.note("setting the demo up…")
		if _, err := d.setUp(ctx, nil); err != nil {
			return err
		}
		if _, err := d.fail(ctx, d.repos[0]); err != nil {
			return err
		}
		if _, err := d.miss(ctx, d.repos[1]); err != nil {
			return err
		}
	}
	// In line mode ctrl+c ends what is under way, and not the traffic: that ends with the interface.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var senders sync.WaitGroup
	senders.Go(func() { d.sendNowAndThen(sending) })
	err := d.p.openFace(ctx)
	stop()
	senders.Wait()
	return err
}

// sendNowAndThen sends one sample after the other to the repositories in turn until ctx ends. What is refused because
// the receiver was stopped in the interface is part of the show.
func (d *demo) sendNowAndThen(ctx context.Context) {
	// Text that attacks a terminal or an agent would only puzzle who looks on, and a main branch that is deleted takes its runs along.
	samples := slices.DeleteFunc(githubtest.SampleIndex(), func(s githubtest.SampleInfo) bool {
		return strings.Contains(s.Name, "hostile") || s.Name == "push.deleted"
	})
	for i := 0; ; i++ {
		timer := time.NewTimer(time.Duration(700+rand.IntN(1500)) * time.Millisecond) //nolint:gosec // Chance for a show.
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		sample := samples[rand.IntN(len(samples))] //nolint:gosec // Chance for a show.
		repo := d.repos[i%len(d.repos)]
		if _, err := d.github.Deliver(ctx, repo, sample.Event, githubtest.SampleFor(sample.Name, repo)); err != nil {
			return
		}
	}
}
