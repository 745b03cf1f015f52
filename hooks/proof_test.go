package hooks

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

const (
	proofRounds = 20
	// Beside those, a few rounds take a rotation back, and a few give each hook a secret of its own.
	proofUndos, proofPerHooks = 2, 2
	proofRepos                = 100
	// proofPeriod is the time between two deliveries of one repository.
	proofPeriod = 50 * time.Millisecond
	// proofGrace is more than a round takes on any machine; the test ends it when nothing that the old secret signed is on its way.
	proofGrace = time.Hour
	// proofSeed in the environment repeats the round with that seed.
	proofSeed = "HOOKCTL_PROOF_SEED"
	// rotateChild in the environment makes this test binary a rotation and nothing else.
	rotateChild = "HOOKCTL_TEST_ROTATE"
)

// The proof that a rotation loses nothing. A hundred repositories send signed deliveries throughout. A rotation runs in
// a process of its own and is killed at random moments and resumed. GitHub fails 5 % of the calls, drops the answer
// after acting on 2 %, and delays some. At the end every hook has the new secret, every delivery was accepted, none
// was lost, and the old secret is refused when the grace period is over.
func TestRotationKilledAtAnyMomentLosesNoDelivery(t *testing.T) {
	if text := os.Getenv(proofSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{orderRotate, orderPerHook, orderUndo} {
			t.Run(kind, func(t *testing.T) { proveRotation(t, seed, kind) })
		}
		return
	}
	var kills, deliveries atomic.Int64
	t.Run("rounds", func(t *testing.T) {
		kinds := slices.Concat(slices.Repeat([]string{orderRotate}, proofRounds), slices.Repeat([]string{orderUndo}, proofUndos), slices.Repeat([]string{orderPerHook}, proofPerHooks))
		for round, kind := range kinds {
			seed := rand.Uint64()
			t.Run(fmt.Sprintf("%s %d, %s=%d", kind, round, proofSeed, seed), func(t *testing.T) {
				t.Parallel()
				killed, sent := proveRotation(t, seed, kind)
				kills.Add(int64(killed))
				deliveries.Add(sent)
			})
		}
	})
	if kills.Load() < proofRounds/2 {
		t.Errorf("only %d rotations were killed before they were done", kills.Load())
	}
	t.Logf("%d rounds, %d kills, %d deliveries", proofRounds+proofUndos+proofPerHooks, kills.Load(), deliveries.Load())
}

func proveRotation(t *testing.T, seed uint64, kind string) (kills int, sent int64) {
	p := newProof(t, seed)
	stop := p.traffic()
	defer stop()
	p.awaitRound()
	chance := rand.New(rand.NewPCG(seed, 1))
	if kind == orderUndo {
		p.until(orderRotate, nil)
	}
	before := p.count.Load()
	kills = p.until(kind, chance)
	// However slow the machine is, the traffic has to go on while the secrets change, or it proves nothing.
	if during := p.count.Load() - before; during < proofRepos/10 {
		t.Errorf("only %d deliveries were sent during the rotation", during)
	}
	state := p.state()
	p.awaitRound()
	state.Expires = time.Now()
	for i := range state.Retired {
		state.Retired[i].Expires = state.Expires
	}
	if err := errors.Join(p.store.SaveRotation(state), p.rx.reload()); err != nil {
		t.Fatal(err)
	}
	p.awaitRound()
	stop()
	p.check(state, kind)
	return kills, p.count.Load()
}

func (p *proof100) state() *secret.Rotation {
	p.t.Helper()
	state, err := p.store.Rotation()
	if err != nil {
		p.t.Fatal(err)
	}
	return state
}

// until runs children until what was ordered is promoted. With a chance it kills the first ones at random moments.
func (p *proof100) until(order string, chance *rand.Rand) (kills int) {
	p.t.Helper()
	for range 20 {
		what := order
		if state := p.state(); state != nil && state.Undo == (order == orderUndo) {
			if !state.Promoted.IsZero() {
				return kills
			}
			what = orderResume
		}
		killAfter := never
		if chance != nil && kills < 2 {
			killAfter = chance.IntN(5 * proofRepos / 2) // two for each hook, and what is asked before and again
		}
		if p.run(what, killAfter) {
			kills++
		}
	}
	p.t.Fatal("the rotation does not come to an end")
	return kills
}

// proofSent is what became of a delivery.
type proofSent struct {
	hook int
	ok   bool // it was accepted
}

// proof100 is one round.
type proof100 struct {
	t     *testing.T
	gh    *githubtest.Server
	store *secret.Store
	rx    *proofReceiver
	hooks []Hook
	order childOrder
	sent  sync.Map // GUID → proofSent
	count atomic.Int64
	// each counts the deliveries of every repository.
	each [proofRepos]atomic.Int64
}

func newProof(t *testing.T, seed uint64) *proof100 {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	p := &proof100{t: t, store: storeIn(home)}
	if err := p.store.SetCurrent("old-secret"); err != nil {
		t.Fatal(err)
	}
	p.rx = &proofReceiver{store: p.store, accepted: make(map[string]string), pings: make(map[string]time.Time), changed: make(chan struct{})}
	if err := p.rx.reload(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.rx)
	t.Cleanup(server.Close)
	p.gh = githubtest.New(githubtest.Options{Seed: seed, Resolve: func(string) string { return server.URL + "/webhook" }})
	t.Cleanup(p.gh.Close)
	p.gh.RateLimit(githubtest.RateLimit{Limit: 1 << 30, Remaining: 1 << 30, WritesPerMinute: 1 << 30, WritesPerHour: 1 << 30})
	p.order = childOrder{Socket: filepath.Join(dir, "s"), Home: home, Receiver: server.URL}
	for i := range proofRepos {
		target := Target{Owner: "o", Repo: fmt.Sprint("r", i)}
		p.gh.AddRepository(target.String(), githubtest.Repository{})
		id := p.gh.AddHook(target.String(), githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: hookURL, Secret: "old-secret"}})
		p.hooks = append(p.hooks, Hook{ID: id, Target: target})
		p.order.Repositories, p.order.IDs = append(p.order.Repositories, target.String()), append(p.order.IDs, id)
	}
	if err := p.gh.Start(p.order.Socket); err != nil {
		t.Fatal(err)
	}
	p.gh.Fault(githubtest.Fault{Status: http.StatusBadGateway, Probability: 0.05})
	p.gh.Fault(githubtest.Fault{DropAfter: true, Probability: 0.02})
	p.gh.Fault(githubtest.Fault{Delay: 20 * time.Millisecond, Probability: 0.1})
	return p
}

