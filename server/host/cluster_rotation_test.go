package host

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/fleet"
)

// hub is a simulated GitHub whose hooks lead to the first node that runs, as a load balancer would have it.
type hub struct {
	*githubtest.Server
	w            *world
	socket       string
	repositories []string
}

const hubURL = "https://hooks.example.com/webhook"

func newHub(w *world, repositories ...string) *hub {
	w.t.Helper()
	h := &hub{w: w, socket: filepath.Join(w.nodes[0].config.Home, "gh"), repositories: repositories}
	h.Server = githubtest.New(githubtest.Options{Resolve: func(string) string {
		for _, n := range w.nodes {
			if n.runs() {
				return n.url()
			}
		}
		return ""
	}})
	w.t.Cleanup(h.Close)
	for _, r := range repositories {
		h.AddRepository(r, githubtest.Repository{})
		h.AddHook(r, githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: hubURL, ContentType: "json", Secret: testSecret}})
	}
	if err := h.Start(h.socket); err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (n *node) runs() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process != nil
}

// fleet is what the commands of a node work with.
func (h *hub) fleet(on *node) *fleet.Fleet {
	return fleet.New(fleet.Config{
		Home: on.config.Home, Logs: logs.Config{Dir: on.logDir()}, Store: storeOf(on.config.Home), PublicURL: "https://hooks.example.com", Repositories: h.repositories,
		GitHub: func() (*hooks.Client, error) {
			return hooks.New(hooks.Config{Host: "github.com", Socket: h.socket, Token: githubtest.DefaultToken, Limits: hooks.Limits{Concurrent: 1, Pause: 50 * time.Millisecond}})
		},
		SaveURL: func(context.Context, string) error { return nil },
	})
}

// having counts the hooks that sign with a secret, by its fingerprint.
func (h *hub) having() map[string]int {
	found := map[string]int{}
	for _, r := range h.repositories {
		for _, hook := range h.Hooks(r) {
			found[secret.Fingerprint(hook.Secret)]++
		}
	}
	return found
}

// all fails unless every hook signs with a secret.
func (h *hub) all(when, print string) {
	h.w.t.Helper()
	if got := h.having(); got[print] != len(h.repositories) {
		h.w.t.Errorf("%s the hooks have %v, want %s", when, got, print)
	}
}

// delivered delivers for every repository until it is acknowledged. None may be refused for its signature.
func (h *hub) delivered(when string) {
	h.w.t.Helper()
	for _, r := range h.repositories {
		h.w.wait("a delivery "+when, func() bool {
			list, err := h.Deliver(h.w.t.Context(), r, "push", githubtest.SampleFor("push.main", r))
			if err != nil || len(list) != 1 {
				h.w.t.Fatalf("%d deliveries, %v", len(list), err)
			}
			if list[0].StatusCode == http.StatusUnauthorized {
				h.w.t.Fatalf("%s a delivery for %s is refused for its signature", when, r)
			}
			return list[0].OK()
		})
	}
}

// until works on a rotation until it is complete, as often as somebody would who reads "try again". An election, or the lease
// of a node that is dead, may hold it up.
func (h *hub) until(what string, do func() (fleet.RotateReport, error)) (report fleet.RotateReport) {
	h.w.t.Helper()
	h.w.wait(what, func() bool {
		var err error
		if report, err = do(); err != nil {
			h.w.t.Logf("%s: %v; hint: %s", what, err, hooks.CureOf(err))
		}
		return err == nil && report.Complete
	})
	return report
}

// plan is a rotation of all hooks, begun on a node.
func (h *hub) plan(f *fleet.Fleet) fleet.RotatePlan {
	h.w.t.Helper()
	plan, err := f.PlanRotation(h.w.t.Context(), fleet.RotateRequest{Grace: time.Hour})
	if err != nil || len(plan.Hooks) != len(h.repositories) {
		h.w.t.Fatalf("%d hooks, %v", len(plan.Hooks), err)
	}
	return plan
}

// A rotation stops in the middle because its node is killed. Another node goes on with it, a third one takes it back, and the
// first one has the secrets of then when it comes back.
func TestClusterRotationGoesOnOnAnotherNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{}).start()
	h := newHub(w, "octo/one", "octo/two", "octo/three")
	a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
	h.delivered("before")

	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	var changed atomic.Bool
	begun := h.fleet(a)
	_, err := begun.Rotate(ctx, h.plan(begun), func(s hooks.Step) {
		if s.HookID != 0 && s.Name == "set secret" && s.State == hooks.StateDone && !changed.Swap(true) {
			a.kill()
			cut()
		}
	})
	if err == nil || !changed.Load() {
		t.Fatalf("a rotation whose node dies ends with %v", err)
	}
	old := secret.Fingerprint(testSecret)
	if n := h.having()[old]; n == 0 || n == len(h.repositories) {
		t.Fatalf("%d hooks have the old secret; this is not the middle", n)
	}
	h.delivered("in the middle")

	next := h.until("the rotation to go on elsewhere", func() (fleet.RotateReport, error) { return h.fleet(b).Resume(t.Context(), nil) })
	h.all("after it went on", next.New)
	h.delivered("after it went on")
	w.wait("the third node to know of it", func() bool {
		r, err := h.fleet(c).Rotation()
		return err == nil && !r.UndoUntil.IsZero()
	})
	back := h.until("the rotation to be taken back", func() (fleet.RotateReport, error) { return h.fleet(c).Undo(t.Context(), nil) })
	if h.all("after it was taken back", old); back.New != old {
		t.Errorf("taken back to %s, want %s", back.New, old)
	}
	h.delivered("after it was taken back")
	a.start()
	w.back(a)
	for _, n := range w.nodes {
		w.wait("node "+n.name()+" to have the secret of before", func() bool {
			current, _, err := storeOf(n.config.Home).Current()
			return err == nil && current == testSecret
		})
	}
	h.delivered("when all are back")
}

// A member that is away is named, and how to go on; until then no hook is changed.
func TestClusterRotationNamesTheNodeThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{}).start()
	h := newHub(w, "octo/one", "octo/two")
	a, b := w.nodes[0], w.nodes[1]
	h.delivered("before")
	b.kill()
	old := secret.Fingerprint(testSecret)
	w.wait("the node that is away to be named", func() bool {
		f := h.fleet(a)
		_, err := f.Rotate(t.Context(), h.plan(f), nil)
		h.all("while a node is away", old)
		if err == nil {
			t.Fatal("a rotation goes on without a node that was not left out")
		}
		cure := hooks.CureOf(err)
		t.Logf("%v; hint: %s", err, cure)
		return strings.Contains(err.Error(), "node b cannot be reached") && strings.HasSuffix(cure, "--without b")
	})
	f := h.fleet(a)
	if r, err := f.Rotation(); err != nil || r.Open {
		t.Errorf("a rotation that was refused is under way: %+v, %v", r, err)
	}
	if err := a.client().LeaveOut(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	done := h.until("the rotation without the node", func() (fleet.RotateReport, error) {
		r, err := f.Rotation()
		if err == nil && r.State != nil {
			return f.Resume(t.Context(), nil)
		}
		return f.Rotate(t.Context(), h.plan(f), nil)
	})
	h.all("without the node", done.New)
	b.start()
	w.back(b)
	if current, _, err := storeOf(b.config.Home).Current(); err != nil || secret.Fingerprint(current) != done.New {
		t.Error(errors.Join(errors.New("the node that was left out has another secret when it is back"), err))
	}
	h.delivered("when it is back")
}
