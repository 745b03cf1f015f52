package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// together is something that is done to several hooks at once: its outcome is
// shown as a whole.
type together struct {
	what                string
	total, done, failed int
}

// change does something to hooks, each in a command of its own, and lists
// their targets again.
func (p *Page) change(rows []fleet.Hook, busy string, do func(context.Context, *fleet.Fleet, fleet.Hook) (string, error)) tea.Cmd {
	var cmds []tea.Cmd
	all := p.fleet()
	for _, h := range rows {
		if p.busy[keyOf(h)] != "" {
			continue
		}
		p.busy[keyOf(h)] = busy
		delete(p.said, keyOf(h))
		cmds = append(cmds, p.shell.Work(kit.Ask(p.shell, func(ctx context.Context) (string, error) {
			ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
			defer stop()
			return do(ctx, all, h)
		}, func(words string, err error) tea.Cmd { return p.done(keyOf(h), words, err) })))
	}
	if len(cmds) > 1 || p.batch.total > 0 {
		p.batch.what, p.batch.total = busy, p.batch.total+len(cmds)
	}
	return tea.Batch(cmds...)
}

// doneTogether counts one of several hooks, and at last shows what came of all
// of them.
func (p *Page) doneTogether(failed bool) tea.Cmd {
	b := &p.batch
	if b.done++; failed {
		b.failed++
	}
	var progress *tea.ProgressBar
	if b.done < b.total {
		progress = tea.NewProgressBar(tea.ProgressBarDefault, 100*b.done/b.total)
	}
	if !p.rot.busy() {
		p.shell.Progress = progress
	}
	if b.done < b.total {
		return nil
	}
	all := *b
	*b = together{}
	if all.failed > 0 {
		return p.shell.Put(kit.LevelError, fmt.Sprintf("%d of %s failed; e goes to the first", all.failed, text.Count(all.total, "hook")), 8*time.Second)
	}
	return p.shell.Say("done on " + text.Count(all.total, "hook"))
}

// done takes the end of what was done to one hook.
func (p *Page) done(key hookKey, words string, err error) tea.Cmd {
	delete(p.busy, key)
	v := verdict{text: kit.Clean(words), bad: err != nil}
	if err != nil {
		v.text = kit.Clean(err.Error())
		if cure := p.shell.Cure(err); cure != "" {
			v.text += " (hint: " + kit.Clean(cure) + ")"
		}
	}
	cancelled := errors.Is(err, context.Canceled)
	if !cancelled {
		p.said[key] = v
	}
	look := p.look(key.target)
	switch {
	case p.batch.total > 0:
		return tea.Batch(look, p.doneTogether(v.bad))
	case cancelled:
		return look
	case v.bad:
		return tea.Batch(look, p.shell.Put(kit.LevelError, v.text, 8*time.Second))
	}
	return tea.Batch(look, p.shell.Say(v.text))
}

// ping asks for a ping of the chosen hooks and waits until it is in the log.
func (p *Page) ping() tea.Cmd {
	return p.change(p.chosen(), "waiting for a ping", func(ctx context.Context, f *fleet.Fleet, h fleet.Hook) (string, error) {
		proof, err := f.Prove(ctx, h.Hook, 0)
		return fmt.Sprintf("the ping of %s arrived, signed with %s", title(h), proof.Secret) + kit.When(!proof.Current, ", which is not the current secret; r rotates it"), err
	})
}

func (p *Page) test() tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	return p.change([]fleet.Hook{h}, "asking for a test", func(ctx context.Context, f *fleet.Fleet, h fleet.Hook) (string, error) {
		return "GitHub sends the latest push of " + h.Target.String() + " again; it appears among the events", f.Test(ctx, h.Hook)
	})
}

// pause stops the chosen hooks, or lets them go on, as the one under the
// cursor says.
func (p *Page) pause() tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	active, word := !h.Active, "paused"
	if active {
		word = "active again"
	}
	return p.change(p.chosen(), "changing", func(ctx context.Context, f *fleet.Fleet, h fleet.Hook) (string, error) {
		_, err := f.SetActive(ctx, h.Hook, active)
		return title(h) + " is " + word, err
	})
}

// askDelete asks before a hook is gone, and names it.
func (p *Page) askDelete() tea.Cmd {
	h, _ := p.current()
	return p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Delete a hook", Yes: "y", Verb: "delete it", Lines: []string{
		fmt.Sprintf("Delete %s?", title(h)),
		"It delivers to " + h.URL + ".",
		"GitHub forgets the hook and its deliveries; the log keeps what arrived.",
	}, Run: func() tea.Cmd {
		return p.change([]fleet.Hook{h}, "deleting", func(ctx context.Context, f *fleet.Fleet, h fleet.Hook) (string, error) {
			return title(h) + " is deleted", f.Delete(ctx, h.Hook)
		})
	}})
}

func catchupCommand(rows []fleet.Hook) string { return "hookctl catchup" + targetFlags(rows) }

// CatchUp fetches from GitHub what never arrived, and records it.
type CatchUp func(context.Context, fleet.CatchUpRequest) (fleet.CatchUpReport, error)

// catchup fetches from GitHub what never arrived, on the targets of some hooks,
// and has the receiver record it; taken adds what GitHub calls delivered and the log lacks. A box, nil for none, is loaded again.
func (p *Page) catchup(rows []fleet.Hook, taken bool, box *deliveries) tea.Cmd {
	targets := targetsOf(rows)
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.String()
	}
	fetch := p.cfg.CatchUp
	return tea.Batch(p.shell.Say("fetching missing events of "+kit.Some(names, 2)), p.shell.Work(kit.Get(p.shell, func(ctx context.Context) (fleet.CatchUpReport, error) {
		ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
		defer stop()
		return fetch(ctx, fleet.CatchUpRequest{Targets: targets, Taken: taken})
	}, func(report fleet.CatchUpReport) tea.Cmd {
		words := text.Count(report.Recorded, "event was missing and is", "events were missing and are") + " recorded now"
		if report.Recorded == 0 {
			words = "no event was missing"
		}
		said := p.shell.Say(words)
		if box == nil {
			return said
		}
		return tea.Batch(said, box.load())
	})))
}
