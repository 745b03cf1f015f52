package webhooks

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"

	"github.com/charmbracelet/colorprofile"
)

// crowd shows a hundred and more hooks with names that differ at their ends;
// every thirtieth fails, every fortieth is paused.
func crowd(s *pageScreen) {
	s.Press("3")
	kinds := []string{"payments-service", "ledger", "identity-provider-integration", "search"}
	var all []listed
	zones := []string{"eu-west-1", "us-east-1", "ap-south-1", "staging", "canary"}
	for i := range 120 {
		t := hooks.Target{Owner: []string{"acme-platform", "acme-research"}[i%2], Repo: fmt.Sprintf("%s-%s-%02d", kinds[i%4], zones[i%5], i/20)}
		h := shownHook(int64(5000+i), t)
		switch {
		case i%30 == 7:
			refused(&h)
		case i%40 == 11:
			paused(&h)
		}
		all = append(all, listed{target: t, hooks: []fleet.Hook{h}})
	}
	s.Settle(s.hooks.again(all))
}

// unlisted has some repositories refuse to be listed.
func unlisted(s *pageScreen) {
	var all []listed
	for _, a := range closed() {
		all = append(all, listed{target: a.Target, aside: &a})
	}
	s.Settle(s.hooks.again(all))
}

// closed are repositories that others administer.
func closed() (list []fleet.Aside) {
	for i := range 6 {
		t := hooks.Target{Owner: "acme-platform", Repo: fmt.Sprintf("closed-%d", i)}
		list = append(list, fleet.Aside{Target: t, Err: &hooks.Error{Op: "list hooks", Target: t.String(), Status: http.StatusNotFound, Message: "Not Found", Cure: "ask an owner of " + t.String() + " for the admin role", Err: hooks.ErrNotAdmin}})
	}
	return list
}

// A box without a text field shows its keys too.
func TestBoxesShowTheirKeys(t *testing.T) {
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
			rot.stored(stored(rotationOf(s, append([]string{secret.StepVerified, secret.StepVerified, secret.StepFailed, secret.StepChanged, secret.StepChanged, secret.StepAside}, slices.Repeat([]string{secret.StepPending}, 3)...)...)))
			rot.verb, rot.job, rot.began = "rotate", kittest.Job0(), kittest.Noon.Add(-20*time.Second)
			s.hooks.watch()
		},
		"rotate-aside": func(s *pageScreen) { crowd(s); unlisted(s); counting(s, fleet.RotatePlan{Aside: closed()}) },
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

