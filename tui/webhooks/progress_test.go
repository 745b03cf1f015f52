package webhooks

import (
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/tui/kittest"
)

// A rotation shows in the terminal's own progress bar and leaves nothing there.
func TestRotationShowsInTheProgressBar(t *testing.T) {
	shown := func(s *pageScreen) bool { return s.View().ProgressBar != nil }
	s := hooked(t, 80, 24)
	hookStates()["rotating"](s)
	s.hooks.stepped(hooks.Step{Target: kittest.TargetAPI, HookID: 4713, Name: secret.StepVerified, State: hooks.StateDone})
	if !shown(s) {
		t.Fatal("no progress while it is at work")
	}
	s.Settle(s.hooks.rotated("rotate", outcome{}, nil))
	if shown(s) {
		t.Fatal("the bar is left")
	}
}
