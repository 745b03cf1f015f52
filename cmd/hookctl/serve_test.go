package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server"
)

// newReceiver is a receiver that accepts the secret "old" and does not listen. asked is called before it is told what a
// variable of the environment holds.
func newReceiver(t *testing.T, asked func(variable string)) (*receiver, *secret.Store) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "hookctl.yaml"), []byte("sinks: [{type: http, url: \"http://127.0.0.1:1\", secret: SINK_KEY}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{err: io.Discard, environ: func(name string) string {
		asked(name)
		return map[string]string{"HOOKCTL_HOME": home, "SINK_KEY": "key"}[name]
	}}
	s, err := settings.Load(p.environ)
	if err != nil {
		t.Fatal(err)
	}
	store, logger := s.Store(), slog.New(slog.DiscardHandler)
	if err := store.SetCurrent("old"); err != nil {
		t.Fatal(err)
	}
	r := &receiver{p: p, settings: s, logger: logger}
	if r.log, err = logs.OpenWriter(t.Context(), s.Logs(logger)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.log.Close() })
	config, err := p.serverConfig(s, r.log, logger)
	if err != nil {
		t.Fatal(err)
	}
	if r.server, err = server.New(config); err != nil {
		t.Fatal(err)
	}
	return r, store
}

// What two reloads at once leave in force is what was read last: a rotation goes on when the receiver has said that it
// accepts the new secret, and an earlier reload must not take that back.
func TestTheLastReloadStays(t *testing.T) {
	var hold atomic.Bool
	held, release := make(chan struct{}), make(chan struct{})
	r, store := newReceiver(t, func(variable string) {
		// The sinks come after the secrets.
		if variable == "SINK_KEY" && hold.CompareAndSwap(true, false) {
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
func TestReceiverForgetsSecretsThatNobodyToldItAbout(t *testing.T) {
	for name, state := range map[string]*secret.Rotation{
		"the grace period is over":  {Old: "old", New: "new", Promoted: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(-time.Hour)},
		"the rotation was finished": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r, store := newReceiver(t, func(string) {})
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
