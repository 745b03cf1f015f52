package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/tui/kittest"
)

// A ping that nobody told of is found by looking.
func TestPingIsFoundWithoutBeingTold(t *testing.T) {
	s := hooked(t, 80, 24)
	ctx, stop := context.WithCancel(context.Background())
	stop() // the wait is over before it begins
	since := kittest.Noon.Add(-100 * time.Hour)
	kittest.Write(t, s.Cfg.Logs, &logs.Record{EventType: "ping", HookID: 99, ReceivedAt: kittest.Noon, DeliveryID: "00000000-0000-4000-8000-00000000aaaa", Source: logs.SourceDelivery,
		Signature: logs.Signature{Verified: true, Secret: "a1b2c3d4"}, Payload: []byte(`{}`)})
	if e, err := awaitPing(ctx, s.Log.Value, 99, "a1b2c3d4", since); err != nil || e.HookID != 99 {
		t.Errorf("found is %v (%v)", e.HookID, err)
	}
	if _, err := awaitPing(ctx, s.Log.Value, 99, "00000000", since); !errors.Is(err, context.Canceled) {
		t.Errorf("another secret: %v", err)
	}
}

// Repositories are known from pings and settings; records of tests, replays
// and strangers lead to no question.
func TestKnownRepositories(t *testing.T) {
	s := hooked(t, 80, 24)
	record := func(n int, event, source, repository string, verified bool) *logs.Record {
		return &logs.Record{EventType: event, HookID: int64(n), Source: source, ReceivedAt: kittest.Noon.Add(time.Duration(n) * time.Second), DeliveryID: fmt.Sprintf("00000000-0000-4000-8000-00000000ff%02d", n),
			Signature: logs.Signature{Verified: verified, Secret: "a1b2c3d4"}, Summary: logs.Summary{Repository: repository}, Payload: []byte(`{}`)}
	}
	kittest.Write(t, s.Cfg.Logs, record(1, "ping", logs.SourceDelivery, "o/pinged", true), record(2, "push", logs.SourceDelivery, "o/pushed", true),
		record(3, "ping", logs.SourceTest, "o/tested", true), record(4, "ping", logs.SourceDelivery, "o/unsigned", false))
	if err := s.Log.Value.Ready(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	k, err := known(context.Background(), []string{"o/set"}, nil, s.Log.Value)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for target := range k.targets {
		got = append(got, target.String())
	}
	slices.Sort(got)
	if want := []string{"o/pinged", "o/set", "octo-org/web"}; !slices.Equal(got, want) {
		t.Errorf("known are %v, not %v", got, want)
	}
	if _, ok := k.hooks[2]; !ok {
		t.Error("the hook of a signed push is not seen")
	}
}
