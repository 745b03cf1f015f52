package webhooks

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
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// crowd shows a hundred and more hooks with names that differ at their ends;
// every thirtieth fails, every fortieth is paused.
func crowd(s *pageScreen) {
	s.Press("3")
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
		s.Send(hooksListed{target: t, list: []hooks.Hook{h}})
	}
	s.hooks.secret = secretFacts{fingerprint: "a1b2c3d4", origin: secret.FromEnvFile, changed: kittest.Noon.AddDate(0, 0, -12)}
}

// unlisted has some repositories refuse to be listed.
func unlisted(s *pageScreen) {
	for i := range 6 {
		t := hooks.Target{Owner: "acme-platform", Repo: fmt.Sprintf("closed-%d", i)}
		s.Send(hooksListed{target: t, err: &hooks.Error{Op: "list hooks", Target: t.String(), Status: http.StatusNotFound, Message: "Not Found", Cure: "ask an owner of " + t.String() + " for the admin role", Err: hooks.ErrNotAdmin}})
	}
}

// A box without a text field tells its keys too.
func TestBoxesTellTheirKeys(t *testing.T) {
	for name, want := range map[string]string{"deliveries": "Ask GitHub to send the marked deliveries", "rotating": "Interrupt the rotation"} {
		s := hooked(t, 80, 24)
		hookStates()[name](s)
		under := s.Top()
		s.Press("?")
		s.Shows("Keys in this box", want)
		s.Press("?")
		if s.Top() != under {
			t.Errorf("%s is not in front again", name)
		}
	}
}

// crowdStates are the screens of a hundred hooks.
func crowdStates() map[string]func(*pageScreen) {
	return map[string]func(*pageScreen){
		"hooks-many":  crowd,
		"hooks-find":  func(s *pageScreen) { crowd(s); s.Press("/"); s.Typed("canary ledger") },
		"hooks-none":  func(s *pageScreen) { crowd(s); s.Press("/"); s.Typed("nowhere"); s.Press("enter") },
		"hooks-worst": func(s *pageScreen) { crowd(s); unlisted(s); s.Press("X", "O") },
		"rotating-many": func(s *pageScreen) {
			crowd(s)
			rot := &s.hooks.rot
			rot.stored(rotationOf(s, append([]string{secret.StepVerified, secret.StepVerified, secret.StepFailed, secret.StepChanged, secret.StepChanged}, slices.Repeat([]string{secret.StepPending}, 3)...)...))
			rot.state = nil
			rot.verb, rot.job, rot.began = "rotate", &kit.Job[hooks.Step]{Stop: func() {}}, kittest.Noon.Add(-20*time.Second)
			s.hooks.watch()
		},
		"rotate-closed": func(s *pageScreen) {
			crowd(s)
			unlisted(s)
			s.Send(kittest.Says(kittest.RunningStatus(), nil))
			s.hooks.client = kittest.Must(s.Cfg.Hooks())(s.T)
			s.hooks.waiting = 0
			s.hooks.secret.changed = kittest.Noon.AddDate(0, 0, -12)
			s.Press("r")
		},
		"hooks-closed": func(s *pageScreen) { crowd(s); unlisted(s); s.Press("!") },
	}
}

