package fleet

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

// A tunnel's new address takes every hook of ours along, whatever set it up, with its path; hooks of others stay.
func TestMovingToANewAddress(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.cfg.Repositories = []string{"o/a"}
	w.again()
	w.setup(SetupRequest{})
	w.setup(SetupRequest{Targets: targets("o/b"), Path: "frontend"})
	w.AddHook("o/b", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/webhook"}})
	const to = "https://two.hooks.example.com"
	report, err := w.fleet.Move(t.Context(), to, nil)
	if err != nil || report.Err() != nil || len(report.Moved) != 2 || w.saved != to || !slices.Equal(report.From, []string{public}) {
		t.Errorf("%+v, %v", report, err)
	}
	w.again()
	if a, b := w.Hooks("o/a"), w.Hooks("o/b"); a[0].URL != to+"/webhook" || b[0].URL != to+"/webhook/frontend" || b[1].URL != "https://ci.example.com/webhook" {
		t.Errorf("GitHub has %+v, %+v", a, b)
	}
	if report, err = w.fleet.Move(t.Context(), to, nil); err != nil || len(report.Moved) != 0 {
		t.Errorf("again: %+v, %v", report, err)
	}
}

// What could not be moved is moved by a later call, from another process, whatever addresses came in between.
func TestAMoveThatWasCutShortGoesOn(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	lift := w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/hooks/*/config", Status: http.StatusBadGateway})
	report, err := w.fleet.Move(t.Context(), "https://two.hooks.example.com", nil)
	if err != nil || report.Err() == nil || !report.Again() || len(report.Moved) != 1 || report.Aside[0].HookID == 0 {
		t.Errorf("%+v, %v", report, err)
	}
	lift()
	w.again()
	report, err = w.fleet.Move(t.Context(), "https://three.hooks.example.com", nil)
	if err != nil || report.Err() != nil || len(report.Moved) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	w.again()
	for _, name := range []string{"o/a", "o/b"} {
		if h := w.one(name); h.URL != "https://three.hooks.example.com/webhook" || len(h.Warnings) > 0 {
			t.Errorf("%s: %v", h.URL, h.Warnings)
		}
	}
}

// The addresses that an older version left in run/ are taken over.
func TestAddressesOfAnOlderVersionAreMovedToo(t *testing.T) {
	w := newWorld(t, "o/a")
	w.AddHook("o/a", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://old.hooks.example.com/webhook", Secret: w.current()}})
	w.cfg.Repositories = []string{"o/a"}
	if err := os.WriteFile(filepath.Join(w.home, "run", "tunnel.json"), []byte(`["https://old.hooks.example.com"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := w.again().Move(t.Context(), public, nil)
	if err != nil || len(report.Moved) != 1 || w.Hooks("o/a")[0].URL != hookURL {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestEditing(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	h := w.one("o/a")
	changed, err := w.fleet.Edit(t.Context(), EditRequest{Hook: h.Hook, Events: []string{"release"}, InsecureSSL: ptr(true), Active: ptr(false)})
	if err != nil || changed.Active || !changed.InsecureSSL || !slices.Equal(changed.Events, []string{"release"}) || changed.State != "paused" {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, err := w.fleet.Edit(t.Context(), EditRequest{Hook: h.Hook, URL: ptr("http://localhost:3000/webhook")}); hooks.CureOf(err) == "" || w.Hooks("o/a")[0].URL != hookURL {
		t.Errorf("%v", err)
	}
	if changed, err = w.fleet.SetActive(t.Context(), h.Hook, true); err != nil || !changed.Active {
		t.Errorf("%+v, %v", changed, err)
	}
	if found, err := w.fleet.Find(t.Context(), h.ID, nil); err != nil || found.Target != h.Target {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := w.fleet.Find(t.Context(), 7, nil); hooks.CureOf(err) != "name its repository with -R owner/repo" {
		t.Errorf("%v", err)
	}
}

func TestProving(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	h := w.one("o/a").Hook
	p, err := w.fleet.Prove(t.Context(), h, 0)
	if err != nil || !p.Current || p.File == "" || p.At.IsZero() {
		t.Errorf("%+v, %v", p, err)
	}
	w.SetSecret("o/a", h.ID, "by hand")
	if _, err = w.fleet.Prove(t.Context(), h, 0); hooks.CureOf(err) != "give the hook another secret: hookctl rotate "+h.Ref() {
		t.Errorf("%v, cure %q", err, hooks.CureOf(err))
	}
	w.set(func() { w.status = http.StatusBadGateway })
	if _, err = w.fleet.Prove(t.Context(), h, 500_000_000); err == nil || hooks.CureOf(err) == "" {
		t.Errorf("%v", err)
	}
}
