package tui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// crowd shows a hundred and more hooks with names that differ at their ends;
// every thirtieth fails, every fortieth is paused.
func crowd(s *screen) {
	s.press("3")
	kinds := []string{"payments-service", "ledger", "identity-provider-integration", "search"}
	zones := []string{"eu-west-1", "us-east-1", "ap-south-1", "staging", "canary"}
	for i := range 120 {
		t := hooks.Target{Owner: []string{"acme-platform", "acme-research"}[i%2], Repo: fmt.Sprintf("%s-%s-%02d", kinds[i%4], zones[i%5], i/20)}
		h := shownHook(int64(5000+i), t, func(h *hooks.Hook) {
			if i%30 == 7 {
				h.LastResponse = hooks.Response{Code: 401, Message: "Invalid HTTP Response: 401"}
			}
			h.Active = i%40 != 11
		})
		s.send(hooksListed{target: t, list: []hooks.Hook{h}})
	}
	s.hooks().secret = secretFacts{fingerprint: "a1b2c3d4", origin: secret.FromEnvFile, changed: noon.AddDate(0, 0, -12)}
}

// unlisted has some repositories refuse to be listed.
func unlisted(s *screen) {
	for i := range 6 {
		t := hooks.Target{Owner: "acme-platform", Repo: fmt.Sprintf("closed-%d", i)}
		s.send(hooksListed{target: t, err: &hooks.Error{Op: "list hooks", Target: t.String(), Status: http.StatusNotFound, Message: "Not Found", Cure: "ask an owner of " + t.String() + " for the admin role", Err: hooks.ErrNotAdmin}})
	}
}

// A box without a text field tells its keys too.
func TestBoxesTellTheirKeys(t *testing.T) {
	for name, want := range map[string]string{"deliveries": "Ask GitHub to send the marked deliveries", "rotating": "Interrupt the rotation"} {
		s := hooked(t, 80, 24)
		hookStates()[name](s)
		under := s.top()
		s.press("?")
		s.shows("Keys in this box", want)
		s.press("?")
		if s.top() != under {
			t.Errorf("%s is not in front again", name)
		}
	}
}

// crowdStates are the screens of a hundred hooks.
func crowdStates() map[string]func(*screen) {
	return map[string]func(*screen){
		"hooks-many":  crowd,
		"hooks-find":  func(s *screen) { crowd(s); s.press("/"); s.typed("canary ledger") },
		"hooks-none":  func(s *screen) { crowd(s); s.press("/"); s.typed("nowhere"); s.press("enter") },
		"hooks-worst": func(s *screen) { crowd(s); unlisted(s); s.press("X", "O") },
		"rotating-many": func(s *screen) {
			crowd(s)
			rot := &s.hooks().rot
			rot.stored(rotationOf(s, append([]string{secret.StepVerified, secret.StepVerified, secret.StepFailed, secret.StepChanged, secret.StepChanged}, slices.Repeat([]string{secret.StepPending}, 3)...)...))
			rot.state = nil
			rot.verb, rot.job, rot.began = "rotate", &job{stop: func() {}}, noon.Add(-20*time.Second)
			s.hooks().watch()
		},
		"rotate-closed": func(s *screen) {
			crowd(s)
			unlisted(s)
			s.send(statusMsg{status: runningStatus()})
			s.hooks().client = must(s.cfg.Hooks())(s.t.(*testing.T))
			s.hooks().waiting = 0
			s.hooks().secret.changed = noon.AddDate(0, 0, -12)
			s.press("r")
		},
		"hooks-closed": func(s *screen) { crowd(s); unlisted(s); s.press("!") },
	}
}

func (p *hooksPage) shownNames() []string {
	out := make([]string, len(p.shown))
	for i, r := range p.shown {
		out[i] = r.Target.String()
	}
	return out
}