func (p *Page) shownNames() []string {
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
	p := s.hooks
	total := len(p.rows)
	s.Shows("120 hooks", "4 failing", "3 paused")
	s.Press("x", "/")
	s.Typed("canary ledger")
	s.Shows(fmt.Sprintf(": %d", len(p.shown)))
	for _, n := range p.shownNames() {
		if !strings.Contains(n, "canary") || !strings.Contains(n, "ledger") {
			t.Fatalf("%s is listed", n)
		}
	}
	if n := len(p.shown); n == 0 || n >= total {
		t.Fatalf("%d of %d are listed", n, total)
	}
	s.Typed(" nowhere")
	s.Shows("no hook has all of these words")
	s.Press("esc")
	if len(p.shown) != total || p.find != "" {
		t.Fatalf("%d of %d are listed after esc", len(p.shown), total)
	}
	s.Press("/")
	s.Typed("401")
	s.Press("enter")
	if len(p.shown) != 4 {
		t.Fatalf("%d hooks are listed for 401", len(p.shown))
	}
	s.Shows("1 marked (1 not listed)")
	s.Press("X")
	s.Shows("5 marked (1 not listed)")
	s.Press("I")
	s.Shows("1 marked (1 not listed)")
	s.Press("esc")
	s.Lacks("marked")
	s.Press("esc")
	if len(p.shown) != total {
		t.Errorf("%d of %d are listed after everything was taken away", len(p.shown), total)
	}
}

func TestHooksAreSortedAndUnwellOnesFound(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	p := s.hooks
	names := p.shownNames()
	s.Press("e")
	first, _ := p.current()
	if first.level < healthWarn {
		t.Fatalf("e leads to %s, which is well", first.title())
	}
	s.Press("e")
	if second, _ := p.current(); second.level < healthWarn || second.key() == first.key() {
		t.Fatalf("e once more leads to %s", second.title())
	}
	s.Press("E")
	if r, _ := p.current(); r.key() != first.key() {
		t.Fatalf("E leads to %s and not back", r.title())
	}
	s.Press("O")
	s.Shows("worst first")
	if p.shown[0].level != healthBad || p.shown[4].level != healthWarn || p.shown[len(p.shown)-1].level > healthGood {
		t.Errorf("the levels are %d, %d … %d", p.shown[0].level, p.shown[4].level, p.shown[len(p.shown)-1].level)
	}
	s.Press("O")
	s.Shows("latest delivery first")
	s.Press("O")
	if !slices.Equal(p.shownNames(), names) {
		t.Error("the order does not come round")
	}
	// Home leads to the first that fails, whatever was looked for.
	s.Press("/")
	s.Typed("canary")
	s.Press("enter")
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
		r, _ := s.hooks.current()
		name := r.Target.String()
		if got := strings.Count(s.Text(), name[len(name)-12:]); got < 2 {
			t.Errorf("at %d columns %s is not to be known by its end:\n%s", w, name, s.Text())
		}
	}
	th := kit.NewTheme(true, false)
	for _, c := range []struct {
		text string
		w    int
		want string
	}{{"octo-org/web", 12, "octo-org/web"}, {"acme/service-eu-west-1", 12, "acme…-west-1"}, {"abcdefgh", 7, "abcdef…"}, {"界界界界界界界界", 9, "界…界界界"}, {"x", 0, ""}} {
		if got := th.Middle(c.text, c.w); got != c.want {
			t.Errorf("%q in %d columns is %q, not %q", c.text, c.w, got, c.want)
		}
	}
}

// Six repositories that cannot be listed take one line, and a key tells all.
func TestManyProblemsTakeOneLine(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	s.Press("!")
	s.Shows("everything could be listed")
	unlisted(s)
	s.Send(kit.ToastOver(s.Toast.ID))
	s.Shows("6 repositories could not be listed; ! shows why")
	s.Press("!")
	s.Shows("6 repositories could not be listed", "closed-0", "ask an owner")
	for range 40 {
		s.Press("j")
	}
	s.Shows("closed-5")
}

// Repositories that others administer do not stand in the way of a rotation of
// the rest, but it asks.
func TestRotationAsksAboutRepositoriesOfOthers(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old := kittest.Must(currentOf(r))(t)
	r.GitHub.AddRepository("octo-org/closed", githubtest.Repository{Role: "read"})
	r.hooks.kept = append(r.hooks.kept, "octo-org/closed")
	r.Press("ctrl+r")
	r.Until("the refusal", func() bool { return len(r.hooks.broken) == 1 && r.hooks.waiting == 0 })
	r.Press("r")
	r.Shows("You do not administer 1 repository.")
	r.Press("esc")
	if now := kittest.Must(currentOf(r))(t); now != old {
		t.Fatal("it was rotated without a yes")
	}
	r.Press("r", "y")
	r.Shows("Done. u undoes it until")
	if now := kittest.Must(currentOf(r))(t); now == old || r.GitHub.Hooks("octo-org/api")[0].Secret != now {
		t.Error("the hooks do not sign with the new secret")
	}
}

