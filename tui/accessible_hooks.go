package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// hookLines are the commands about the hooks at GitHub.
func hookLines() []lineCommand {
	return []lineCommand{
		{name: "hooks", args: "[all] [bad] [WORDS]", text: "The hooks at GitHub, one a line, numbered; all looks in every repository that you administer, bad keeps those that need you, words those that have them.", does: []string{"hook.all", "refresh"}, run: (*lineMode).hooks},
		{name: "hook", args: "N", text: "Hook N in words, with what is odd about it and its page at GitHub.", does: []string{"browse", "copy"}, run: (*lineMode).hook},
		{name: "ping", args: "N…", text: "Ask GitHub to ping the hooks, and wait for the signed pings to arrive.", does: []string{"hook.ping", "mark", "mark.all"}, run: (*lineMode).ping},
		{name: "test", args: "N", text: "Ask GitHub to send the latest push of hook N again.", does: []string{"hook.test"}, run: (*lineMode).testHook},
		{name: "pause", args: "N…", text: "Pause hooks: GitHub delivers nothing until they are resumed.", does: []string{"hook.pause"}, run: func(m *lineMode, ctx context.Context, rest string) error {
			return m.activate(ctx, rest, false)
		}},
		{name: "resume", args: "[N…]", text: "Let paused hooks deliver again; without a number, go on with a rotation that is not finished.", does: []string{"hook.pause"}, asks: true, run: (*lineMode).resume},
		{name: "edit", args: "N", text: "Choose the events of hook N.", does: []string{"hook.events", "events.save"}, asks: true, run: (*lineMode).edit},
		{name: "delete", args: "N", text: "Delete hook N at GitHub; asks for the repository's name first.", does: []string{"hook.delete", "confirm.yes"}, asks: true, run: (*lineMode).deleteHook},
	}
}

// chosen are the hooks of the numbers, or ids, in rest. Where none were listed
// yet they are looked up first.
func (m *lineMode) chosen(ctx context.Context, verb, rest string) ([]hookRow, error) {
	if len(m.rows) == 0 {
		m.say("Asking GitHub for the hooks.")
		if err := m.work(ctx, func(ctx context.Context) error { return m.load(ctx, false) }); err != nil {
			return nil, err
		}
	}
	if rest == "all" {
		return m.mine(), nil
	}
	var out []hookRow
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.ParseInt(word, 10, 64)
		i := slices.IndexFunc(m.rows, func(r hookRow) bool { return r.ID == n })
		if i < 0 && n >= 1 && n <= int64(len(m.rows)) {
			i = int(n) - 1
		}
		if err != nil || i < 0 {
			return nil, &hint{fmt.Errorf("%q is the number of no hook", word), "hooks lists them"}
		}
		if !slices.ContainsFunc(out, func(r hookRow) bool { return r.key() == m.rows[i].key() }) {
			out = append(out, m.rows[i])
		}
	}
	if len(out) == 0 {
		return nil, &hint{errors.New(verb + " takes the number of a hook"), "hooks lists them"}
	}
	return out, nil
}

func (m *lineMode) mine() []hookRow { return mine(m.rows) }

// each does something to hooks, one after the other, and says what came of
// each. One that fails does not stop the others.
func (m *lineMode) each(ctx context.Context, list []hookRow, do func(context.Context, *hooks.Client, hookRow) (string, error)) error {
	client, err := m.atGitHub()
	if err != nil {
		return err
	}
	return m.work(ctx, func(ctx context.Context) error {
		for _, r := range list {
			text, err := do(ctx, client, r)
			switch {
			case err == nil:
				m.say(sentenceOf(text))
			case ctx.Err() != nil || len(list) == 1:
				return err
			default:
				m.tell(err)
			}
		}
		return nil
	})
}

func (m *lineMode) hook(ctx context.Context, rest string) error {
	list, err := m.chosen(ctx, "hook", rest)
	if err != nil {
		return err
	}
	value, _, err := m.cfg.Store.Current()
	if err != nil {
		return err
	}
	for _, r := range list {
		m.sayf("Hook %d of %s: %s.", r.ID, r.Target, r.health)
		for _, n := range r.notes {
			m.say("Note: " + n.typed() + ".")
		}
		m.say("Delivers to: " + r.URL)
		m.say("Last answer: " + lastAnswer(r.Hook))
		m.say("Events: " + strings.Join(r.Events, ", "))
		m.say("Secret: " + strings.TrimPrefix(m.secretOf(r), "secret "))
		switch f := r.seen.fingerprint; {
		case f == "":
			m.say("Last seen: never here; ping asks for a proof")
		case f == secret.Fingerprint(value):
			m.say("Last seen: " + ago(m.cfg.Now().Sub(r.seen.at)) + ", signed with " + f + ", the current secret")
		default:
			m.say("Last seen: " + ago(m.cfg.Now().Sub(r.seen.at)) + ", signed with " + f)
		}
		m.say("Made: " + r.CreatedAt.Local().Format("2006-01-02 15:04") + ", changed " + r.UpdatedAt.Local().Format("2006-01-02 15:04"))
		m.say("Page: " + settingsPage(m.client, r))
	}
	return nil
}