func TestHooksAreSortedAndProblemsFound(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	p := s.hooks
	names := p.shownNames()
	s.Press("e")
	first, _ := p.current()
	if !needsWork(first) {
		t.Fatalf("e leads to %s, which is healthy", title(first))
	}
	s.Press("e")
	if second, _ := p.current(); !needsWork(second) || second.ID == first.ID {
		t.Fatalf("e once more leads to %s", title(second))
	}
	s.Press("E")
	if h, _ := p.current(); h.ID != first.ID {
		t.Fatalf("E leads to %s and not back", title(h))
	}
	s.Press("O")
	s.Shows("worst first")
	if p.shown[0].Health != fleet.Failing || p.shown[4].Health != fleet.Warning || needsWork(p.shown[len(p.shown)-1]) {
		t.Errorf("the healths are %s, %s … %s", p.shown[0].Health, p.shown[4].Health, p.shown[len(p.shown)-1].Health)
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
	p.worst()
	if h, _ := p.current(); h.Health != fleet.Failing || p.find != "" {
		t.Errorf("the cursor is on %s, with %q looked for", title(h), p.find)
	}
}

// What distinguishes the names is on screen, in the table and below it.
func TestLongNamesKeepTheirEnds(t *testing.T) {
	for _, w := range []int{60, 80, 120} {
		s := hooked(t, w, 24)
		crowd(s)
		r, _ := s.hooks.current()
		name := r.Target.String()
		if got := strings.Count(s.Text(), name[len(name)-12:]); got < 2 {
			t.Errorf("at %d columns %s cannot be recognised by its end:\n%s", w, name, s.Text())
		}
	}
	th := kit.NewTheme(nil, colorprofile.TrueColor, false)
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

// Six repositories that cannot be listed take one line, and a key shows all.
func TestManyProblemsTakeOneLine(t *testing.T) {
	s := hooked(t, 80, 24)
	crowd(s)
	s.Press("!")
	s.Shows("every repository was listed")
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

// A repository that refuses, or that is gone at GitHub, is named and set aside
// without a question; the hooks of the others get the new secret.
func TestRotationSetsAsideWhatGitHubRefuses(t *testing.T) {
	for name, refuse := range map[string]func(*pageRig){
		"admin role lost": func(r *pageRig) { r.GitHub.Grant("octo-org/closed", "read") },
		"deleted":         func(r *pageRig) { r.GitHub.Remove("octo-org/closed") },
	} {
		t.Run(name, func(t *testing.T) {
			r := withHooks(t, "octo-org/api", "octo-org/closed", "octo-org/web")
			old := kittest.Must(currentOf(r))(t)
			refuse(r)
			r.Press("r")
			r.Shows("new secret for 2 hooks")
			r.Shows("1 repository set aside")
			r.Shows("octo-org/closed")
			if now := kittest.Must(currentOf(r))(t); now != old {
				t.Fatal("it began before the count-down was over")
			}
			r.Press("enter")
			r.Until("the end", func() bool { return !r.hooks.rot.busy() })
			now := kittest.Must(currentOf(r))(t)
			for _, name := range []string{"octo-org/api", "octo-org/web"} {
				if now == old || r.GitHub.Hooks(name)[0].Secret != now {
					t.Errorf("%s does not sign with the new secret", name)
				}
			}
			r.Shows("set aside")
			r.Press("esc")
			r.Shows("1 set aside")
		})
	}
}

// A count-down that is cancelled changes nothing, and nothing is left of it.
func TestCountDownCanBeCancelled(t *testing.T) {
	r := withHooks(t, "octo-org/api")
	old := kittest.Must(currentOf(r))(t)
	r.Press("r")
	r.Shows("new secret for 1 hook")
	r.Press("esc")
	if r.hooks.rot.busy() || r.Top() != nil {
		t.Fatal("it is not cancelled")
	}
	if now := kittest.Must(currentOf(r))(t); now != old {
		t.Error("the secret changed")
	}
}

// A count-down that nobody touches starts by itself.
func TestCountDownStartsByItself(t *testing.T) {
	r := withHooks(t, "octo-org/api")
	r.Press("r")
	r.Shows("In 1 s")
	r.Shows("Done. u undoes it until")
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
	rot.stored(stored(state))
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

// What is done to many hooks is reported as a whole, and what failed is found.
func TestManyHooksAtOnceAreReportedTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/docs/hooks/*/pings", Status: http.StatusForbidden})
	r.Press("X", "P")
	r.Shows("waiting for a ping 0/3")
	r.Shows("1 of 3 hooks failed")
	r.Press("e")
	if h, _ := r.hooks.current(); h.Target.Repo != "docs" {
		t.Errorf("e leads to %s", title(h))
	}
	r.Until("the rest", r.idle)
	if b := r.hooks.batch; b.total != 0 || r.Progress != nil {
		t.Errorf("left is %+v, and progress %v", b, r.Progress)
	}
	lift()
	r.Press("P")
	r.Shows("done on 3 hooks")
	if r.hooks.said[keyOf(r.hooks.shown[1])].bad {
		t.Error("the failure stays after a success")
	}
}

func currentOf(r *pageRig) (string, error) {
	value, _, err := r.cfg.Store.Current()
	return value, err
}

// However many repositories answer, all of their hooks are on the list in the
// end, and sorting does not hold the keys.
func TestEveryAnswerIsListedInTheEnd(t *testing.T) {
	s := newHookScreen(t, kittest.QuietSettings(t), 80, 24)
	s.Press("3")
	p := s.hooks
	const n = 240
	p.asking = kittest.Job0()
	p.step(listed{total: n, host: "github.com"})
	arranged, all := 0, fleet.List{}
	for i := range n {
		t := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("r", i)}
		before := len(p.shown)
		all.Hooks = append(all.Hooks, shownHook(int64(i+1), t))
		p.step(listed{target: t, hooks: all.Hooks[i:]})
		if len(p.shown) != before {
			arranged++
		}
	}
	if arranged == 0 || arranged > 60 {
		t.Errorf("the list was sorted %d times for %d answers", arranged, n)
	}
	if len(p.shown) < n-5 {
		t.Errorf("%d of %d hooks are listed before the end", len(p.rows), n)
	}
	s.Settle(p.ended(all, nil))
	if len(p.rows) != n {
		t.Fatalf("%d of %d hooks are listed", len(p.rows), n)
	}
}
