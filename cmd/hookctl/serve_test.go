package main

import (
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server"
)

// A rotation may be killed after its last write, before it calls the receiver, which then holds the old secret without an
// end. The receiver finds that by itself.
func TestReceiverForgetsSecretsThatNobodyToldItAbout(t *testing.T) {
	for name, state := range map[string]*secret.Rotation{
		"the grace period is over":  {Old: "old", New: "new", Promoted: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(-time.Hour)},
		"the rotation was finished": nil,
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			p := &program{err: io.Discard, environ: func(name string) string { return map[string]string{"HOOKCTL_HOME": home}[name] }}
			s, err := loadSettings(p.environ)
			if err != nil {
				t.Fatal(err)
			}
			store, logger := p.store(s), slog.New(slog.DiscardHandler)
			if err := store.SetCurrent("old"); err != nil {
				t.Fatal(err)
			}
			r := &receiver{p: p, settings: s, logger: logger}
			if r.log, err = logs.OpenWriter(t.Context(), s.logsConfig(logger)); err != nil {
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

			if err := store.SetCurrent("new"); err != nil {
				t.Fatal(err)
			}
			if state != nil {
				if err := store.SaveRotation(state); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.forgetSecrets(t.Context(), s); err != nil {
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
