package tui

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// atGitHub opens GitHub, and keeps it open.
func (m *lineMode) atGitHub() (*hooks.Client, error) {
	if m.client != nil {
		return m.client, nil
	}
	if m.cfg.Hooks == nil {
		return nil, errors.New("there is no access to GitHub here")
	}
	c, err := m.cfg.Hooks()
	if err == nil {
		m.client = c
	}
	return c, err
}

// public is the address of this receiver, as far as it is known.
func (m *lineMode) public(ctx context.Context) string {
	if status, err := daemon.Dial(m.cfg.Home).Status(ctx); err == nil && status.PublicURL != "" {
		return status.PublicURL
	}
	return m.cfg.Setup.URL
}

// load asks GitHub for the hooks of every known target, or of every repository
// that the user administers.
func (m *lineMode) load(ctx context.Context, all bool) error {
	client, err := m.atGitHub()
	if err != nil {
		return err
	}
	known, err := known(ctx, append(slices.Clone(m.cfg.Setup.Repositories), m.kept...), m.cfg.Store, m.log)
	if err != nil {
		return err
	}
	if all {
		repositories, err := client.Repositories(ctx, hooks.RepositoryQuery{})
		if err != nil {
			return err
		}
		for _, r := range repositories {
			known.targets[r.Target()] = true
		}
	}
	targets := slices.SortedFunc(maps.Keys(known.targets), compareTargets)
	list, err := client.ListAll(ctx, targets)
	m.broken = parts(err)
	// A hook that the log knows and no repository has may be an organisation's.
	if owners := ownersOf(list, known, all); len(owners) > 0 {
		more, _ := client.ListAll(ctx, owners) // only a guess: many are users
		list = append(list, more...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.known, m.address = known, m.public(ctx)
	m.rows, m.sent = judge(list, m.address, known.hooks), nil
	if !all {
		return nil
	}
	names := targetNames(m.mine()) // so that they are found without looking everywhere
	m.kept = append(m.kept, names...)
	return m.cfg.keepRepositories(names)
}

// ownersOf are the organisations to ask too: those of the listed hooks, where
// the log knows a hook that was not listed, or everything is asked for.
func ownersOf(list []hooks.Hook, k knowledge, all bool) []hooks.Target {
	listed := map[int64]bool{}
	for _, h := range list {
		listed[h.ID] = true
	}
	unknown := all
	for id := range k.hooks {
		unknown = unknown || !listed[id]
	}
	if !unknown {
		return nil
	}
	var owners []hooks.Target
	for t := range k.targets {
		if o := (hooks.Target{Owner: t.Owner}); !k.targets[o] && !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	slices.SortFunc(owners, compareTargets)
	return owners
}

func (m *lineMode) hooks(ctx context.Context, rest string) error {
	words := strings.Fields(strings.ToLower(rest))
	all, bad := slices.Contains(words, "all"), slices.Contains(words, "bad")
	words = slices.DeleteFunc(words, func(w string) bool { return w == "all" || w == "bad" })
	m.say("Asking GitHub for the hooks.")
	if err := m.load(ctx, all); err != nil {
		return err
	}
	said := 0
	for i, r := range m.rows {
		line := m.hookSentence(r)
		lacks := slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(strings.ToLower(line), w) })
		if lacks || bad && r.level < healthWarn {
			continue
		}
		said++
		m.sayf("%d. %s", i+1, line)
	}
	for _, err := range m.broken {
		m.tell(err)
	}
	switch {
	case len(m.rows) == 0 && len(m.broken) == 0:
		m.say("No hooks. setup makes one; hooks all looks in every repository that you administer.")
	case said < len(m.rows):
		m.sayf("%d of %s.", said, text.Count(len(m.rows), "hook"))
	case said > 0:
		m.say(text.Count(said, "hook") + ". ping, pause, resume, edit, delete, deliveries and rotate take their numbers.")
	}
	return nil
}

// parts takes joined errors apart.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost is taken apart
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// hookSentence is one hook in one line.
func (m *lineMode) hookSentence(r hookRow) string {
	s := fmt.Sprintf("%s, hook %d, %s, last answer %s", r.Target, r.ID, r.health, lastAnswer(r.Hook))
	switch {
	case !r.mine:
		s += ", of another receiver"
	case r.level == healthWarn && r.Active && len(r.notes) > 0:
		s += ", but " + r.notes[0].typed()
	}
	if len(r.Events) > 0 {
		s += ", events " + strings.Join(r.Events, " ")
	}
	if r.mine {
		s += ", " + m.secretOf(r)
	}
	return s
}

// secretOf says how old the secret of a hook is.
func (m *lineMode) secretOf(r hookRow) string {
	if !r.HasSecret {
		return "no secret"
	}
	at, err := m.cfg.Store.HookChangedAt(r.ID, r.URL)
	if err != nil || at.IsZero() {
		return "secret of unknown age"
	}
	return "secret " + madeAgo(m.cfg.Now().Sub(at))
}

// madeAgo says how old a secret is, in words that can be listened to.
func madeAgo(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "made just now"
	case d < time.Hour:
		return text.Count(int(d.Minutes()), "minute") + " old"
	case d < 48*time.Hour:
		return text.Count(int(d.Hours()), "hour") + " old"
	}
	return text.Count(int(d.Hours()/24), "day") + " old"
}
