package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks/githubtest"
	"hookctl/logs"
	"hookctl/server"
)

// show opens the interface on the demo's world, with a delivery every second or two.
func (d *demo) show(ctx context.Context, o demoOptions) error {
	if !o.empty {
		d.p.note("setting the demo up…")
		if _, err := d.setUp(ctx, nil); err != nil {
			return err
		}
	}
	sending, stop := context.WithCancel(ctx)
	var senders sync.WaitGroup
	senders.Go(func() { d.sendNowAndThen(sending) })
	err := d.p.openTUI(ctx)
	stop()
	senders.Wait()
	return err
}

// sendNowAndThen sends one sample after the other to the repositories in turn until ctx ends. What is refused meanwhile,
// because the receiver was stopped in the interface, is part of what there is to see.
func (d *demo) sendNowAndThen(ctx context.Context) {
	samples := githubtest.SampleIndex()
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

// writePast writes n records that end now, one every few seconds, as files: the log is made to find such files and index
// them. Each has a second of its own, so that no two names collide.
func writePast(ctx context.Context, cfg logs.Config, repos []string, n int, now time.Time) error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make the log directory: %w", err)
	}
	type past struct {
		event   string
		summary logs.Summary
		result  string
		payload []byte
	}
	table, err := server.NewTable(server.Config{WatchedBranches: []string{"main", "master", "develop"}}, "")
	if err != nil {
		return err
	}
	var kinds []past
	for _, sample := range githubtest.SampleIndex() {
		for _, repo := range repos {
			payload := githubtest.SampleFor(sample.Name, repo)
			ev, err := server.NewEvent(sample.Event, payload)
			if err != nil {
				return err
			}
			kinds = append(kinds, past{ev.Name, ev.Summary(), server.Decide(table, ev).Result, payload})
		}
	}
	step := max(time.Second, min(30*24*time.Hour/time.Duration(n), 3*time.Second))
	var all errgroup.Group
	all.SetLimit(16)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		all.Go(func() error {
			at := now.Add(-time.Duration(n-i) * step).UTC()
			kind := kinds[rand.IntN(len(kinds))] //nolint:gosec // Chance for a show.
			record := logs.Record{
				EventType: kind.event, Timestamp: at.Format("20060102_150405"), Result: kind.result, Summary: kind.summary,
				DeliveryID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), ReceivedAt: at, Source: logs.SourceDelivery, Payload: kind.payload,
			}
			data, err := record.Encode()
			if err != nil {
				return err
			}
			name := record.Timestamp + "_" + record.EventType + ".json"
			if err := os.WriteFile(filepath.Join(cfg.Dir, name), data, 0o600); err != nil {
				return fmt.Errorf("write a record of the past: %w", err)
			}
			return nil
		})
	}
	return errors.Join(all.Wait(), ctx.Err())
}
