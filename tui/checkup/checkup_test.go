package checkup

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"hookctl/server/doctor"
	"hookctl/tui/kit"
)

// examined is the Doctor page after checks of a hundred hooks.
func examined(s *pageScreen) {
	s.Press("5")
	p := s.doctor
	p.all, p.checks = nil, nil
	for i := range 100 {
		name := fmt.Sprintf("acme-research-and-development/identity-provider-integration-eu-west-%03d", i)
		hook, deliveries := doctor.Check{Name: "hook of " + name, Status: "ok", Detail: "active, with 5 events"}, doctor.Check{Name: "deliveries of " + name, Status: "ok", Detail: "12 in the last 3 days, all delivered"}
		if i%30 == 4 {
			deliveries.Status, deliveries.Detail, deliveries.Fix = "fail", "the last one (push, 1 min ago) failed: the signature was wrong", "hookctl rotate --all"
		}
		if i%40 == 5 {
			hook.Status, hook.Detail, hook.Fix = "warn", "it has no secret", "hookctl setup -R "+name
		}
		p.put(hook)
		p.put(deliveries)
	}
}

// Among two hundred checks the failed ones stand first, each with its whole name, the passed ones are folded, and any is found by
// words.
func TestChecksOfManyHooks(t *testing.T) {
	s := checking(t, 80, 24)
	examined(s)
	p := s.doctor
	s.Shows("4 failed, 3 warnings, 193 passed", "eu-west-004", "eu-west-034")
	s.Press("/")
	s.Typed("west-03 deliv")
	s.Shows(": 10")
	s.Press("enter")
	if len(p.checks) != 10 || p.checks[0].Status != "fail" {
		t.Fatalf("%d checks are listed, first %+v", len(p.checks), p.checks[0])
	}
	// What is found in the meantime is listed only where it has the words.
	p.put(doctor.Check{Name: "deliveries of a/west-03", Status: "warn"})
	p.put(doctor.Check{Name: "deliveries of a/east-03", Status: "fail"})
	if len(p.checks) != 11 || len(p.all) != 202 || p.checks[1].Name != "deliveries of a/west-03" {
		t.Errorf("%d of %d checks are listed", len(p.checks), len(p.all))
	}
	s.Press("/")
	s.Typed(" nothing")
	s.Shows("no check has all of these words")
	s.Press("enter")
	s.Shows("No check has all of these words")
	s.Press("esc")
	if len(p.checks) != 10 {
		t.Errorf("%d rows are listed after esc", len(p.checks))
	}
	s.Press("G")
	s.Shows("193 passed", "enter show them")
	s.Press("enter")
	s.Shows("enter hide them")
	if len(p.checks) != 203 || p.checks[p.At].Status != fold {
		t.Errorf("%d rows are listed, the cursor is on %+v", len(p.checks), p.checks[p.At])
	}
	// Each row can be reached, and the one under the cursor is on screen.
	for range 40 {
		s.Press("j")
		if name := p.checks[p.At].Name; !strings.Contains(s.Text(), name[len(name)-10:]) {
			t.Fatalf("%s is not on screen:\n%s", name, s.Text())
		}
	}
}

// What was fixed from here is looked at again.
func TestDoctorLooksAgainAfterACure(t *testing.T) {
	runs := 0
	s := checking(t, 80, 24)
	s.doctor.cfg.Checks = func(_ context.Context, progress func(doctor.Check)) {
		if runs++; runs == 1 {
			progress(doctor.Check{Name: "receiver", Status: "fail", Detail: "the receiver is not running", Fix: "hookctl start"})
		}
	}
	s.Press("5")
	s.Shows("enter: start it")
	s.Send(kit.Controlled{Done: "the receiver is running"})
	s.Shows("All checks passed.")
}

func TestWhoseDeliveriesAFixCatchesUpWith(t *testing.T) {
	for fix, want := range map[string]string{
		"hookctl catchup -R octo-org/api":                                 "octo-org/api",
		"hookctl catchup --org octo-org; hookctl catchup -R octo-org/web": "octo-org",
		"hookctl rotate; hookctl catchup -R octo-org/web":                 "octo-org/web",
	} {
		if got := missedOf(fix); got != want {
			t.Errorf("%q is of %q, not %q", fix, got, want)
		}
	}
}

// Where nothing failed, the page shows what was checked.
func TestDoctorListsWhatPassed(t *testing.T) {
	s := checking(t, 80, 24)
	s.doctor.cfg.Checks = func(_ context.Context, progress func(doctor.Check)) {
		for _, name := range []string{"home", "log", "secret"} {
			progress(doctor.Check{Name: name, Status: doctor.OK, Detail: "found"})
		}
	}
	s.Press("5")
	s.Shows("All checks passed.", "home", "✓ log  found", "✓ secret  found")
	s.Lacks("3 passed", "2 passed")
}

// What was not checked is neither good nor bad: it has a mark and a count of its own.
func TestDoctorListsWhatWasNotChecked(t *testing.T) {
	s := checking(t, 80, 24)
	s.doctor.cfg.Checks = func(_ context.Context, progress func(doctor.Check)) {
		progress(doctor.Check{Name: "log", Status: doctor.OK, Detail: "found"})
		progress(doctor.Check{Name: "home", Status: doctor.OK, Detail: "found"})
		progress(doctor.Check{Name: "service", Status: doctor.Unknown, Detail: "not installed"})
	}
	s.Press("5")
	s.Shows("2 checks passed, 1 not checked", "◌ service", "✓ log  found")
	s.Lacks("All checks passed")
}

func TestCommandInAFix(t *testing.T) {
	for fix, want := range map[string]string{
		"hookctl start":                                    "hookctl start",
		"start it there: hookctl start":                    "hookctl start",
		"hookctl sync list; then: hookctl sync apply k":    "hookctl sync list",
		"chmod 700 /home/mona/.atlas":                      "chmod 700 /home/mona/.atlas",
		"correct the DNS entry, or start the tunnel again": "",
		"allow hookctl under System Settings":              "",
		"":                                                 "",
	} {
		if got := commandIn(fix); got != want {
			t.Errorf("%q has %q, not %q", fix, got, want)
		}
	}
}

// What no key can do is not offered as a repair.
func TestWordsAloneAreNoRepair(t *testing.T) {
	p := New(&kit.Shell{}, Config{Checks: func(context.Context, func(doctor.Check)) {}})
	for fix, label := range map[string]string{"correct the DNS entry, or start the tunnel again": "", "start it there: chmod 700 x": "copy the command"} {
		p.checks = []doctor.Check{{Name: "public URL", Status: doctor.Fail, Fix: fix}}
		if act, _ := kit.Find(p.Actions(), "enter"); act.Off == "" && act.Label != label || (act.Off == "") != (label != "") {
			t.Errorf("%q: %q, off: %q", fix, act.Label, act.Off)
		}
	}
}
