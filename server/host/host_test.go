package host

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/daemon"
)

// newReceiver is a receiver that accepts the secret "old" and does not listen. Its settings read the secrets, and then call
// loaded before they are returned.
func newReceiver(t *testing.T, loaded func()) (*receiver, *secret.Store) {
	t.Helper()
	h := newHouse(t)
	h.change = func(int, *Settings) error { loaded(); return nil }
	r := &receiver{cfg: h.config(nil), logger: slog.New(slog.DiscardHandler)}
	var err error
	if r.settings, err = r.load(); err != nil {
		t.Fatal(err)
	}
	if r.log, err = logs.OpenWriter(t.Context(), r.settings.Logs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.log.Close() })
	r.started = r.settings
	if r.server, err = server.New(r.core(r.settings)); err != nil {
		t.Fatal(err)
	}
	return r, h.store
}

// What two reloads at once leave in force is what was read last: a rotation goes on when the receiver has said that it
// accepts the new secret, and an earlier reload must not take that back.
func TestTheLastReloadStays(t *testing.T) {
	var hold atomic.Bool
	held, release := make(chan struct{}), make(chan struct{})
	r, store := newReceiver(t, func() {
		if hold.CompareAndSwap(true, false) {
			close(held)
			<-release
		}
	})
	hold.Store(true)
	var reloads errgroup.Group
	reloads.Go(func() error { return r.reload(t.Context()) })
	<-held
	if err := store.SetCurrent("new"); err != nil {
		t.Fatal(err)
	}
	second := make(chan struct{})
	reloads.Go(func() error {
		defer close(second)
		return r.reload(t.Context())
	})
	select {
	case <-second:
	case <-time.After(200 * time.Millisecond): // It waits for the first, as it has to.
	}
	close(release)
	if err := reloads.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := r.server.Stats().Secrets, []string{secret.Fingerprint("new")}; !slices.Equal(got, want) {
		t.Errorf("the receiver accepts %v, want %v", got, want)
	}
}

// A rotation may be killed after its last write, before it calls the receiver, which then holds the old secret without an
// end. The receiver finds that by itself.
func TestReceiverForgetsSecretsByItself(t *testing.T) {
	for name, state := range map[string]*secret.Rotation{
		"the grace period is over":  {Old: "old", New: "new", Promoted: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(-time.Hour)},
		"the rotation was finished": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r, store := newReceiver(t, func() {})
			if err := store.SetCurrent("new"); err != nil {
				t.Fatal(err)
			}
			if state != nil {
				if err := store.SaveRotation(state); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.forgetSecrets(t.Context(), r.settings); err != nil {
				t.Fatal(err)
			}
			if got, want := r.server.Stats().Secrets, []string{secret.Fingerprint("new")}; !slices.Equal(got, want) {
				t.Errorf("the receiver accepts %v, want %v", got, want)
			}
			if left, err := store.Rotation(); left != nil || err != nil {
				t.Errorf("the state is still there: %v, %v", left, err)
			}
		})
	}
}

// A receiver whose listener fails ends, and so does everything beside it: one that went on without would look alive.
func TestReceiverEndsWithItsListener(t *testing.T) {
	r, _ := newReceiver(t, func() {})
	instance, err := daemon.Lock(r.cfg.Daemon)
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	listener, err := instance.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.work(t.Context(), instance, listener, nil); err == nil {
		t.Error("the receiver ended without an error")
	}
}

// Settings that only a new process puts in force are named, and no others.
func TestWhatNeedsARestartIsNamed(t *testing.T) {
	r, _ := newReceiver(t, func() {})
	changed := *r.settings
	changed.OnlyGitHub, changed.CatchUp, changed.PublicURL = !changed.OnlyGitHub, !changed.CatchUp, "https://other.example.com"
	if got := needsRestart(r.started, &changed); len(got) > 0 {
		t.Errorf("a reload is said not to be enough for %v", got)
	}
	changed.Port++
	changed.Logs.Keep++
	changed.Server.TLS.ACME.Domains = []string{"a.example.com"}
	changed.Cluster = &Cluster{}
	if got, want := needsRestart(r.started, &changed), []string{"receiver.port", "receiver.tls", "log.keep", "cluster"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
