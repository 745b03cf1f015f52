package wizard

import (
	"testing"

	"hookctl/hooks"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
)

// Setting up shows in the terminal's own progress bar and leaves nothing there.
func TestSetupShowsInTheProgressBar(t *testing.T) {
	shown := func(s *wizardScreen) bool { return s.View().ProgressBar != nil }
	s := wizarded(t, 80, 24)
	wizardStates()["wizard-9-working"](s)
	w := s.wizard
	w.apply.stepped(hooks.Step{Target: kittest.TargetWeb, HookID: 4711, Name: "verify", State: hooks.StateRunning})
	if !shown(s) {
		t.Fatal("no progress while it is at work")
	}
	w.apply.job.Drop()
	s.Settle(w.apply.ended(fleet.SetupReport{}, hooks.ErrIncomplete))
	if shown(s) {
		t.Fatal("the bar is left")
	}
}
