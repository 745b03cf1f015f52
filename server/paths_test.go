package server

import (
	"net/http"
	"strings"
	"testing"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

func TestEachPathHasItsSecretBranchesAndSink(t *testing.T) {
	t.Parallel()
	general, team := newMaestro(t), newMaestro(t)
	r := run(t, func(c *Config) {
		c.Keys = secret.NewRing(secret.Key{Value: testSecret}, secret.Key{Value: "the team's", Name: "team"})
		c.Sinks = []sink.Config{general.sink()}
		c.Paths = map[string]PathConfig{
			"team":  {WatchedBranches: []string{"feature/*"}, Sinks: []sink.Config{team.sink()}},
			"quiet": {Sinks: []sink.Config{}},
		}
	})
	event, payload := sample(t, "miss_push_unwatched") // feature/test
	send := func(path, key, id string, payload []byte) int {
		req := request(t, r.url+path, event, id, payload)
		req.Header.Set("X-Hub-Signature-256", secret.Sign(key, payload))
		status, _ := do(t, req)
		return status
	}
	if status := send("/webhook/team", "the team's", guid(1), payload); status != http.StatusOK {
		t.Fatal(status)
	}
	if n := r.awaitStatus(t, guid(1), logs.StatusSent); n.Sink != "team/aimaestro" {
		t.Errorf("%+v", n)
	}
	if rec := r.record(t, guid(1)); rec.Signature.Secret != secret.Fingerprint("the team's") {
		t.Errorf("%+v", rec.Signature)
	}
	for _, path := range []string{"/webhook", "/webhook/other", "/"} {
		if status := send(path, "the team's", guid(2), payload); status != http.StatusUnauthorized {
			t.Errorf("the team's secret on %s: %d", path, status)
		}
	}
	if status := send("/webhook", testSecret, guid(3), payload); status != http.StatusOK {
		t.Fatal(status)
	}
	if rec := r.record(t, guid(3)); len(rec.Notifications) != 0 {
		t.Errorf("%+v", rec.Notifications)
	}
	_, main := sample(t, "push_main")
	if status := send("/webhook/quiet", testSecret, guid(4), main); status != http.StatusOK {
		t.Fatal(status)
	}
	if rec := r.record(t, guid(4)); len(rec.Notifications) != 0 || !strings.HasPrefix(rec.Result, "push: ") {
		t.Errorf("%+v", rec.Notifications)
	}
	// A name that the settings do not know is like no name.
	if status := send("/webhook/other", testSecret, guid(5), main); status != http.StatusOK {
		t.Fatal(status)
	}
	if n := r.awaitStatus(t, guid(5), logs.StatusSent); n.Sink != "aimaestro" {
		t.Errorf("%+v", n)
	}
	if len(team.messages()) != 1 || len(general.messages()) != 1 {
		t.Errorf("team %d, general %d", len(team.messages()), len(general.messages()))
	}
	// A replay goes by the table of the path that the delivery came by.
	if err := r.Replay(t.Context(), r.record(t, guid(1)).File); err != nil {
		t.Fatal(err)
	}
	await(t, "the team's second message", func() bool { return len(team.messages()) == 2 })
}

func TestReloadKeepsTheOldSettingsOnAMistake(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	good := testConfig(r.log)
	good.WatchedBranches = []string{"feature/*"}
	good.Keys = secret.NewRing(secret.Key{Value: "new"}, secret.Key{Value: testSecret})
	good.Sinks = []sink.Config{m.sink()}
	bad := good
	bad.Routes = []route.Route{{Event: "push", When: ".a |", Notify: "x"}}
	err := r.Reload(bad)
	if err == nil || !strings.Contains(err.Error(), "routes[0].when:1:5") {
		t.Fatalf("%v", err)
	}
	r.deliver(t, "miss_push_unwatched", guid(1))
	if rec := r.record(t, guid(1)); len(rec.Notifications) != 0 {
		t.Error("settings with a mistake are in force")
	}
	if got := r.Stats().Secrets; len(got) != 1 {
		t.Errorf("secrets %v", got)
	}
	if err := r.Reload(good); err != nil {
		t.Fatal(err)
	}
	r.deliver(t, "miss_push_unwatched", guid(2))
	r.awaitStatus(t, guid(2), logs.StatusSent)
	if got := r.Stats().Secrets; len(got) != 2 || got[0] != secret.Fingerprint("new") {
		t.Errorf("secrets %v", got)
	}
}

func TestReloadTriesWhatIsPendingAtOnce(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{{Type: "aimaestro", URL: "http://127.0.0.1:1", To: "orchestrator-amoa"}}
		c.Retry = Retry{First: 1 << 40, Max: 1 << 40, GiveUp: 1 << 50}
	})
	r.deliver(t, "push_main", guid(1))
	await(t, "an attempt", func() bool { return r.record(t, guid(1)).Notifications[0].Attempts == 1 })
	cfg := testConfig(r.log)
	cfg.Sinks = []sink.Config{m.sink()}
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if n := r.awaitStatus(t, guid(1), logs.StatusSent); n.Attempts != 2 {
		t.Errorf("%+v", n)
	}
}

// A slash or a question mark at the end of a path makes no difference to what is accepted, recorded and notified.
func TestSlashAtTheEndOfAPath(t *testing.T) {
	t.Parallel()
	team := newMaestro(t)
	r := run(t, func(c *Config) {
		c.Keys = secret.NewRing(secret.Key{Value: testSecret}, secret.Key{Value: "the team's", Name: "team"})
		c.Paths = map[string]PathConfig{"team": {Sinks: []sink.Config{team.sink()}}}
	})
	event, payload := sample(t, "push_main")
	for i, c := range []struct{ path, name string }{
		{"/webhook/", ""}, {"/webhook?", ""}, {"/webhook/?", ""}, {"/?", ""}, {"/webhook/?a=1", ""},
		{"/webhook/team/", "team"}, {"/webhook/team?", "team"}, {"/webhook/team/?", "team"},
	} {
		key := testSecret
		if c.name != "" {
			key = "the team's"
		}
		req := request(t, r.url+c.path, event, guid(i), payload)
		req.Header.Set("X-Hub-Signature-256", secret.Sign(key, payload))
		if status, body := do(t, req); status != http.StatusOK {
			t.Errorf("%s: %d %v", c.path, status, body)
			continue
		}
		if rec := r.record(t, guid(i)); rec.Headers[pathHeader] != c.name || rec.Signature.Secret != secret.Fingerprint(key) {
			t.Errorf("%s: %+v", c.path, rec)
		}
		again := request(t, r.url+strings.TrimRight(c.path, "/?a=1"), event, guid(i), payload)
		again.Header.Set("X-Hub-Signature-256", secret.Sign(key, payload))
		if _, body := do(t, again); body["duplicate"] != true {
			t.Errorf("%s is taken for another path: %v", c.path, body)
		}
	}
	for _, path := range []string{"/webhook/team/x", "/webhooks/", "/webhook/te%2Fam/", "/other/"} {
		if status, _ := do(t, request(t, r.url+path, event, guid(99), payload)); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}
