package fleet

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

func names(list []hooks.Target) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.String())
	}
	slices.Sort(out)
	return out
}

func (w *world) targets() []string {
	w.t.Helper()
	list, err := w.fleet.Targets(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return names(list)
}

// What one face sets up, every other one knows, in whatever order: the settings, setup, pings of hooks made by hand, and
// what an older interface kept.
func TestTargetsAreTheUnionOfAllThatWasSetUp(t *testing.T) {
	w := newWorld(t, "octo-org/api", "octocat/hello-world", "o/by-hand")
	w.AddOrg("acme")
	if err := os.WriteFile(filepath.Join(w.home, "run", "tui.json"), []byte(`{"page":3,"repositories":["o/interface","OCTO-ORG/api"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.cfg.Repositories = []string{"octo-org/api"}
	w.again()
	w.setup(SetupRequest{Targets: targets("octocat/hello-world")})
	w.byHand("o/by-hand", githubtest.Hook{Active: true, Config: githubtest.Config{URL: public, Secret: w.current()}})
	w.byHand("acme", githubtest.Hook{Active: true, Config: githubtest.Config{URL: public, Secret: w.current()}})
	want := []string{"acme", "o/by-hand", "o/interface", "octo-org/api", "octocat/hello-world"}
	w.until("the pings in the log", func() bool { return len(w.targets()) == len(want) })
	w.again()
	if have := w.targets(); !slices.Equal(have, want) {
		t.Errorf("targets %v, want %v", have, want)
	}
	info, err := os.Stat(filepath.Join(w.home, "state", "fleet.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// Records are pruned, and a later version of the interface's file is not read again.
func TestTargetsOutliveTheirPings(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	w.cfg.Logs.Dir = filepath.Join(w.home, "empty")
	if err := os.WriteFile(filepath.Join(w.home, "run", "tui.json"), []byte(`{"repositories":["o/later"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.again()
	if have := w.targets(); !slices.Equal(have, []string{"o/a"}) {
		t.Errorf("targets %v", have)
	}
	if _, err := os.Stat(w.cfg.Logs.Dir); !os.IsNotExist(err) {
		t.Errorf("looking created the log directory: %v", err)
	}
}

func TestForgettingATarget(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	if err := w.fleet.Delete(t.Context(), w.one("o/a").Hook); err != nil {
		t.Fatal(err)
	}
	if have := w.targets(); !slices.Equal(have, []string{"o/b"}) {
		t.Errorf("after the last hook was deleted: %v", have)
	}
	w.Remove("o/b")
	if err := w.fleet.Forget(t.Context(), targets("O/B")[0]); err != nil {
		t.Fatal(err)
	}
	if have := w.again(); len(w.targets()) != 0 {
		t.Errorf("%v still knows %v", have, w.targets())
	}
	if err := w.again().Forget(t.Context(), targets("o/b")[0]); err == nil {
		t.Error("what is not known can be forgotten")
	}
	w.cfg.Repositories = []string{"o/b"}
	if err := w.again().Forget(t.Context(), targets("o/b")[0]); hooks.CureOf(err) != "take it out: hookctl config edit" {
		t.Errorf("%v", err)
	}
}

// The new name takes the place of the old one, also where the settings have that still.
func TestRenamedRepositories(t *testing.T) {
	w := newWorld(t, "o/old")
	w.setup(SetupRequest{Targets: targets("o/old")})
	w.cfg.Repositories = []string{"o/old"}
	w.again()
	w.Rename("o/old", "acme/new")
	l := w.list(ListRequest{})
	if len(l.Hooks) != 1 || l.Hooks[0].Target.String() != "acme/new" {
		t.Errorf("%+v", l)
	}
	for _, name := range []string{"o/old", "acme/new"} {
		if list, aside := l.Of(targets(name)[0]); len(list) != 1 || aside != nil {
			t.Errorf("of %s: %+v, %+v", name, list, aside)
		}
	}
	if have := w.targets(); !slices.Equal(have, []string{"acme/new"}) {
		t.Errorf("targets %v", have)
	}
	if report := w.rotate(RotateRequest{Grace: time.Hour}); !report.Complete || report.Failed() {
		t.Errorf("%+v", report)
	}
}

// Two processes that set up at the same time both are remembered.
func TestManyProcessesRemember(t *testing.T) {
	w := newWorld(t)
	done := make(chan error)
	const n = 20
	for i := range n {
		go func() {
			done <- New(w.cfg).Remember(t.Context(), hooks.Target{Owner: "o", Repo: string(rune('a' + i))})
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if have := w.targets(); len(have) != n {
		t.Errorf("%d of %d: %v", len(have), n, have)
	}
}
