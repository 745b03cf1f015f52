package wizard

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// relayStep is the name of the step that a relay has for each repository.
const relayStep = "open relay"

// openRelay opens the relay of the chosen repositories, after the one that was
// open before has ended.
func (s *applyStep) openRelay() (cmd tea.Cmd) {
	w, f, before := s.w, s.w.cfg.Fleet, s.w.cfg.Setup.relay
	job := &progress{under: true}
	request := fleet.RelayRequest{Targets: w.targets(), Events: w.events.pick.Picked(), Handle: w.cfg.Setup.Relayed, Created: func(string) {}}
	for _, t := range request.Targets {
		job.took(hooks.Step{Target: t, Name: relayStep, State: hooks.StateRunning})
	}
	job.Job, cmd = kit.Begin(w.shell, func(ctx context.Context, report func(hooks.Step)) (struct{}, error) {
		before.End()
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
	s.job, w.cfg.Setup.relay = job, job.Job
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
