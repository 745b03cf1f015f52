package fleet

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

// do carries a cure out as a person would who types it.
func (w *world) do(cure string) {
	w.t.Helper()
	words := strings.Fields(strings.TrimPrefix(cure, "hookctl "))
	var at []hooks.Target
	var rest, events []string
	var path, url string
	adopt := false
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "-R", "--org":
			i++
			at = targets(words[i])
		case "--event":
			i++
			events = append(events, words[i])
		case "--path":
			i++
			path = words[i]
		case "--url":
			i++
			url = strings.Replace(words[i], "https://…", public, 1)
		case "--adopt":
			adopt = true
		default:
			rest = append(rest, words[i])
		}
	}
	var h Hook
	if id, err := strconv.ParseInt(rest[len(rest)-1], 10, 64); err == nil {
		if h, err = w.fleet.Find(w.t.Context(), id, at); err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	switch strings.Join(rest[:min(2, len(rest))], " ") {
	case "setup":
		w.setup(SetupRequest{Targets: at, Path: path, URL: url, Events: events, Adopt: adopt})
	case "hooks enable":
		_, err = w.fleet.SetActive(w.t.Context(), h.Hook, true)
	case "hooks edit":
		_, err = w.fleet.Edit(w.t.Context(), EditRequest{Hook: h.Hook, Events: events})
	case "hooks delete":
		err = w.fleet.Delete(w.t.Context(), h.Hook)
	case "hooks ping":
		_, err = w.fleet.Prove(w.t.Context(), h.Hook, 3*time.Second)
	case "catchup":
		_, err = w.fleet.CatchUp(w.t.Context(), CatchUpRequest{Targets: at}, w.ingest)
	default:
		if rest[0] != "rotate" {
			w.t.Fatalf("no such command: %q", cure)
		}
		if report := w.rotate(RotateRequest{Targets: at, IDs: []int64{h.ID}}); !report.Complete {
			w.t.Fatalf("%+v", report)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestEveryCureLeadsOut brings a hook into each state that is warned about, does what the warning says, and looks again.
func TestEveryCureLeadsOut(t *testing.T) {
	good := func(secret string) githubtest.Hook {
		return githubtest.Hook{Active: true, Events: []string{"issues", "push"}, Config: githubtest.Config{URL: hookURL, Secret: secret},
			Last: githubtest.LastResponse{Code: 200, Status: "active", Message: "OK"}}
	}
	for _, tt := range []struct {
		name, code string
		health     Health
		make       func(*world, *githubtest.Hook)
	}{
		{"paused", hooks.WarnInactive, Warning, func(_ *world, h *githubtest.Hook) { h.Active = false }},
		{"no secret", hooks.WarnNoSecret, Failing, func(_ *world, h *githubtest.Hook) { h.Secret = "" }},
		{"no secret, of a path", hooks.WarnNoSecret, Failing, func(_ *world, h *githubtest.Hook) { h.Secret, h.URL = "", hookURL+"/frontend" }},
		{"form", hooks.WarnForm, Warning, func(_ *world, h *githubtest.Hook) { h.ContentType = "form" }},
		{"no certificate", hooks.WarnInsecure, Warning, func(_ *world, h *githubtest.Hook) { h.InsecureSSL = "1" }},
		{"plain http", WarnPlainHTTP, Warning, func(_ *world, h *githubtest.Hook) { h.URL = "http://hooks.example.com/webhook" }},
		{"another secret", hooks.WarnWrongSecret, Failing, func(_ *world, h *githubtest.Hook) {
			h.Secret, h.Last = "by hand", githubtest.LastResponse{Code: 401, Message: "Invalid HTTP Response: 401"}
		}},
		{"wrong path", hooks.WarnFailing, Failing, func(w *world, h *githubtest.Hook) {
			h.URL, h.Last = public+"/webhook/", githubtest.LastResponse{Code: 404, Message: "Invalid HTTP Response: 404"}
		}},
		{"receiver was down", hooks.WarnFailing, Failing, func(_ *world, h *githubtest.Hook) {
			h.Last = githubtest.LastResponse{Code: 502, Message: "Invalid HTTP Response: 502"}
		}},
		{"not reached", hooks.WarnFailing, Failing, func(_ *world, h *githubtest.Hook) {
			h.Last = githubtest.LastResponse{Message: "failed to connect to host"}
		}},
		{"lacks events", WarnLacksEvents, Warning, func(w *world, _ *githubtest.Hook) { w.fleet.cfg.Needed = []string{"push", "status"} }},
		{"unproved", WarnUnproved, Warning, func(*world, *githubtest.Hook) {}},
		{"old address", WarnOldAddress, Warning, func(w *world, h *githubtest.Hook) {
			h.URL = "https://old.hooks.example.com/webhook"
			if err := w.fleet.update(w.t.Context(), func(k *kept) { k.address(h.URL) }); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"duplicate", hooks.WarnDuplicate, Warning, func(w *world, h *githubtest.Hook) {
			w.AddHook("o/r", good(h.Secret))
			h.URL = public
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "o/r", "o/other")
			w.setup(SetupRequest{Targets: targets("o/other")})
			h := good(w.current())
			tt.make(w, &h)
			id := w.AddHook("o/r", h)
			find := func() (Hook, bool) {
				l := w.list(ListRequest{Targets: targets("o/r")})
				i := slices.IndexFunc(l.Hooks, func(h Hook) bool { return h.ID == id })
				if i < 0 {
					return Hook{}, false
				}
				return l.Hooks[i], true
			}
			have, _ := find()
			i := slices.IndexFunc(have.Warnings, func(w hooks.Warning) bool { return w.Code == tt.code })
			if i < 0 || have.Health != tt.health {
				t.Fatalf("%s %q: %v, want %s and %s", have.Health, have.State, have.Warnings, tt.health, tt.code)
			}
			w.do(have.Warnings[i].Cure)
			after, there := find()
			if there && slices.Contains(codes(after.Warnings), tt.code) {
				t.Errorf("after %q: %s %q, %v", have.Warnings[i].Cure, after.Health, after.State, after.Warnings)
			}
			if !there && tt.code != hooks.WarnDuplicate {
				t.Errorf("%q deleted the hook", have.Warnings[i].Cure)
			}
		})
	}
}

// Hooks of other services are listed as theirs: no warning, no health, and nothing that deletes them.
func TestHooksOfOthersAreLeftAlone(t *testing.T) {
	w := newWorld(t, "o/r")
	w.AddHook("o/r", githubtest.Hook{Name: "travis", Active: true})
	w.AddHook("o/r", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/webhook"}})
	w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: "https://hooks.example.com/jenkins"}})
	w.AddHook("o/r", githubtest.Hook{Name: "cli", Config: githubtest.Config{URL: "https://webhook-forwarder.github.com/hook"}})
	w.setup(SetupRequest{Targets: targets("o/r")})
	l := w.list(ListRequest{})
	if len(l.Hooks) != 5 || len(l.Ours()) != 1 || !l.Hooks[0].Ours {
		t.Fatalf("%+v", l.Hooks)
	}
	for _, h := range l.Hooks[1:] {
		if len(h.Warnings) > 0 || h.Health != "" || h.State == "" || h.Moved {
			t.Errorf("%s: %s %q %v", h.URL, h.Health, h.State, h.Warnings)
		}
	}
	if report := w.rotate(RotateRequest{}); len(report.Hooks) != 1 {
		t.Errorf("rotated %+v", report.Hooks)
	}
	if _, err := w.fleet.PlanRotation(t.Context(), RotateRequest{IDs: []int64{l.Hooks[2].ID}}); err == nil || hooks.CureOf(err) == "" {
		t.Errorf("another service's hook can be rotated: %v", err)
	}
}

// Re-keyed by hand a moment ago: one judgement everywhere, and the fix is to rotate.
func TestOneJudgementOfASecret(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	id := w.one("o/r").ID
	w.SetSecret("o/r", id, "re-keyed by hand")
	if w.delivers("o/r") {
		t.Fatal("a wrongly signed delivery was accepted")
	}
	h := w.one("o/r")
	if h.SecretState != SecretRefused || h.Health != Failing || !slices.Equal(codes(h.Warnings), []string{hooks.WarnWrongSecret}) ||
		h.Warnings[0].Cure != "hookctl rotate "+h.Ref() {
		t.Errorf("%s %s %q %v", h.SecretState, h.Health, h.State, h.Warnings)
	}
	w.do(h.Warnings[0].Cure)
	if h := w.one("o/r"); h.Health != Healthy || h.SecretState != SecretCurrent {
		t.Errorf("%s %s %q %v", h.SecretState, h.Health, h.State, h.Warnings)
	}
}

func TestLostDeliveriesAreFoundAndCaughtUp(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	w.set(func() { w.status = http.StatusServiceUnavailable })
	if w.delivers("o/r") {
		t.Fatal("delivered")
	}
	w.set(func() { w.status = 0 })
	if !w.delivers("o/r") {
		t.Fatal("not delivered")
	}
	l := w.list(ListRequest{Deliveries: true})
	h := l.Hooks[0]
	if len(h.Sent) == 0 || !h.Sent[0].OK() || !h.Loses(h.Warnings[0]) {
		t.Errorf("the latest events: %+v", h.Sent)
	}
	if !slices.Equal(codes(h.Warnings), []string{hooks.WarnMissed}) || h.Health != Failing || h.Warnings[0].Cure != "hookctl catchup -R o/r" {
		t.Fatalf("%s %v", h.Health, h.Warnings)
	}
	w.fleet.cfg.Needed = []string{"release"}
	if worstFirst := codes(w.list(ListRequest{Deliveries: true}).Hooks[0].Warnings); !slices.Equal(worstFirst, []string{hooks.WarnMissed, WarnLacksEvents}) {
		t.Errorf("%v", worstFirst)
	}
	w.fleet.cfg.Needed = nil
	sent, err := w.fleet.Deliveries(t.Context(), DeliveriesRequest{Missing: true})
	if err != nil || len(sent) != 1 || !sent[0].Missed() || sent[0].Outcome != hooks.OutcomeMissing {
		t.Errorf("%+v, %v", sent, err)
	}
	w.do(h.Warnings[0].Cure)
	w.until("the record", func() bool { return len(w.list(ListRequest{Deliveries: true}).Hooks[0].Warnings) == 0 })
	report, err := w.fleet.CatchUp(t.Context(), CatchUpRequest{}, w.ingest)
	if err != nil || len(report.Events) != 0 || report.Hooks != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAListAsJSONHasTheKeysOfAHookAndMore(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	raw, err := json.Marshal(w.list(ListRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"repository", "id", "url", "events", "active", "insecure_ssl", "last_response", "content_type", "has_secret", "name", "created_at", "updated_at",
		"ours", "health", "state", "warnings", "secret_state", "seen"} {
		if _, ok := list[0][key]; !ok {
			t.Errorf("no %q in %s", key, raw)
		}
	}
}

// What cannot be listed is named, with a cure, and does not stop the others; each target is reported as it comes.
func TestListsNameWhatIsSetAside(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	w.Remove("o/b")
	seen := map[string]int{}
	l := w.list(ListRequest{Each: func(target hooks.Target, list []Hook, out *Aside) {
		seen[target.String()] = len(list)
		if out != nil {
			seen[target.String()] = -1
		}
	}})
	if len(l.Hooks) != 1 || len(l.Aside) != 1 || l.Aside[0].Passing || !strings.Contains(l.Aside[0].Cure(), "hookctl hooks forget -R o/b") {
		t.Errorf("%+v", l)
	}
	if seen["o/a"] != 1 || seen["o/b"] != -1 {
		t.Errorf("%v", seen)
	}
	if err := l.Err(); err == nil || !strings.Contains(hooks.CureOf(err), "hookctl hooks forget") {
		t.Errorf("%v", err)
	}
}
