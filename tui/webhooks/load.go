package webhooks

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
)

// knowledge is what this machine knows of hooks without asking GitHub.
type knowledge struct {
	targets map[hooks.Target]bool
	hooks   map[int64]seen
}

// see takes a record of the log in.
func (k *knowledge) see(e logs.Entry) {
	if e.HookID == 0 || !e.Verified || k.hooks == nil {
		return
	}
	if was, ok := k.hooks[e.HookID]; !ok || e.ReceivedAt.After(was.at) {
		k.hooks[e.HookID] = seen{text.Clean(e.Secret), e.ReceivedAt}
	}
}

// secretFacts are what the page shows of the shared secret.
type secretFacts struct {
	fingerprint string
	origin      secret.Origin
	changed     time.Time
	rotation    *secret.Rotation
	err         error
}

type (
	// targetsFound are the repositories and organisations to ask about.
	targetsFound struct {
		gen    int
		client *hooks.Client
		known  knowledge
		err    error
	}
	// hooksListed is the answer of one target. gen 0 is an answer to what was
	// asked outside a load, and always taken. A guess is a target that may not
	// exist, so that its error says nothing.
	hooksListed struct {
		gen    int
		target hooks.Target
		list   []hooks.Hook
		err    error
		guess  bool
	}
	// secretRead is what the store says.
	secretRead struct {
		gen   int
		facts secretFacts
	}
)

// load asks GitHub about the hooks of every known target; with all, of every
// repository that the user administers.
func (p *Page) load(all bool) tea.Cmd {
	if p.cfg.Dial == nil || p.cfg.Log.Value == nil && p.cfg.Log.Err == nil {
		return p.readSecret() // the log says what to ask, and it is being opened
	}
	p.stop()
	client := p.client // it stays until there is another: what is listed can be acted on meanwhile
	for _, err := range p.broken {
		if errors.Is(err, hooks.ErrNotLoggedIn) || errors.Is(err, hooks.ErrScope) {
			client = nil // the login may have been mended since
		}
	}
	ctx, cancel := context.WithCancel(p.shell.Ctx)
	p.ctx, p.cancel, p.cut = ctx, cancel, false
	p.gen++
	p.waiting, p.total, p.wide = 1, 0, all
	gen, dial, l, store := p.gen, p.cfg.Dial, p.cfg.Log.Value, p.cfg.Store
	names := append(slices.Clone(p.cfg.Repositories), p.kept...)
	find := func() tea.Msg {
		m := targetsFound{gen: gen, client: client}
		m.known, m.err = known(ctx, names, store, l)
		if m.err == nil && m.client == nil {
			m.client, m.err = dial()
		}
		if m.err == nil && all {
			var repos []hooks.Repository
			repos, m.err = m.client.Repositories(ctx, hooks.RepositoryQuery{})
			for _, r := range repos {
				m.known.targets[r.Target()] = true
			}
		}
		return m
	}
	return tea.Batch(find, p.readSecret())
}

// stop ends what is being asked.
func (p *Page) stop() {
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
}

// known gathers the targets of settings, log, rotation and earlier runs.
func known(ctx context.Context, names []string, store *secret.Store, l *logs.Log) (knowledge, error) {
	k := knowledge{map[hooks.Target]bool{}, map[int64]seen{}}
	if store != nil {
		if r, err := store.Rotation(); err == nil && r != nil {
			for _, h := range r.Hooks {
				names = append(names, h.Repository)
			}
		}
	}
	if l != nil {
		recent, err := l.Page(ctx, logs.Query{Limit: 1000})
		if err != nil {
			return k, err
		}
		for _, e := range recent.Entries {
			k.see(e)
		}
		// A ping says that a hook was set up; other records may be of tests.
		pings, err := pinged(ctx, l)
		if err != nil {
			return k, err
		}
		for _, e := range pings {
			k.see(e)
			names = append(names, e.Repository)
		}
	}
	for _, name := range names {
		if t, err := hooks.ParseTarget(name); err == nil {
			k.targets[t] = true
		}
	}
	return k, nil
}

// pinged are the newest signed pings of the log.
func pinged(ctx context.Context, l *logs.Log) ([]logs.Entry, error) {
	filter, err := logs.ParseFilter("event:ping", time.Time{})
	if err != nil {
		return nil, err
	}
	page, err := l.Page(ctx, logs.Query{Filter: filter, Limit: 500})
	var out []logs.Entry
	for _, e := range page.Entries {
		if e.Verified && e.HookID != 0 && e.Source == logs.SourceDelivery && e.Repository != "" {
			out = append(out, e)
		}
	}
	return out, err
}