// One among a hundred is found by its words, in whichever order; the cursor and
// the marks survive.
func TestHookIsFoundByWords(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	p := s.hooks()
	total := len(p.rows)
	s.shows("120 hooks", "4 failing", "3 paused")
	s.press("x", "/")
	s.typed("canary ledger")
	s.shows(fmt.Sprintf(": %d", len(p.shown)))
	for _, n := range p.shownNames() {
		if !strings.Contains(n, "canary") || !strings.Contains(n, "ledger") {
			t.Fatalf("%s is listed", n)
		}
	}
	if n := len(p.shown); n == 0 || n >= total {
		t.Fatalf("%d of %d are listed", n, total)
	}
	s.typed(" nowhere")
	s.shows("no hook has all of these words")
	s.press("esc")
	if len(p.shown) != total || p.find != "" {
		t.Fatalf("%d of %d are listed after esc", len(p.shown), total)
	}
	s.press("/")
	s.typed("401")
	s.press("enter")
	if len(p.shown) != 4 {
		t.Fatalf("%d hooks are listed for 401", len(p.shown))
	}
	s.shows("1 marked (1 not listed)")
	s.press("X")
	s.shows("5 marked (1 not listed)")
	s.press("I")
	s.shows("1 marked (1 not listed)")
	s.press("esc")
	s.lacks("marked")
	s.press("esc")
	if len(p.shown) != total {
		t.Errorf("%d of %d are listed after everything was taken away", len(p.shown), total)
	}
}

func TestHooksAreSortedAndUnwellOnesFound(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	p := s.hooks()
	names := p.shownNames()
	s.press("e")
	first, _ := p.current()
	if first.level < healthWarn {
		t.Fatalf("e leads to %s, which is well", first.title())
	}
	s.press("e")
	if second, _ := p.current(); second.level < healthWarn || second.key() == first.key() {
		t.Fatalf("e once more leads to %s", second.title())
	}
	s.press("E")
	if r, _ := p.current(); r.key() != first.key() {
		t.Fatalf("E leads to %s and not back", r.title())
	}
	s.press("O")
	s.shows("worst first")
	if p.shown[0].level != healthBad || p.shown[4].level != healthWarn || p.shown[len(p.shown)-1].level > healthGood {
		t.Errorf("the levels are %d, %d … %d", p.shown[0].level, p.shown[4].level, p.shown[len(p.shown)-1].level)
	}
	s.press("O")
	s.shows("latest delivery first")
	s.press("O")
	if !slices.Equal(p.shownNames(), names) {
		t.Error("the order does not come round")
	}
	// Home leads to the first that fails, whatever was looked for.
	s.press("/")
	s.typed("canary")
	s.press("enter")
	p.look()
	if r, _ := p.current(); r.level != healthBad || p.find != "" {
		t.Errorf("the look is at %s, with %q looked for", r.title(), p.find)
	}
}

// What tells the names apart is on screen, in the table and below it.
func TestLongNamesKeepTheirEnds(t *testing.T) {
	for _, w := range []int{60, 80, 120} {
		s := hooked(t, w, 24)
		crowd(s)
		r, _ := s.hooks().current()
		name := r.Target.String()
		if got := strings.Count(s.text(), name[len(name)-12:]); got < 2 {
			t.Errorf("at %d columns %s is not to be known by its end:\n%s", w, name, s.text())
		}
	}
	th := newTheme(true, false)
	for _, c := range []struct {
		text string
		w    int
		want string
	}{{"octo-org/web", 12, "octo-org/web"}, {"acme/service-eu-west-1", 12, "acme…-west-1"}, {"abcdefgh", 7, "abcdef…"}, {"界界界界界界界界", 9, "界…界界界"}, {"x", 0, ""}} {
		if got := th.middle(c.text, c.w); got != c.want {
			t.Errorf("%q in %d columns is %q, not %q", c.text, c.w, got, c.want)
		}
	}
}

// Six repositories that cannot be listed take one line, and a key tells all.
func TestManyProblemsTakeOneLine(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	s.press("!")
	s.shows("everything could be listed")
	unlisted(s)
	s.send(toastOver(s.toast.id))
	s.shows("6 repositories could not be listed; ! shows why")
	s.press("!")
	s.shows("6 repositories could not be listed", "closed-0", "ask an owner")
	for range 40 {
		s.press("j")
	}
	s.shows("closed-5")
}

// Repositories that others administer do not stand in the way of a rotation of
// the rest, but it asks.
func TestRotationAsksAboutRepositoriesOfOthers(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old := must(currentOf(r))(t)
	r.gh.AddRepository("octo-org/closed", githubtest.Repository{Role: "read"})
	r.hooks().kept = append(r.hooks().kept, "octo-org/closed")
	r.press("ctrl+r")
	r.until("the refusal", func() bool { return len(r.hooks().broken) == 1 && r.hooks().waiting == 0 })
	r.press("r")
	r.shows("You do not administer 1 repository.")
	r.press("esc")
	if now := must(currentOf(r))(t); now != old {
		t.Fatal("it was rotated without a yes")
	}
	r.press("r", "y")
	r.shows("Done. u undoes it until")
	if now := must(currentOf(r))(t); now == old || r.gh.Hooks("octo-org/api")[0].Secret != now {
		t.Error("the hooks do not sign with the new secret")
	}
}

