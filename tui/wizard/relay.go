package wizard

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// relay is GitHub's relay as a wizard opened it. It outlives that wizard, and
// ends with the interface, or when hooks are set up in another way.
type relay struct {
	*kit.Job
	ended chan struct{}
}

// end ends a relay and waits until its hooks are removed. A nil relay has ended.
func (r *relay) end() {
	if r != nil {
		r.Stop()
		<-r.ended
	}
}

// relayStep is the name of the step that a relay has for each repository.
const relayStep = "open relay"

// openRelay opens the relay of the chosen repositories, after the one that was
// open before has ended.
func (s *applyStep) openRelay() tea.Cmd {
	w, f, before, r := s.w, s.w.cfg.Fleet, s.w.cfg.Setup.relay, &relay{ended: make(chan struct{})}
	job := &progress{under: true}
	request := fleet.RelayRequest{Targets: w.targets(), Events: w.events.pick.Picked(), Handle: w.cfg.Setup.Relayed, Created: func(string) {}}
	for _, t := range request.Targets {
		job.took(hooks.Step{Target: t, Name: relayStep, State: hooks.StateRunning})
	}
	var cmd tea.Cmd
	r.Job, cmd = kit.Begin(w.shell, func(ctx context.Context, report func(hooks.Step)) (struct{}, error) {
		defer close(r.ended)
		before.end()
		request.State = func(t hooks.Target, now hooks.RelayState) {
			switch {
			case now.Connected:
				report(hooks.Step{Target: t, HookID: now.HookID, Name: relayStep, State: hooks.StateDone})
			case now.Err != nil:
				report(hooks.Step{Target: t, Name: relayStep, State: hooks.StateFailed, Err: now.Err})
			}
		}
		request.Failed = func(t hooks.Target, err error) { request.State(t, hooks.RelayState{Err: err}) }
		return struct{}{}, f.Relay(ctx, request)
	}, func(step hooks.Step) tea.Cmd {
		job.took(step)
		return s.relayed(job, false)
	}, func(_ struct{}, err error) tea.Cmd {
		for i, step := range job.shown {
			if step.State == hooks.StateRunning && err != nil { // it concerns them all
				job.shown[i].State, job.shown[i].Err = hooks.StateFailed, err
			}
		}
		return s.relayed(job, true)
	})
	job.Job, s.job, w.cfg.Setup.relay = r.Job, job, r
	return cmd
}

// relayed takes up how the relay is. It is set up once every repository's is
// open; from then on it opens again by itself what breaks.
func (s *applyStep) relayed(job *progress, over bool) tea.Cmd {
	waiting := slices.ContainsFunc(job.shown, func(step hooks.Step) bool { return step.State == hooks.StateRunning })
	switch _, failed := job.done(); {
	case job != s.job || !job.under || waiting && !over:
		return nil
	case waiting:
		s.err = errStopped
	case failed > 0:
		s.err = hooks.ErrIncomplete
	}
	job.under, s.w.shell.Progress = false, nil
	return s.finish()
}
