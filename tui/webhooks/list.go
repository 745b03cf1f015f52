package webhooks

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// listed is what the fleet says of one target: its hooks, or why it is set
// aside. The first step of a load has none, and says how many will come.
type listed struct {
	target hooks.Target
	hooks  []fleet.Hook
	aside  *fleet.Aside
	total  int
	host   string
}

// askAgain is how old the list may be when the page comes back to the front;
// reloading it by hand asks at once.
const askAgain = time.Minute

// fleet is every hook of this receiver, read from the log that is open.
func (p *Page) fleet() *fleet.Fleet {
	if l := p.cfg.Log.Value; l != nil {
		return p.cfg.Fleet.With(l)
	}
	return p.cfg.Fleet
}

// load asks for the hooks of every known target; wide, of every repository that
// the user administers, and those with hooks of ours are remembered.
func (p *Page) load(wide bool) tea.Cmd {
	if p.cfg.Fleet == nil || p.cfg.Log.Value == nil && p.cfg.Log.Err == nil {
		return nil // the log says what to ask, and it is being opened
	}
	p.asking.Drop()
	p.cut, p.total, p.answered, p.problem = false, 0, 0, nil
	all, public := p.fleet(), p.cfg.Receiver.Value.PublicURL
	var ask tea.Cmd
	p.asking, ask = kit.Begin(p.shell, func(ctx context.Context, report func(listed)) (fleet.List, error) {
		return list(ctx, all, wide, report)
	}, p.step, p.ended)
	p.public = public
	return tea.Batch(ask, p.readRotation())
}

// list asks the fleet and passes on what it says, target by target.
func list(ctx context.Context, all *fleet.Fleet, wide bool, progress func(listed)) (l fleet.List, err error) {
	targets, err := all.Targets(ctx)
	if err != nil {
		return l, err
	}
	client, err := all.GitHub()
	if err != nil {
		return l, err
	}
	if wide {
		found, err := client.Repositories(ctx, hooks.RepositoryQuery{})
		if err != nil {
			return l, err
		}
		for _, r := range found {
			targets = append(targets, r.Target())
		}
	}
	progress(listed{total: len(targets), host: client.Host()})
	l, err = all.List(ctx, fleet.ListRequest{Targets: targets, Each: func(t hooks.Target, list []fleet.Hook, aside *fleet.Aside) {
		progress(listed{target: t, hooks: list, aside: aside})
	}})
	if err == nil && wide {
		err = all.Remember(ctx, targetsOf(l.Ours())...)
	}
	return l, err
}

// loading reports whether GitHub is being asked for the list.
func (p *Page) loading() bool { return p.asking.Busy() }

// take puts what the fleet says of a target in the place of what it said before.
func (p *Page) take(m listed) {
	if m.host != "" {
		p.total, p.host = m.total, m.host
		return
	}
	p.rows = slices.DeleteFunc(p.rows, func(h fleet.Hook) bool { return h.Target == m.target })
	p.aside = slices.DeleteFunc(p.aside, func(a fleet.Aside) bool { return a.Target == m.target })
	if m.aside != nil {
		p.aside = append(p.aside, *m.aside)
	}
	for _, h := range m.hooks {
		p.rows = append(p.rows, cleaned(h))
	}
}

// step takes an answer of the load under way.
func (p *Page) step(m listed) tea.Cmd {
	p.take(m)
	if m.host == "" {
		p.answered++
	}
	// Every answer is shown at once where they are few; sorting thousands again
	// for each of thousands would hold the keys.
	if p.answered%(1+p.total/50) == 0 {
		p.arrange()
	}
	return nil
}

// ended takes the end of a load. A target that nobody knows any more is gone
// from the list then.
func (p *Page) ended(l fleet.List, err error) tea.Cmd {
	p.loaded = true
	if p.problem = err; err == nil {
		p.asked = p.shell.Now()
		p.rows, p.aside = nil, l.Aside
		for _, h := range l.Hooks {
			p.rows = append(p.rows, cleaned(h))
		}
	}
	p.arrange()
	if target := p.missed; target != "" {
		p.missed = ""
		return p.openMissed(target)
	}
	return nil
}

// look asks for some targets once more, as after a change.
func (p *Page) look(targets ...hooks.Target) tea.Cmd {
	if len(targets) == 0 {
		return nil
	}
	all := p.fleet()
	return kit.Get(p.shell, func(ctx context.Context) (out []listed, err error) {
		_, err = all.List(ctx, fleet.ListRequest{Targets: targets, Each: func(t hooks.Target, list []fleet.Hook, aside *fleet.Aside) {
			out = append(out, listed{target: t, hooks: list, aside: aside})
		}})
		return out, err
	}, p.again)
}

// again takes the answers of targets that were asked for once more.
func (p *Page) again(list []listed) tea.Cmd {
	for _, m := range list {
		p.take(m)
	}
	p.arrange()
	return nil
}

// arrange sorts what was listed, forgets the marks of hooks that are gone, and keeps the cursor on its hook.
func (p *Page) arrange() {
	slices.SortFunc(p.rows, fleet.Compare)
	slices.SortFunc(p.aside, func(a, b fleet.Aside) int {
		return strings.Compare(strings.ToLower(a.Target.String()), strings.ToLower(b.Target.String()))
	})
	marks := map[hookKey]bool{}
	for _, h := range p.marked() {
		marks[keyOf(h)] = true
	}
	p.marks = marks
	p.choose()
}

// heard takes new records of the log. What they say of a hook is the fleet's to
// judge, so it is asked where its answer may be another one now: about a hook
// that was not healthy, and about a ping of a hook that is not listed.
func (p *Page) heard(news kit.News[logs.Entry]) tea.Cmd {
	if !p.loaded || p.cut {
		return nil
	}
	var targets []hooks.Target
	unknown := false
	for _, e := range news {
		if e.HookID == 0 || !e.Verified || e.Source != logs.SourceDelivery && e.Source != logs.SourceRelay {
			continue
		}
		i := slices.IndexFunc(p.rows, func(h fleet.Hook) bool { return h.ID == e.HookID })
		switch {
		case i < 0:
			unknown = unknown || e.Event == "ping" && !p.chased[e.HookID]
			p.chased[e.HookID] = p.chased[e.HookID] || e.Event == "ping"
		case p.rows[i].Health != fleet.Healthy:
			if t := p.rows[i].Target; p.shell.Now().Sub(p.looked[t]) >= askAgain {
				p.looked[t] = p.shell.Now()
				targets = append(targets, t)
			}
		case e.ReceivedAt.After(p.rows[i].Seen):
			p.rows[i].Seen = e.ReceivedAt
		}
	}
	p.arrange()
	if unknown {
		return p.load(false)
	}
	return p.look(targets...)
}

// WasSetUp looks again after the wizard has set hooks up.
func (p *Page) WasSetUp() tea.Cmd { return p.load(false) }
