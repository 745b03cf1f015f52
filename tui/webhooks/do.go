package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// pingWait is how long a ping may take to arrive.
const pingWait = 30 * time.Second

// hookDone is the end of what was done to one hook.
type hookDone struct {
	key  hookKey
	text string
	err  error
}

// together is something that is done to several hooks at once: it is told of
// as a whole.
type together struct {
	what                string
	total, done, failed int
}

// change does something to hooks, each in a command of its own, and lists
// their targets again.
func (p *Page) change(rows []hookRow, busy string, do func(context.Context, *hooks.Client, hookRow) (string, error)) tea.Cmd {
	var cmds []tea.Cmd
	ctx, client := p.shell.Ctx, p.client
	for _, r := range rows {
		if p.busy[r.key()] != "" {
			continue
		}
		p.busy[r.key()] = busy
		delete(p.told, r.key())
		cmds = append(cmds, func() tea.Msg {
			ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
			defer stop()
			text, err := do(ctx, client, r)
			return hookDone{r.key(), text, err}
		})
	}
	if len(cmds) > 1 || p.batch.total > 0 {
		p.batch.what, p.batch.total = busy, p.batch.total+len(cmds)
	}
	return tea.Batch(cmds...)
}

// doneTogether counts one of several hooks, and tells what came of all of
// them. It reports false where the hook is the only one.
func (p *Page) doneTogether(failed bool) (tea.Cmd, bool) {
	b := &p.batch
	if b.total == 0 {
		return nil, false
	}
	if b.done++; failed {
		b.failed++
	}
	if b.done < b.total {
		if !p.rot.busy() {
			p.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, 100*b.done/b.total)
		}
		return nil, true
	}
	all := *b
	*b = together{}
	if !p.rot.busy() {
		p.shell.Progress = nil
	}
	if all.failed > 0 {
		return p.shell.Put(kit.LevelError, fmt.Sprintf("%d of %s failed; e goes to what is not well", all.failed, text.Count(all.total, "hook")), 8*time.Second), true
	}
	return p.shell.Say("done on " + text.Count(all.total, "hook")), true
}

func (p *Page) done(m hookDone) tea.Cmd {
	delete(p.busy, m.key)
	again := p.list(m.key.target, 0)
	if errors.Is(m.err, context.Canceled) {
		cmd, _ := p.doneTogether(true)
		return tea.Batch(again, cmd)
	}
	v := verdict{text: text.Clean(m.text), at: p.shell.Now()}
	if m.err != nil {
		v.text, v.bad = text.Clean(m.err.Error()), true
		if cure := p.shell.Cure(m.err); cure != "" {
			v.text += " (hint: " + text.Clean(cure) + ")"
		}
	}
	p.told[m.key] = v
	if cmd, ok := p.doneTogether(v.bad); ok {
		return tea.Batch(again, cmd)
	}
	if m.err != nil {
		return tea.Batch(again, p.shell.Put(kit.LevelError, v.text, 8*time.Second))
	}
	return tea.Batch(again, p.shell.Say(v.text))
}

// ping asks for a ping of the chosen hooks and waits until it is in the log.
func (p *Page) ping() tea.Cmd {
	l := p.cfg.Log.Value
	return p.change(p.chosen(), "waiting for a ping", func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		e, current, err := p.pingOf(ctx, c, l, r, "enter shows the hook's deliveries")
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("the ping of %s arrived, signed with %s", r.title(), e.Secret)
		if !current {
			text += ", which is not the current secret; r gives it that"
		}
		return text, nil
	})
}

// ping asks for a ping of a hook, waits until it is in the log, and reports
// whether it was signed with the secret that the hook is to have. see is how
// to look at what GitHub tried, where it did not arrive.
func (p *Page) pingOf(ctx context.Context, client *hooks.Client, l *logs.Log, r hookRow, see string) (e logs.Entry, current bool, err error) {
	if l == nil {
		return e, false, errors.New("the log cannot be read, so no ping can be seen in it")
	}
	value, _, err := p.cfg.Store.Current()
	if err != nil {
		return e, false, err
	}
	own, err := p.cfg.Store.SecretOf(r.ID, r.URL)
	if err != nil {
		return e, false, err
	}
	if own != "" {
		value = own
	}
	since := p.shell.Now()
	if err := client.Ping(ctx, r.Target, r.ID); err != nil {
		return e, false, err
	}
	e, err = arrival(ctx, client, l, r, since, see)
	return e, e.Secret == secret.Fingerprint(value), err
}

