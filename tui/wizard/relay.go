package wizard

import (
	"context"
	"sync"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/server/fleet"
)

// relay is GitHub's relay as a wizard opened it. It outlives that wizard, and
// ends with the interface, or when hooks are set up in another way.
type relay struct {
	stop  context.CancelFunc
	news  chan struct{} // there is something new in steps
	ended chan struct{}
	mu    sync.Mutex
	steps []hooks.Step // how it is, one for each repository
}

// relayStep is the name of the step that a relay has for each repository.
const relayStep = "open relay"

// openRelay opens the relay of the chosen repositories, after the one that was
// open before has ended.
func (w *Wizard) openRelay() (*relay, tea.Cmd) {
	before := w.cfg.Setup.relay
	ctx, stop := context.WithCancel(w.shell.Ctx) // #nosec G118 -- end calls it
	r := &relay{stop: stop, news: make(chan struct{}, 1), ended: make(chan struct{})}
	for _, t := range w.targets() {
		r.steps = append(r.steps, hooks.Step{Target: t, Name: relayStep, State: hooks.StateRunning})
	}
	w.cfg.Setup.relay = r
	f := w.cfg.Fleet
	request := fleet.RelayRequest{
		Targets: w.targets(), Events: w.events.pick.Picked(), Handle: w.cfg.Setup.Relayed,
		Created: func(string) {}, State: r.took, Failed: func(t hooks.Target, err error) { r.took(t, hooks.RelayState{Err: err}) },
	}
	work := w.shell.Work(func() tea.Msg {
		defer close(r.ended)
		before.end()
		if err := f.Relay(ctx, request); err != nil {
			for i := range r.steps { // what concerns them all
				r.mark(i, func(s *hooks.Step) {
					if s.State == hooks.StateRunning {
						s.State, s.Err = hooks.StateFailed, err
					}
				})
			}
		}
		return nil
	})
	return r, tea.Batch(work, w.apply.listen(r))
}

// end ends a relay and waits until its hooks are removed. A nil relay has ended.
func (r *relay) end() {
	if r != nil {
		r.stop()
		<-r.ended
	}
}

// listen waits until something changes.
func (s *applyStep) listen(r *relay) tea.Cmd {
	wait := func(context.Context) error {
		select {
		case <-r.news:
		case <-r.ended:
		}
		return nil
	}
	return s.w.try(wait, func(error) tea.Cmd {
		if s.relay != r {
			return nil
		}
		return s.relayed()
	})
}

// took notes how the relay of a repository is.
func (r *relay) took(target hooks.Target, now hooks.RelayState) {
	for i := range r.steps {
		r.mark(i, func(s *hooks.Step) {
			switch {
			case s.Target != target:
			case now.Connected:
				s.HookID, s.State, s.Err = now.HookID, hooks.StateDone, nil
			case now.Err != nil:
				s.State, s.Err = hooks.StateFailed, now.Err
			}
		})
	}
}

func (r *relay) mark(i int, change func(*hooks.Step)) {
	r.mu.Lock()
	change(&r.steps[i])
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default: // the one who listens sees this too
	}
}

// now is how each repository's relay is. over says that none opens any more.
func (r *relay) now() (steps []hooks.Step, over bool) {
	select {
	case <-r.ended:
		over = true
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(steps, r.steps...), over
}