func (m *lineMode) ping(ctx context.Context, rest string) error {
	list, err := m.chosen(ctx, "ping", rest)
	if err != nil {
		return err
	}
	return m.each(ctx, list, func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		m.say("Waiting for a ping of " + r.title() + ".")
		e, current, err := m.cfg.ping(ctx, c, m.log, r, "type deliveries "+strconv.Itoa(m.numberOf(r)))
		text := fmt.Sprintf("the ping of %s arrived, signed with %s", r.title(), text.Clean(e.Secret))
		if !current {
			text += ", which is not the current secret; rotate gives it that"
		}
		return text, err
	})
}

// numberOf is the number of a hook in the list.
func (m *lineMode) numberOf(r hookRow) int {
	return 1 + slices.IndexFunc(m.rows, func(have hookRow) bool { return have.key() == r.key() })
}

func (m *lineMode) testHook(ctx context.Context, rest string) error {
	list, err := m.chosen(ctx, "test", rest)
	if err != nil {
		return err
	}
	return m.each(ctx, list, func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		if why := r.noTest(); why != "" {
			return "", &hint{errors.New(why), "ping asks for a ping"}
		}
		return "GitHub sends the latest push of " + r.Target.String() + " again; it appears among the events", c.Test(ctx, r.Target, r.ID)
	})
}

// activate pauses hooks, or lets them go on.
func (m *lineMode) activate(ctx context.Context, rest string, active bool) error {
	word, verb := "paused", "pause"
	if active {
		word, verb = "active again", "resume"
	}
	list, err := m.chosen(ctx, verb, rest)
	if err != nil {
		return err
	}
	return m.each(ctx, list, func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		changed, err := c.Edit(ctx, r.Target, r.ID, hooks.Change{Active: &active})
		if err == nil {
			m.changedTo(changed)
		}
		return r.title() + " is " + word, err
	})
}

// changedTo puts a hook that was changed in the place of what was known of it.
func (m *lineMode) changedTo(h hooks.Hook) {
	list := make([]hooks.Hook, len(m.rows))
	for i, r := range m.rows {
		if list[i] = r.Hook; r.ID == h.ID && r.Target == h.Target {
			list[i] = h
		}
	}
	m.rows = judge(list, m.address, m.known.hooks) // each among the others of its repository
}

func (m *lineMode) resume(ctx context.Context, rest string) error {
	if rest == "" {
		return m.resumeRotation(ctx)
	}
	return m.activate(ctx, rest, true)
}

func (m *lineMode) edit(ctx context.Context, rest string) error {
	list, err := m.chosen(ctx, "edit", rest)
	if err != nil {
		return err
	}
	org := !slices.ContainsFunc(list, func(r hookRow) bool { return !r.Target.IsOrg() })
	events, err := m.askEvents(ctx, list[0].Events, org)
	if err != nil {
		return err
	}
	return m.each(ctx, list, func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		changed, err := c.Edit(ctx, r.Target, r.ID, hooks.Change{Events: events})
		if err == nil {
			m.changedTo(changed)
		}
		return r.title() + " is subscribed to " + strings.Join(events, ", "), err
	})
}

// deleteHook deletes one hook. What it takes is the repository's name, so that
// no enter too many does it.
func (m *lineMode) deleteHook(ctx context.Context, rest string) error {
	list, err := m.chosen(ctx, "delete", rest)
	if err != nil {
		return err
	}
	if len(list) != 1 || rest == "all" {
		return errors.New("delete takes the number of one hook")
	}
	r := list[0]
	m.sayf("%s delivers to %s. GitHub then forgets the hook and its deliveries; the log keeps what arrived.", capital(r.title()), r.URL)
	name, err := m.ask(ctx, "To delete it type "+r.Target.String(), "")
	if err != nil {
		return err
	}
	if !strings.EqualFold(name, r.Target.String()) {
		return errCancelled
	}
	err = m.each(ctx, list, func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		err := c.Delete(ctx, r.Target, r.ID)
		if errors.Is(err, hooks.ErrHookNotFound) {
			err = nil // someone else was faster
		}
		return r.title() + " is deleted", err
	})
	if err == nil {
		m.rows = slices.DeleteFunc(m.rows, func(have hookRow) bool { return have.key() == r.key() })
		m.say("The other hooks may have new numbers: hooks lists them.")
	}
	return err
}
