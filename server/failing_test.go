package server

import (
	"net/http"
	"strings"
	"testing"

	"hookctl/logs"
	"hookctl/server/sink"
)

// A sink that does not take what it is sent is named with its error for as long as that lasts, and what waits for it has an age.
func TestStatsNameAFailingSink(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return http.StatusInternalServerError, "it \x1b[31mbroke" })
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	if s := r.Stats(); len(s.FailingSinks) != 0 || !s.PendingSince.IsZero() {
		t.Fatalf("before anything: %+v", s)
	}
	r.deliver(t, "push_main", guid(1))
	await(t, "two attempts", func() bool { list := r.Stats().FailingSinks; return len(list) == 1 && list[0].Attempts >= 2 })
	s := r.Stats()
	x, came := s.FailingSinks[0], r.record(t, guid(1)).ReceivedAt
	if x.Sink != "aimaestro" || x.Since.Before(came) || !strings.Contains(x.Error, "500") || strings.ContainsRune(x.Error, '\x1b') || !s.PendingSince.Equal(came) {
		t.Errorf("%+v, pending since %s, came at %s", x, s.PendingSince, came)
	}
	m.set(nil)
	r.awaitStatus(t, guid(1), logs.StatusSent)
	await(t, "a good sink", func() bool { s := r.Stats(); return len(s.FailingSinks) == 0 && s.PendingSince.IsZero() })
}

// A sink that was taken out of the settings fails nobody.
func TestStatsForgetASinkThatIsGone(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return http.StatusInternalServerError, "" })
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	r.deliver(t, "push_main", guid(1))
	await(t, "a failure", func() bool { return len(r.Stats().FailingSinks) == 1 })
	if err := r.Reload(testConfig(r.log)); err != nil {
		t.Fatal(err)
	}
	if list := r.Stats().FailingSinks; len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
