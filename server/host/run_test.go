package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// house is a home, and what its settings say.
type house struct {
	home  string
	store *secret.Store
	// change is called for all settings that are loaded, with how often that was.
	change func(n int, s *Settings) error
	loaded atomic.Int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	home, err := os.MkdirTemp("", "hc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	h := &house{home: home, change: func(int, *Settings) error { return nil }}
	h.store = secret.NewStore(secret.Config{
		EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "state", "rotation.json"), Environ: func(string) string { return "" },
	})
	if err := h.store.SetCurrent("old"); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) load() (*Settings, error) {
	ring, err := h.store.Ring(time.Now())
	if err != nil {
		return nil, err
	}
	s := &Settings{
		Bind: "127.0.0.1", PublicURL: "https://hooks.example.com",
		Logs:   logs.Config{Dir: filepath.Join(h.home, "logs")},
		Server: server.Config{Keys: ring, Version: "1.2.3"},
		Store:  h.store,
		Fleet: fleet.Config{
			Home: h.home, Logs: logs.Config{Dir: filepath.Join(h.home, "logs")}, Store: h.store,
			GitHub:    func() (*hooks.Client, error) { return hooks.New(hooks.Config{}) },
			PublicURL: "https://hooks.example.com",
			SaveURL:   func(context.Context, string) error { return nil },
		},
	}
	return s, h.change(int(h.loaded.Add(1)), s)
}

func (h *house) config(log io.Writer) Config {
	code := func(err error) string {
		if errors.Is(err, logs.ErrNotFound) {
			return "not_found"
		}
		return "failed"
	}
	return Config{Load: h.load, Code: code, Daemon: daemon.Config{Home: h.home}, Stderr: log}
}

// safeBuffer takes what several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// run starts the receiver and waits until it answers. end stops it and returns what Run did.
func (h *house) run(t *testing.T) (status daemon.Status, log *safeBuffer, end func() error) {
	t.Helper()
	log = &safeBuffer{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, h.config(log)) }()
	end = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = end() })
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := daemon.Dial(h.home).Status(t.Context())
		if err == nil {
			return status, log, end
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the receiver ended: %v\n%s", err, log)
		case <-tick.C:
		}
	}
}

// deliver sends a delivery as GitHub does and returns the answer's status.
func deliver(t *testing.T, address, key, payload string) int {
	t.Helper()
	return deliverEvent(t, address, key, "push", payload)
}

func deliverEvent(t *testing.T, address, key, event, payload string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhook", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": uuid.NewString(), "X-Hub-Signature-256": secret.Sign(key, []byte(payload)),
	} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestRunTakesDeliveriesReloadsAndEnds(t *testing.T) {
	h := newHouse(t)
	status, log, end := h.run(t)
	if status.Version != "1.2.3" || status.PublicURL != "https://hooks.example.com" || status.LogDir != filepath.Join(h.home, "logs") {
		t.Errorf("%+v", status)
	}
	if code := deliver(t, status.Address, "old", `{"n":1}`); code != http.StatusOK {
		t.Errorf("a delivery is answered %d", code)
	}
	// A mistake in the settings leaves the old ones in force, and says how to fix it.
	h.change = func(int, *Settings) error { return hooks.WithCure(errors.New("line 3 is wrong"), "fix line 3") }
	_, err := daemon.Dial(h.home).Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), "line 3 is wrong") || hooks.CureOf(err) != "fix line 3" || hooks.CodeOf(err) != "failed" {
		t.Errorf("reload: %v, cure %q", err, hooks.CureOf(err))
	}
	if code := deliver(t, status.Address, "old", `{"n":2}`); code != http.StatusOK {
		t.Errorf("after a failed reload a delivery is answered %d", code)
	}
	// New ones count at once.
	h.change = func(_ int, s *Settings) error { s.PublicURL = "https://other.example.com"; return nil }
	if err := h.store.SetCurrent("new"); err != nil {
		t.Fatal(err)
	}
	again, err := daemon.Dial(h.home).Reload(t.Context())
	if err != nil || again.PublicURL != "https://other.example.com" || again.Secret != secret.Fingerprint("new") {
		t.Errorf("%+v, %v", again, err)
	}
	if code := deliver(t, status.Address, "old", `{"n":3}`); code != http.StatusUnauthorized {
		t.Errorf("a delivery with the old secret is answered %d", code)
	}
	rejected, err := daemon.Dial(h.home).Rejected(t.Context())
	if err != nil || len(rejected) != 1 || rejected[0].Event != "push" {
		t.Errorf("%+v, %v", rejected, err)
	}
	if err := end(); err != nil {
		t.Errorf("it ended with %v\n%s", err, log)
	}
	if _, err := daemon.Dial(h.home).Status(t.Context()); !errors.Is(err, daemon.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(h.home, "logs", "*_push*.json"))
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}