// ask lists the hooks of what was found, one command for each target; the
// client lets a few through at a time.
func (p *Page) ask(m targetsFound) tea.Cmd {
	if m.gen != p.gen {
		return nil
	}
	if errors.Is(m.err, context.Canceled) {
		p.waiting = 0
		return nil
	}
	p.waiting, p.problem, p.loaded = 0, m.err, true
	if m.known.targets != nil {
		p.known = m.known
	}
	if m.err != nil {
		return nil
	}
	p.client = m.client
	maps.DeleteFunc(p.listed, func(t hooks.Target, _ []hooks.Hook) bool { return !m.known.targets[t] })
	maps.DeleteFunc(p.broken, func(t hooks.Target, _ error) bool { return !m.known.targets[t] })
	var cmds []tea.Cmd
	for t := range m.known.targets {
		cmds = append(cmds, p.list(t, p.gen))
	}
	p.waiting, p.total = len(cmds), len(cmds)
	if p.loaded = len(cmds) == 0; p.loaded {
		p.asked = p.shell.Now()
	}
	p.rejudge()
	return tea.Batch(cmds...)
}

func (p *Page) list(t hooks.Target, gen int) tea.Cmd {
	ctx, client := p.shell.Ctx, p.client
	if gen != 0 {
		ctx = p.ctx
	}
	return func() tea.Msg {
		list, err := client.List(ctx, t)
		return hooksListed{gen: gen, target: t, list: list, err: err}
	}
}

// guessOrgs asks the organisations that own the listed repositories, once for
// each load, where the log knows a hook that no repository has.
func (p *Page) guessOrgs() tea.Cmd {
	if p.guessed == p.gen {
		return nil
	}
	p.guessed = p.gen
	listed := map[int64]bool{}
	for _, r := range p.rows {
		listed[r.ID] = true
	}
	unknown := false
	for id := range p.known.hooks {
		unknown = unknown || !listed[id]
	}
	if !unknown && !p.wide {
		return nil
	}
	owners := map[hooks.Target]bool{}
	for t := range p.listed {
		if owner := (hooks.Target{Owner: t.Owner}); !p.known.targets[owner] {
			owners[owner] = true
		}
	}
	var cmds []tea.Cmd
	for owner := range owners {
		ask := p.list(owner, p.gen)
		cmds = append(cmds, func() tea.Msg {
			m, _ := ask().(hooksListed)
			m.guess = true
			return m
		})
	}
	p.waiting += len(cmds)
	p.total += len(cmds)
	return tea.Batch(cmds...)
}

// take puts a target's hooks in the place of what was known of it.
func (p *Page) take(m hooksListed) tea.Cmd {
	if m.gen != 0 && m.gen != p.gen {
		return nil
	}
	if m.gen != 0 {
		p.waiting = max(0, p.waiting-1)
		if p.loaded = p.waiting == 0; p.loaded {
			p.asked = p.shell.Now()
		}
	}
	delete(p.broken, m.target)
	stopped := errors.Is(m.err, context.Canceled)
	switch {
	case m.err == nil:
		if !m.guess || len(m.list) > 0 {
			p.listed[m.target] = m.list
		}
	case m.guess, stopped:
	default:
		p.broken[m.target] = m.err
	}
	// Every answer is shown at once where they are few; judging thousands anew
	// for each of thousands would hold the keys.
	if m.gen == 0 || p.waiting%(1+p.total/50) == 0 {
		p.rejudge()
	}
	if p.loaded && !stopped {
		return p.guessOrgs()
	}
	return nil
}

// readSecret asks the store for fingerprint, age and rotation.
func (p *Page) readSecret() tea.Cmd {
	store, gen := p.cfg.Store, p.gen
	if store == nil {
		return nil
	}
	return func() tea.Msg {
		var f secretFacts
		var value string
		value, f.origin, f.err = store.Current()
		f.fingerprint = secret.Fingerprint(value)
		if f.err == nil {
			f.changed, f.err = store.ChangedAt()
		}
		if f.err == nil {
			f.rotation, f.err = store.Rotation()
		}
		return secretRead{gen, f}
	}
}

// targetNames joins the targets of some hooks, each once.
func targetNames(rows []hookRow) []string {
	var out []string
	for _, r := range rows {
		if n := r.Target.String(); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func compareTargets(a, b hooks.Target) int {
	return strings.Compare(strings.ToLower(a.String()), strings.ToLower(b.String()))
}

// WasSetUp takes what the wizard has set up and looks again. The wizard's
// client is taken too: its login may be newer.
func (p *Page) WasSetUp(client *hooks.Client, repositories []string) tea.Cmd {
	p.client = client
	p.RestoreRepositories(repositories)
	return p.load(false)
}
