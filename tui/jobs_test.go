package tui

import (
	"context"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// The loop may end between Update and the command that it returned.
func TestCloseDoesNotWaitForWorkThatNeverBegan(t *testing.T) {
	s := Full(t, 80, 24)
	_, cmd := kit.Begin(s.Shell, func(context.Context, func(hooks.Step)) (struct{}, error) {
		t.Error("work began after the interface had closed")
		return struct{}{}, nil
	}, nil, func(struct{}, error) tea.Cmd { return nil })
	_, doctor := s.Update(kittest.Key("5"))
	closed := make(chan struct{})
	go func() {
		s.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("close waits for work that nobody does")
	}
	s.Settle(tea.Batch(cmd, doctor)) // too late: nothing hangs, nothing is done
	s.Lacks("octocat, with the scopes")
}