// While a receiver waits for the one before it to end, another secret can have been set.
func TestSecretsAreReadAgainWithTheLock(t *testing.T) {
	for name, c := range map[string]struct {
		second error
		want   string
	}{
		"another secret":            {nil, "new"},
		"a mistake in the settings": {errors.New("line 3 is wrong"), "old"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.change = func(n int, s *Settings) error {
				if n == 1 {
					return h.store.SetCurrent("new") // after these settings were read
				}
				return c.second
			}
			if status, _, _ := h.run(t); status.Secret != secret.Fingerprint(c.want) {
				t.Errorf("it accepts %s, want %s", status.Secret, secret.Fingerprint(c.want))
			}
		})
	}
}

func TestRunRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		change func(h *house, s *Settings) error
		want   string
	}{
		"a mistake in the settings": {func(*house, *Settings) error { return errors.New("line 3 is wrong") }, "line 3 is wrong"},
		"no secret":                 {func(_ *house, s *Settings) error { s.Server.Keys = &secret.Ring{}; return nil }, "no webhook secret"},
		"a log directory that is a file": {func(h *house, s *Settings) error {
			s.Logs.Dir = filepath.Join(h.home, ".env")
			return nil
		}, "create the log directory"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.change = func(_ int, s *Settings) error { return c.change(h, s) }
			if err := Run(t.Context(), h.config(io.Discard)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The calls of the control socket, each through the client's side and the receiver's.
func TestClientCalls(t *testing.T) {
	h := newHouse(t)
	_, _, end := h.run(t)
	client := Dial(h.home)
	payload := []byte(`{"a": "spaces  stay"}`)
	sample := Sample{Event: "push", DeliveryID: uuid.NewString(), Signature: secret.Sign("old", payload), Payload: payload}
	tested, err := client.Test(t.Context(), sample)
	if err != nil || tested.Duplicate || !strings.HasSuffix(tested.File, "_push.json") {
		t.Fatalf("%+v, %v", tested, err)
	}
	data, err := os.ReadFile(filepath.Join(h.home, "logs", tested.File))
	if err != nil || !bytes.Contains(data, payload) || !bytes.Contains(data, []byte(`"source":"test"`)) {
		t.Errorf("%s, %v", data, err)
	}
	sample.Signature = secret.Sign("wrong", payload)
	if _, err := client.Test(t.Context(), sample); err == nil || !strings.Contains(err.Error(), "signature") || hooks.CureOf(err) == "" {
		t.Errorf("a wrong signature: %v", err)
	}
	if n, err := client.Replay(t.Context(), []string{tested.File}); err != nil || n != 1 {
		t.Errorf("replayed %d, %v", n, err)
	}
	if n, err := client.Replay(t.Context(), []string{"nothing.json"}); err == nil || n != 0 || hooks.CodeOf(err) != "not_found" {
		t.Errorf("replayed %d that are not there, %v", n, err)
	}
	if n, err := client.Resend(t.Context(), nil, true); err != nil || n.Done != 0 {
		t.Errorf("resent %+v, %v", n, err)
	}
	if _, err := Prune(t.Context(), h.home, logs.Config{Dir: "/nowhere"}, true); err != nil {
		t.Errorf("prune by the receiver: %v", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Test(t.Context(), sample); !errors.Is(err, daemon.ErrNotRunning) || hooks.CureOf(err) == "" {
		t.Errorf("without a receiver: %v", err)
	}
	if result, err := Prune(t.Context(), h.home, logs.Config{Dir: filepath.Join(h.home, "logs"), MaxBytes: 1}, false); err != nil || len(result.Files) == 0 {
		t.Errorf("prune without a receiver: %+v, %v", result, err)
	}
}

// What GitHub signed must match; what the relay brings unsigned comes over our own connection to GitHub.
func TestRelayedDeliveriesAreCheckedAndRecorded(t *testing.T) {
	h := newHouse(t)
	h.run(t)
	body := []byte(`{"zen": "x"}`)
	for name, c := range map[string]struct {
		signature string
		status    int
		verified  bool
	}{
		"signed":          {secret.Sign("old", body), 200, true},
		"wrongly signed":  {secret.Sign("wrong", body), 401, false},
		"without signing": {"", 200, false},
	} {
		d := hooks.RelayDelivery{HookID: 7, Body: body, Header: http.Header{
			"X-Github-Event": {"push"}, "X-Github-Delivery": {uuid.NewString()}, "X-Secret-Header": {"no"},
		}}
		if c.signature != "" {
			d.Header.Set("X-Hub-Signature-256", c.signature)
		}
		answer, ingested, err := Dial(h.home).Relayed(t.Context(), h.store, d)
		if err != nil || answer.Status != c.status || (ingested.File != "") != (c.status == 200) {
			t.Errorf("%s: %+v, %+v, %v", name, answer, ingested, err)
			continue
		}
		if c.status != 200 {
			continue
		}
		data, err := os.ReadFile(filepath.Join(h.home, "logs", ingested.File))
		if err != nil || bytes.Contains(data, []byte("X-Secret-Header")) || !bytes.Contains(data, fmt.Appendf(nil, `"verified":%t`, c.verified)) {
			t.Errorf("%s: %s, %v", name, data, err)
		}
		again, ingested, err := Dial(h.home).Relayed(t.Context(), h.store, d)
		if err != nil || !ingested.Duplicate || !bytes.Contains(again.Body, []byte(`"duplicate":true`)) {
			t.Errorf("%s, a second time: %s, %+v, %v", name, again.Body, ingested, err)
		}
	}
}

// What was fetched gets into the log with a receiver and without, and once only.
func TestIntakeWithAndWithoutAReceiver(t *testing.T) {
	h := newHouse(t)
	ingest := func(guid string) (file string, duplicate bool) {
		t.Helper()
		s, err := h.load()
		if err != nil {
			t.Fatal(err)
		}
		intake, err := OpenIntake(t.Context(), h.home, s)
		if err != nil {
			t.Fatal(err)
		}
		file, duplicate, err = intake.Ingest(t.Context(), hooks.Hook{ID: 7, URL: "https://hooks.example.com/webhook"}, hooks.Delivery{Event: "push", GUID: guid, HookID: 7, Payload: []byte(`{"a": 1}`)})
		if err := errors.Join(err, intake.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		return file, duplicate
	}
	first, second := uuid.NewString(), uuid.NewString()
	if file, duplicate := ingest(first); file == "" || duplicate {
		t.Errorf("without a receiver: %q, duplicate %t", file, duplicate)
	}
	h.run(t)
	if _, duplicate := ingest(first); !duplicate {
		t.Error("recorded twice")
	}
	if file, duplicate := ingest(second); file == "" || duplicate {
		t.Errorf("with a receiver: %q, duplicate %t", file, duplicate)
	}
}
