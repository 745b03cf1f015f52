package wizard

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// save keeps what is chosen.
func (w *Wizard) save() tea.Cmd {
	w.chosen = true
	return w.write(&fleet.Draft{
		Step: w.at, Repositories: w.repos.pick.Picked(), URL: w.address.url(), Events: w.events.pick.Picked(),
		Nobody: !w.notify.on[notifyAgent], Agent: w.notify.agent(), Also: w.notify.chosen().Also,
	})
}

// write saves a draft, or removes it for nil: the wizard is done.
func (w *Wizard) write(d *fleet.Draft) tea.Cmd {
	w.saves++
	file, number := w.file, w.saves
	return kit.Try(w.shell, func(context.Context) error { return file.Save(number, d) }, w.shell.Fail)
}

// restore reads the draft.
func (w *Wizard) restore() tea.Cmd {
	return kit.Ask(w.shell, func(context.Context) (*fleet.Draft, error) {
		if d, found := w.file.Read(); found {
			return &d, nil
		}
		return nil, nil
	}, func(d *fleet.Draft, _ error) tea.Cmd {
		if d == nil || w.at != stepSignIn {
			return nil
		}
		return w.restored(*d)
	})
}

// restored takes the draft up, and goes on there.
func (w *Wizard) restored(d fleet.Draft) tea.Cmd {
	w.chosen = true
	for _, t := range d.Targets() {
		w.repos.pick.On[t.String()] = true
	}
	w.repos.pick.Set(w.repos.pick.Items)
	if d.URL != "" {
		w.address.choose(text.Clean(d.URL))
		w.address.touched = true
	}
	if len(d.Events) > 0 {
		clear(w.events.pick.On)
		for _, e := range d.Events {
			w.events.pick.On[text.Clean(e)] = true
		}
		w.events.pick.Set(EventItems(w.events.orgs))
	}
	if d.Agent != "" {
		w.notify.input.SetValue(text.Clean(d.Agent))
	}
	w.notify.on[notifyAgent] = !d.Nobody
	for i, c := range fleet.AlsoChoices() {
		w.notify.on[notifyAlso+i] = slices.Contains(d.Also, c.Value)
	}
	// The receiver may have stopped since, and GitHub have changed.
	w.goal = min(d.Step, stepReceiver)
	return w.jump()
}

// jump goes on where the wizard was left, once the sign-in holds, while that is on screen.
func (w *Wizard) jump() tea.Cmd {
	if w.goal == stepSignIn || !w.signIn.ok() || !w.on(stepSignIn) {
		return nil
	}
	if _, err := w.address.check(); err != nil { // also one that was insisted on: it is asked for again
		w.goal = min(w.goal, stepURL)
	}
	to := w.goal
	w.goal = stepSignIn
	return tea.Batch(w.open(to), w.repos.open(), w.shell.Say("continuing where you left off; esc goes back"))
}