// Among many hooks what failed and what is under way is seen first, and how
// long the rest takes.
func TestRotationOfManyShowsWhatMatters(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	rot := &s.hooks().rot
	steps := []string{secret.StepVerified, secret.StepPending, secret.StepFailed, secret.StepChanged}
	state := rotationOf(s, steps...)
	for i := range state.Hooks {
		state.Hooks[i].Step = steps[i%4]
	}
	rot.stored(state)
	rank := -1
	for _, k := range rot.ranked() {
		if rot.steps[k].rank() < rank {
			t.Fatalf("%s stands behind what matters less", k.target)
		}
		rank = rot.steps[k].rank()
	}
	if pace := rot.pace(noon); pace != "" {
		t.Errorf("it says %q of a job that did not begin", pace)
	}
	rot.began = noon.Add(-90 * time.Second)
	// 30 verified, 30 changed and 30 failed are 150 of 240.
	if pace := rot.pace(noon); pace != "1m so far, about 54s left" {
		t.Errorf("it says %q", pace)
	}
	rot.before = 148
	if pace := rot.pace(noon); pace != "" {
		t.Errorf("it says %q after two changes", pace)
	}
}

// What is done to many hooks is told of as a whole, and what failed is found.
func TestManyHooksAtOnceAreToldOfTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	lift := r.gh.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/docs/hooks/*/pings", Status: http.StatusForbidden})
	r.press("X", "P")
	r.shows("waiting for a ping 0/3")
	r.shows("1 of 3 hooks failed")
	r.press("e")
	if h, _ := r.hooks().current(); h.Target.Repo != "docs" {
		t.Errorf("e leads to %s", h.title())
	}
	r.until("the rest", r.idle)
	if b := r.hooks().batch; b.total != 0 || r.progress != nil {
		t.Errorf("left is %+v, and progress %v", b, r.progress)
	}
	lift()
	r.press("P")
	r.shows("done on 3 hooks")
	if r.hooks().told[r.hooks().shown[1].key()].bad {
		t.Error("the failure stays after a success")
	}
}

func currentOf(r *rig) (string, error) {
	value, _, err := r.cfg.Store.Current()
	return value, err
}

// A reason that does not fit into a line is shown in full.
func TestLongReasonsAreShownInFull(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	s.send(hooksListed{target: hooks.Target{Owner: "acme-research-and-development", Repo: "identity-provider-integration"}, err: errors.New("connection reset")})
	s.hooks().client, s.hooks().loaded = must(s.cfg.Hooks())(t), true
	s.press("r")
	s.shows("ctrl+r asks again")
}

// However many repositories answer, all of their hooks are on the list in the
// end, also where the last answers are of no use.
func TestEveryAnswerIsListedInTheEnd(t *testing.T) {
	s := newScreen(t, testConfig(t), 80, 24)
	s.press("3")
	p := s.hooks()
	const n = 240
	p.gen++
	p.waiting, p.total, p.loaded, p.guessed = n+2, n+2, false, p.gen
	judged := 0
	for i := range n {
		tg := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("r", i)}
		before := len(p.rows)
		s.send(hooksListed{gen: p.gen, target: tg, list: []hooks.Hook{{ID: int64(i + 1), Target: tg, Active: true}}})
		if len(p.rows) != before {
			judged++
		}
	}
	if judged == 0 || judged > 60 {
		t.Errorf("the list was made %d times for %d answers", judged, n)
	}
	s.send(hooksListed{gen: p.gen, target: hooks.Target{Owner: "octo-org"}, err: hooks.ErrNotFound, guess: true})
	s.send(hooksListed{gen: p.gen, target: hooks.Target{Owner: "octo-org", Repo: "late"}, err: context.Canceled})
	if len(p.rows) != n || len(p.broken) != 0 {
		t.Fatalf("%d of %d hooks are listed, broken %v", len(p.rows), n, p.broken)
	}
}
