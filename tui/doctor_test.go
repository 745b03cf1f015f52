package tui

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// examined is the Doctor page after checks of a hundred hooks.
func examined(s *screen) {
	s.press("5")
	p := s.pages[s.at].(*doctorPage)
	p.all, p.checks, p.busy, p.ran = nil, nil, false, true
	for i := range 100 {
		name := fmt.Sprintf("acme-research-and-development/identity-provider-integration-eu-west-%03d", i)
		hook, deliveries := Check{Name: "hook of " + name, Status: "ok", Detail: "active, with 5 events"}, Check{Name: "deliveries of " + name, Status: "ok", Detail: "12 in the last 3 days, all well"}
		if i%30 == 4 {
			deliveries.Status, deliveries.Detail, deliveries.Fix = "fail", "the last one (push, 66 s ago) failed: the signature was wrong", "hookctl rotate --all"
		}
		if i%40 == 5 {
			hook.Status, hook.Detail, hook.Fix = "warn", "it has no secret", "hookctl setup -R "+name
		}
		p.put(hook)
		p.put(deliveries)
	}
	s.send(checksOver{p.gen})
}

// Among two hundred checks what is wrong stands first and is told apart by its
// end, and the rest is found by words.
func TestChecksOfManyHooks(t *testing.T) {
	s := full(t, 80, 24)
	examined(s)
	p := s.pages[4].(*doctorPage)
	s.shows("4 wrong, 3 to look at, 193 well", "eu-west-004", "eu-west-034")
	s.press("/")
	s.typed("west-03 deliv")
	s.shows(": 10")
	s.press("enter")
	if len(p.checks) != 10 || p.checks[0].Status != "fail" {
		t.Fatalf("%d checks are listed, first %+v", len(p.checks), p.checks[0])
	}
	// What is found meanwhile is listed only where it has the words.
	p.put(Check{Name: "deliveries of a/west-03", Status: "warn"})
	p.put(Check{Name: "deliveries of a/east-03", Status: "fail"})
	if len(p.checks) != 11 || len(p.all) != 202 || p.checks[1].Name != "deliveries of a/west-03" {
		t.Errorf("%d of %d checks are listed", len(p.checks), len(p.all))
	}
	s.press("/")
	s.typed(" nothing")
	s.shows("no check has all of these words")
	s.press("enter")
	s.shows("No check has all of these words")
	s.press("esc")
	if len(p.checks) != 202 {
		t.Errorf("%d checks are listed after esc", len(p.checks))
	}
	// Each row can be reached, and the one under the cursor is on screen.
	for range 40 {
		s.press("j")
		if name := p.checks[p.at].Name; !strings.Contains(s.text(), name[len(name)-10:]) {
			t.Fatalf("%s is not on screen:\n%s", name, s.text())
		}
	}
}

// What was mended from here is looked at again.
func TestDoctorLooksAgainAfterACure(t *testing.T) {
	runs := 0
	s := full(t, 80, 24)
	s.cfg.Checks = func(_ context.Context, progress func(Check)) {
		if runs++; runs == 1 {
			progress(Check{Name: "receiver", Status: "fail", Detail: "the receiver is not running", Fix: "hookctl start"})
		}
	}
	s.press("5")
	s.shows("enter: start it")
	s.send(controlled{done: "the receiver is running"})
	s.shows("Nothing is wrong.")
}