// Among many hooks what failed and what is under way is seen first, and how
// long the rest takes.
func TestRotationOfManyShowsWhatMatters(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	rot := &s.hooks.rot
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
	if pace := rot.pace(kittest.Noon); pace != "" {
		t.Errorf("it says %q of a job that did not begin", pace)
	}
	rot.began = kittest.Noon.Add(-90 * time.Second)
	// 30 verified, 30 changed and 30 failed are 150 of 240.
	if pace := rot.pace(kittest.Noon); pace != "1m so far, about 54s left" {
		t.Errorf("it says %q", pace)
	}
	rot.before = 148
	if pace := rot.pace(kittest.Noon); pace != "" {
		t.Errorf("it says %q after two changes", pace)
	}
}

// What is done to many hooks is told of as a whole, and what failed is found.
func TestManyHooksAtOnceAreToldOfTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/docs/hooks/*/pings", Status: http.StatusForbidden})
	r.Press("X", "P")
	r.Shows("waiting for a ping 0/3")
	r.Shows("1 of 3 hooks failed")
	r.Press("e")
	if h, _ := r.hooks.current(); h.Target.Repo != "docs" {
		t.Errorf("e leads to %s", h.title())
	}
	r.Until("the rest", r.idle)
	if b := r.hooks.batch; b.total != 0 || r.Progress != nil {
		t.Errorf("left is %+v, and progress %v", b, r.Progress)
	}
	lift()
	r.Press("P")
	r.Shows("done on 3 hooks")
	if r.hooks.told[r.hooks.shown[1].key()].bad {
		t.Error("the failure stays after a success")
	}
}

func currentOf(r *pageRig) (string, error) {
	value, _, err := r.cfg.Store.Current()
	return value, err
}

// A reason that does not fit into a line is shown in full.
func TestLongReasonsAreShownInFull(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	s.Send(hooksListed{target: hooks.Target{Owner: "acme-research-and-development", Repo: "identity-provider-integration"}, err: errors.New("connection reset")})
	s.hooks.client, s.hooks.loaded = kittest.Must(s.Cfg.Hooks())(t), true
	s.Press("r")
	s.Shows("ctrl+r asks again")
}

// However many repositories answer, all of their hooks are on the list in the
// end, also where the last answers are of no use.
func TestEveryAnswerIsListedInTheEnd(t *testing.T) {
	s := newHookScreen(t, kittest.QuietSettings(t), 80, 24)
	s.Press("3")
	p := s.hooks
	const n = 240
	p.gen++
	p.waiting, p.total, p.loaded, p.guessed = n+2, n+2, false, p.gen
	judged := 0
	for i := range n {
		tg := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("r", i)}
		before := len(p.rows)
		s.Send(hooksListed{gen: p.gen, target: tg, list: []hooks.Hook{{ID: int64(i + 1), Target: tg, Active: true}}})
		if len(p.rows) != before {
			judged++
		}
	}
	if judged == 0 || judged > 60 {
		t.Errorf("the list was made %d times for %d answers", judged, n)
	}
	s.Send(hooksListed{gen: p.gen, target: hooks.Target{Owner: "octo-org"}, err: hooks.ErrNotFound, guess: true})
	s.Send(hooksListed{gen: p.gen, target: hooks.Target{Owner: "octo-org", Repo: "late"}, err: context.Canceled})
	if len(p.rows) != n || len(p.broken) != 0 {
		t.Fatalf("%d of %d hooks are listed, broken %v", len(p.rows), n, p.broken)
	}
}