// arrival waits for the ping and asks GitHub meanwhile what became of it, so
// that a refusal is told at once and with its reason.
func arrival(ctx context.Context, c *hooks.Client, l *logs.Log, r hookRow, since time.Time, see string) (logs.Entry, error) {
	ctx, stop := context.WithTimeout(ctx, pingWait)
	defer stop()
	type answer struct {
		entry logs.Entry
		err   error
	}
	arrived := make(chan answer, 1)
	go func() {
		e, err := awaitPing(ctx, l, r.ID, "", since)
		arrived <- answer{e, err}
	}()
	defer func() { // whoever waits is waited for
		stop()
		<-arrived
	}()
	ask := time.NewTicker(time.Second)
	defer ask.Stop()
	var why error
	for {
		select {
		case a := <-arrived:
			arrived <- a
			if a.err == nil {
				return a.entry, nil
			}
			if why != nil {
				return a.entry, why
			}
			if errors.Is(a.err, context.DeadlineExceeded) {
				return a.entry, hooks.WithCure(fmt.Errorf("no ping of %s arrived within %s", r.title(), pingWait), "see what GitHub tried: "+see)
			}
			return a.entry, a.err
		case <-ask.C:
			// GitHub's clock has seconds, and is not ours.
			list, err := c.Deliveries(ctx, r.Target, r.ID, hooks.DeliveryQuery{Since: since.Add(-2 * time.Second), Limit: 10})
			if err != nil {
				continue // the log decides; GitHub's own view is only the reason
			}
			for _, d := range list {
				if d.Event == "ping" && !d.OK() {
					why = hooks.WithCure(fmt.Errorf("GitHub's ping of %s: %s", r.title(), answerInWords(d.StatusCode, d.Status)), see)
					stop()
					break
				}
			}
		}
	}
}

func (p *Page) test() tea.Cmd {
	r, ok := p.current()
	if !ok {
		return nil
	}
	return p.change([]hookRow{r}, "asking for a test", func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		return "GitHub sends the latest push of " + r.Target.String() + " again; it appears among the events", c.Test(ctx, r.Target, r.ID)
	})
}

// pause stops the chosen hooks, or lets them go on, as the one under the
// cursor says.
func (p *Page) pause() tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	active := !h.Active
	word := "paused"
	if active {
		word = "active again"
	}
	return p.change(p.chosen(), "changing", func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
		_, err := c.Edit(ctx, r.Target, r.ID, hooks.Change{Active: &active})
		return r.title() + " is " + word, err
	})
}

// askDelete asks before a hook is gone, and names it.
func (p *Page) askDelete() tea.Cmd {
	r, ok := p.current()
	if !ok {
		return nil
	}
	p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Delete a hook", Yes: "y", Verb: "delete it", Lines: []string{
		fmt.Sprintf("Delete %s?", r.title()),
		"It delivers to " + r.URL + ".",
		"GitHub forgets the hook and its deliveries; the log keeps what arrived.",
	}, Run: func() tea.Cmd {
		return p.change([]hookRow{r}, "deleting", func(ctx context.Context, c *hooks.Client, r hookRow) (string, error) {
			err := c.Delete(ctx, r.Target, r.ID)
			if errors.Is(err, hooks.ErrHookNotFound) {
				err = nil // someone else was faster
			}
			return r.title() + " is deleted", err
		})
	}})
	return nil
}

func catchupCommand(rows []hookRow) string { return "hookctl catchup" + targetFlags(rows) }

// targetFlags name the targets of some hooks on the command line, each once.
func targetFlags(rows []hookRow) string {
	var flags strings.Builder
	seen := map[hooks.Target]bool{}
	for _, r := range rows {
		switch {
		case seen[r.Target]:
		case r.Target.IsOrg():
			flags.WriteString(" --org " + text.Shell(r.Target.String()))
		default:
			flags.WriteString(" -R " + text.Shell(r.Target.String()))
		}
		seen[r.Target] = true
	}
	return flags.String()
}

// caughtUp is the end of catching up.
type caughtUp struct {
	fetched int
	err     error
}

// catchup asks the receiver to fetch what never arrived at some hooks.
func (p *Page) catchup(rows []hookRow) tea.Cmd {
	if !p.cfg.Receiver.OK() {
		return p.shell.Warn("the receiver records what is fetched, and it is not running; start it on the Receiver page")
	}
	names := targetNames(rows)
	ctx, home := p.shell.Ctx, p.cfg.Home
	return tea.Batch(p.shell.Say("fetching what never arrived of "+kit.Some(names, 2)), func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
		defer stop()
		n, err := catchUp(ctx, daemon.Dial(home), names)
		return caughtUp{n, err}
	})
}

// catchUp makes the call, and gives how many events were fetched.
func catchUp(ctx context.Context, c *daemon.Client, targets []string) (int, error) {
	question, err := json.Marshal(map[string]any{"repositories": targets})
	if err != nil {
		return 0, err
	}
	res, err := c.Do(ctx, http.MethodPost, "/catchup", bytes.NewReader(question))
	if err != nil {
		return 0, fmt.Errorf("catch up: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	var answer struct {
		Done        int
		Error, Hint string
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&answer)
	switch {
	case res.StatusCode != http.StatusOK && answer.Error != "":
		return 0, hooks.WithCure(fmt.Errorf("catch up: %s", answer.Error), answer.Hint)
	case res.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("catch up: the receiver answered %s", res.Status)
	case err != nil:
		return 0, fmt.Errorf("catch up: read the receiver's answer: %w", err)
	}
	return answer.Done, nil
}

// caught tells what came of catching up.
func (p *Page) caught(m caughtUp) tea.Cmd {
	if m.err != nil {
		return p.shell.Fail(m.err)
	}
	return p.shell.Say(caughtWords(m.fetched))
}

func caughtWords(fetched int) string {
	switch fetched {
	case 0:
		return "nothing was missing"
	case 1:
		return "1 event was missing, and is here now"
	}
	return text.Count(fetched, "event") + " were missing, and are here now"
}
