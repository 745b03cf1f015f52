package hooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// Two who set up the same repository at the same time make one hook.
func TestSetupUsesAHookThatAppearedAfterThePlan(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	plan := w.plan(w.request("o/a"))
	id := w.AddHook("o/a", githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: hookURL, Secret: "another"}})
	results, err := w.client.Apply(t.Context(), plan, w.receiver.confirm, nil)
	if err != nil || results[0].HookID != id || results[0].Created || !results[0].Verified {
		t.Errorf("results %+v, %v", results, err)
	}
	if at := w.Hooks("o/a"); len(at) != 1 || at[0].Secret != "s1" || len(at[0].Events) != 2 {
		t.Errorf("GitHub has %+v", at)
	}
}

func TestSetupLeavesAHooksOwnSecretAlone(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("shared")
	hooks := w.setup("o/a")
	if err := w.store.SetHookSecrets(map[int64]string{hooks[0].ID: "own"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	r := w.request("o/a")
	r.OwnSecret = w.store.HookSecret
	for _, before := range []string{"own", "changed behind our back"} {
		w.SetSecret("o/a", hooks[0].ID, before)
		results, err := w.client.Apply(t.Context(), w.plan(r), w.receiver.confirm, nil)
		if err != nil || !results[0].Verified || w.Hooks("o/a")[0].Secret != "own" {
			t.Errorf("with %q: results %+v, %v; GitHub signs with %q", before, results, err, w.Hooks("o/a")[0].Secret)
		}
	}
}

// The present name of a repository comes with its hooks: in the plan where it has one, else with the hook that is created.
func TestSetupFollowsRenamedRepositories(t *testing.T) {
	w := newWorld(t, "o/old", "o/empty")
	w.AddRepository("o/archived", githubtest.Repository{Archived: true})
	w.setSecret("s1")
	w.setup("o/old")
	w.Rename("o/old", "acme/new")
	w.Rename("o/empty", "acme/full")
	plan := w.plan(w.request("o/old", "o/archived", "o/empty"))
	if i := plan.Items[0]; i.Target.String() != "acme/new" || len(i.Warnings) != 1 || i.Warnings[0].Code != WarnRenamed {
		t.Errorf("renamed: %+v", i)
	}
	results, err := w.client.Apply(t.Context(), plan, w.receiver.confirm, nil)
	if !errors.Is(err, ErrIncomplete) || !errors.Is(results[1].Err, ErrArchived) || len(w.Hooks("acme/new")) != 1 {
		t.Errorf("results %+v, %v; hooks %+v", results, err, w.Hooks("acme/new"))
	}
	if r := results[2]; r.Target.String() != "acme/full" || r.Asked.String() != "o/empty" || len(r.Warnings) != 1 || r.Warnings[0].Code != WarnRenamed || !r.Verified {
		t.Errorf("renamed without hooks: %+v", r)
	}
}

// However GitHub misbehaves, every repository ends with exactly one hook, and that one is proven.
func TestSetupOfManyRepositoriesAtAFailingGitHub(t *testing.T) {
	w := newWorldWith(t, githubtest.Options{Seed: 7})
	w.odd = true
	w.setSecret("s1")
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprint("o/r", i))
		w.AddRepository(names[i], githubtest.Repository{})
	}
	w.Fault(githubtest.Fault{Status: http.StatusBadGateway, Probability: 0.1})
	w.Fault(githubtest.Fault{DropAfter: true, Probability: 0.1})
	w.Fault(githubtest.Fault{DropBefore: true, Probability: 0.05})
	w.Fault(githubtest.Fault{Delay: 10 * time.Millisecond, Probability: 0.1})
	results, err := w.client.Apply(t.Context(), w.plan(w.request(names...)), w.receiver.confirm, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if at := w.Hooks(name); len(at) != 1 || at[0].Secret != "s1" || !results[i].Verified || results[i].HookID != at[0].ID {
			t.Errorf("%s has %+v, result %+v", name, at, results[i])
		}
	}
}

// Whether GitHub pings an inactive hook is its business: when it does not, nothing has failed.
func TestInactiveHooksNeedNoPing(t *testing.T) {
	w := newWorld(t, "o/a")
	w.odd = true // a ping is answered 204 without being sent
	w.setSecret("s1")
	id := w.AddHook("o/a", githubtest.Hook{Events: []string{"push", "issues"}, Config: githubtest.Config{URL: hookURL, Secret: "s1"}})
	w.Fault(githubtest.Fault{Method: http.MethodPost, Path: "/repos/*/*/hooks/*/pings", Status: http.StatusNoContent})
	r := w.request("o/a")
	r.Active, r.Wait = false, 300*time.Millisecond
	results, err := w.client.Apply(t.Context(), w.plan(r), w.receiver.confirm, nil)
	if err != nil || results[0].Verified || results[0].Err != nil {
		t.Errorf("setup: %+v, %v", results, err)
	}
	rotator := w.rotator()
	rotator.Wait = 300 * time.Millisecond
	result, err := rotator.Rotate(t.Context(), []Hook{{ID: id, Target: target(t, "o/a")}}, time.Hour)
	if err != nil || !result.Complete || w.secrets("o/a")[0] != w.current() {
		t.Errorf("rotate: %+v, %v", result, err)
	}
	active := true
	if _, err := w.client.Edit(t.Context(), target(t, "o/a"), id, Change{Active: &active}); err != nil {
		t.Fatal(err)
	}
	r.Active = true
	if results, err = w.client.Apply(t.Context(), w.plan(r), w.receiver.confirm, nil); !errors.Is(err, ErrIncomplete) || !errors.Is(results[0].Err, ErrNotDelivered) {
		t.Errorf("an active one: %+v, %v", results, err)
	}
}

// TestAnInterruptedProofIsNotAFailure: who is interrupted while a ping is awaited has not learned that none arrives.
func TestAnInterruptedProofIsNotAFailure(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s0")
	plan := w.plan(w.request("o/a"))
	ctx, cancel := context.WithCancel(t.Context())
	results, err := w.client.Apply(ctx, plan, func(ctx context.Context, _ int64, _ string, _ time.Time) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	if !errors.Is(err, ErrIncomplete) || len(results) != 1 {
		t.Fatalf("%v, %v", results, err)
	}
	if got := results[0].Err; !errors.Is(got, context.Canceled) || errors.Is(got, ErrNotDelivered) || results[0].Verified {
		t.Errorf("%+v", results[0])
	}
}
