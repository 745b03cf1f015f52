package events

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hookctl/hooks"
)

func TestReplayAndResendAskTheReceiver(t *testing.T) {
	s := eventful(t, 80, 24)
	var asked []string
	s.events.cfg.Replay = func(_ context.Context, files []string) (int, error) {
		asked = slices.Sorted(slices.Values(files))
		return len(files), nil
	}
	s.events.cfg.Resend = func(_ context.Context, files []string) (int, error) {
		asked = files
		return 0, hooks.WithCure(errors.New("no sink is set up"), "run: hookctl setup")
	}
	s.Press("2", "x", "x", "R")
	s.Shows("In 3 s: send 2 records through the receiver again", "enter start now", "esc cancel")
	s.Press("esc")
	s.Lacks("In 3 s")
	if asked != nil {
		t.Errorf("after esc %v were replayed", asked)
	}
	s.Press("R", "R")
	s.Shows("replayed 2 records")
	s.Lacks("marked")
	if want := []string{"20261124_114900_workflow_run.json", "20261124_115500_pull_request.json"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, not %v", asked, want)
	}
	s.Press("g", "S", "enter")
	s.Shows("no sink is set up", "hint: run: hookctl setup")
	if want := []string{"20261124_115500_pull_request.json"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, not %v", asked, want)
	}
}
