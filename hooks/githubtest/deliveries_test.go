package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type listed struct {
	ID         int64
	GUID       string
	Event      string
	Action     *string
	Status     string
	StatusCode int `json:"status_code"`
	Redelivery bool
	Duration   *float64
	Repository int64 `json:"repository_id"`
}

var nextLink = regexp.MustCompile(`^<https://api\.github\.com([^>]+)>; rel="next"$`)

// pages follows the Link headers from a path and returns everything.
func pages(t *testing.T, s *Server, path string) (all []listed, n int) {
	t.Helper()
	for path != "" {
		r := octocat(t, s, "GET", path, "")
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.text)
		}
		var list []listed
		r.into(&list)
		all, n, path = append(all, list...), n+1, ""
		if m := nextLink.FindStringSubmatch(r.header.Get("Link")); m != nil {
			path = m[1]
		}
	}
	return all, n
}

func TestDeliveriesPageByCursor(t *testing.T) {
	var status atomic.Int64
	status.Store(200)
	k := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(k.Close)
	s := New(Options{Resolve: func(string) string { return k.URL }})
	t.Cleanup(s.Close)
	s.AddRepository(widgets, Repository{})
	id := s.AddHook(widgets, Hook{Active: true, Events: []string{"*"}, Config: Config{URL: "https://hooks.example.com"}})
	for i := range 25 {
		if status.Store(200); i%5 == 0 {
			status.Store(503)
		}
		if _, err := s.Deliver(t.Context(), widgets, "workflow_run", Sample("workflow_run.failure")); err != nil {
			t.Fatal(err)
		}
	}
	base := "/repos/" + widgets + "/hooks/" + itoa(id) + "/deliveries"
	all, n := pages(t, s, base+"?per_page=10")
	if len(all) != 25 || n != 3 {
		t.Fatalf("%d deliveries on %d pages", len(all), n)
	}
	for i, d := range all {
		if d.ID <= 1<<53 || int64(float64(d.ID)) == d.ID {
			t.Errorf("a float64 holds the id %d", d.ID)
		}
		if i > 0 && d.ID >= all[i-1].ID {
			t.Errorf("not newest first: %d after %d", d.ID, all[i-1].ID)
		}
		if d.Action == nil || *d.Action != "completed" || d.Duration == nil || d.Repository == 0 {
			t.Errorf("%+v", d)
		}
	}
	failed, n := pages(t, s, base+"?per_page=2&status=failure")
	if len(failed) != 5 || n != 3 || failed[0].Status != "Invalid HTTP Response: 503" || failed[0].StatusCode != 503 {
		t.Errorf("%d failures on %d pages: %+v", len(failed), n, failed)
	}
	if ok, _ := pages(t, s, base+"?per_page=100&status=success"); len(ok) != 20 {
		t.Errorf("%d successes", len(ok))
	}
	for _, bad := range []string{"?status=maybe", "?cursor=nonsense", "?cursor=" + url.QueryEscape("v1_x")} {
		if r := octocat(t, s, "GET", base+bad, ""); r.status != 422 {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
}

func TestDeliveryShowsWhatWasSentAndAnswered(t *testing.T) {
	k := newSink(t, 200)
	s, id := withHook(t, Options{}, k, Hook{Active: true, Config: Config{Secret: "k"}})
	results, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main"))
	if err != nil {
		t.Fatal(err)
	}
	base := "/repos/" + widgets + "/hooks/" + itoa(id) + "/deliveries/"
	var d struct {
		URL     string
		Request struct {
			Headers map[string]string
			Payload json.RawMessage
		}
		Response struct {
			Headers map[string]string
			Payload string
		}
	}
	r := octocat(t, s, "GET", base+itoa(results[0].ID), "")
	r.into(&d)
	if d.URL != "https://hooks.example.com/webhook" || d.Request.Headers["X-GitHub-Event"] != "push" || string(d.Request.Payload) != string(Sample("push.main")) ||
		d.Response.Payload != `{"seen":true}` || d.Response.Headers["Content-Length"] == "" {
		t.Errorf("%s", r.text)
	}
	if r := octocat(t, s, "GET", base+"9007199254740993000", ""); r.status != 404 {
		t.Errorf("an unknown delivery: %d", r.status)
	}
}

// A redelivery keeps the GUID, gets a new id, and is signed with the secret of now.
func TestRedeliveryKeepsTheGUID(t *testing.T) {
	k := newSink(t, 200)
	s, id := withHook(t, Options{}, k, Hook{Active: true, Config: Config{Secret: "old"}})
	results, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main"))
	if err != nil {
		t.Fatal(err)
	}
	first := k.next(t)
	s.SetSecret(widgets, id, "new")
	path := fmt.Sprintf("/repos/%s/hooks/%d/deliveries/%d/attempts", widgets, id, results[0].ID)
	if r := octocat(t, s, "POST", path, ""); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	second := k.next(t)
	if second.header.Get("X-GitHub-Delivery") != first.header.Get("X-GitHub-Delivery") || string(second.body) != string(first.body) {
		t.Error("a redelivery is another delivery")
	}
	if second.header.Get("X-Hub-Signature-256") == first.header.Get("X-Hub-Signature-256") {
		t.Error("a redelivery is signed with the old secret")
	}
	list := awaitDeliveries(t, s, id, 2)
	if list[1].GUID != list[0].GUID || list[1].ID <= list[0].ID || !list[1].Redelivery || list[0].Redelivery {
		t.Errorf("%+v", list)
	}
}

func TestDeliveriesAreKeptThreeDays(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		enterprise bool
		days       int
	}{{false, 3}, {true, 7}} {
		at := now
		s := quiet(t, Options{Enterprise: test.enterprise, Now: func() time.Time { return at }})
		id := s.AddHook(widgets, Hook{Active: true})
		if _, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main")); err != nil {
			t.Fatal(err)
		}
		path := "/repos/" + widgets + "/hooks/" + itoa(id) + "/deliveries"
		at = now.Add(time.Duration(test.days)*24*time.Hour - time.Second)
		if all, _ := pages(t, s, path); len(all) != 1 {
			t.Errorf("enterprise %v: forgotten too early", test.enterprise)
		}
		at = at.Add(time.Second)
		if r := octocat(t, s, "GET", path, ""); strings.TrimSpace(r.text) != "[]" {
			t.Errorf("enterprise %v: kept too long: %s", test.enterprise, r.text)
		}
	}
}