// traffic sends deliveries of every repository at a steady pace until stop is called, which waits for the last.
func (p *proof100) traffic() (stop func()) {
	const senders = 4
	ctx, cancel := context.WithCancel(p.t.Context())
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			tick := time.NewTicker(proofPeriod * senders / proofRepos)
			defer tick.Stop()
			for n := s; ; n = (n + senders) % proofRepos {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				// What was begun is always finished, so that a delivery is never cut off by the test itself.
				results, err := p.gh.Deliver(context.WithoutCancel(ctx), p.hooks[n].Target.String(), "push", []byte(`{"ref":"refs/heads/main"}`))
				if err != nil || len(results) != 1 {
					p.t.Errorf("send: %d results, %v", len(results), err)
					return
				}
				p.sent.Store(results[0].GUID, proofSent{n, results[0].OK()})
				p.count.Add(1)
				p.each[n].Add(1)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// awaitRound waits until every repository has sent once more.
func (p *proof100) awaitRound() {
	p.t.Helper()
	var before [proofRepos]int64
	for i := range p.each {
		before[i] = p.each[i].Load()
	}
	for i := range p.each {
		await(p.t, p.hooks[i].Target.String()+" to send", func() bool { return p.each[i].Load() > before[i] })
	}
}

// never is more calls than any rotation makes.
const never = 1 << 20

// run starts a child, kills it once it has made some calls, and reports whether it was killed before it was done.
func (p *proof100) run(what string, killAfter int) (killed bool) {
	p.order.What = what
	order, err := json.Marshal(p.order)
	if err != nil {
		p.t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), rotateChild+"="+string(order))
	var stderr strings.Builder
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		p.t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it begins to rotate
		p.t.Errorf("the child says %q, %v, %s", line, err, stderr.String())
	}
	began, ended := len(p.gh.Requests()), make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for len(p.gh.Requests())-began < killAfter {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
		_ = child.Process.Kill()
	})
	err = child.Wait()
	close(ended)
	killer.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && !exit.Exited():
		return true
	case errors.As(err, &exit) && exit.ExitCode() == exitUnfinished:
		return false
	}
	p.t.Errorf("the child: %v: %s", err, stderr.String())
	return false
}

func (p *proof100) check(state *secret.Rotation, kind string) {
	p.t.Helper()
	accepted, failed, missing := p.rx.snapshot(), 0, 0
	var signed [proofRepos]map[string]bool // the fingerprints that a repository signed with
	for i := range signed {
		signed[i] = make(map[string]bool)
	}
	p.sent.Range(func(guid, value any) bool {
		one := value.(proofSent)
		if !one.ok {
			failed++
		}
		print, ok := accepted[guid.(string)]
		if !ok {
			missing++
		}
		signed[one.hook][print] = true
		return true
	})
	if failed > 0 || missing > 0 {
		p.t.Errorf("of %d deliveries %d were refused and %d are not in the log", p.count.Load(), failed, missing)
	}
	for i, prints := range signed {
		if len(prints) < 2 {
			p.t.Errorf("%s sent with one secret only, so nothing was proved: %v", p.hooks[i].Target, prints)
		}
	}
	current, _, err := p.store.Current()
	if err != nil {
		p.t.Fatal(err)
	}
	if (current == "old-secret") != (kind != orderRotate) {
		p.t.Errorf("%s: the current secret is %s", kind, secret.Fingerprint(current))
	}
	for _, h := range p.hooks {
		want := current
		if own, err := p.store.HookSecret(h.ID); err != nil || (own != "") != (kind == orderPerHook) {
			p.t.Errorf("%s: own secret %s, %v", h.Target, secret.Fingerprint(own), err)
		} else if own != "" {
			want = own
		}
		if at := p.gh.Hooks(h.Target.String()); len(at) != 1 || at[0].Secret != want || at[0].URL != hookURL || !at[0].Active {
			p.t.Errorf("%s has %+v", h.Target, at)
		}
		for _, d := range p.gh.Deliveries(h.ID) {
			if !d.OK() {
				p.t.Errorf("%s: GitHub's %s got %d %s", h.Target, d.Event, d.StatusCode, d.Status)
			}
		}
	}
	// A rotation that was killed after its last write, before it called the receiver, leaves this to the receiver, which
	// looks every minute.
	if ended, err := p.store.Expire(time.Now()); !ended || err != nil {
		p.t.Errorf("the state does not go: %v, %v", ended, err)
	}
	if err := p.rx.reload(); err != nil {
		p.t.Fatal(err)
	}
	answers := map[string]int{current: http.StatusOK}
	if kind != orderPerHook { // there the old one stays the shared one
		answers[state.Old] = http.StatusUnauthorized
	}
	for value, want := range answers {
		if status := p.rx.post(p.order.Receiver, value); status != want {
			p.t.Errorf("after the grace period the receiver answers %d, want %d", status, want)
		}
	}
}
