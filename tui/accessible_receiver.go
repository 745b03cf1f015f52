package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
)

// receiverLines are the commands about the receiver and the whole chain.
func receiverLines() []lineCommand {
	control := func(name, text, done string, do func(context.Context, daemon.Config) error, does ...string) lineCommand {
		return lineCommand{name: name, text: text, does: does, run: func(m *lineMode, ctx context.Context, _ string) error {
			if err := do(ctx, m.cfg.Daemon); err != nil {
				return err
			}
			if done != "" {
				m.say(done)
				return nil
			}
			return m.status(ctx, "")
		}}
	}
	return []lineCommand{
		{name: "status", text: "How the receiver, the secret and a rotation are.", run: (*lineMode).status},
		control("start", "Start the receiver in the background.", "", func(ctx context.Context, cfg daemon.Config) error {
			_, err := daemon.Start(ctx, cfg)
			return err
		}, "receiver.start"),
		control("stop", "Stop the receiver, once what it has is finished.", "The receiver was stopped. GitHub keeps what it cannot deliver for three days, and catchup fetches it.", daemon.Stop, "receiver.stop"),
		control("restart", "Stop the receiver and start it anew.", "", func(ctx context.Context, cfg daemon.Config) error {
			_, err := daemon.Restart(ctx, cfg)
			return err
		}, "receiver.restart"),
		control("reload", "Make the receiver read secrets and settings again.", "Secrets and settings were read again.", func(ctx context.Context, cfg daemon.Config) error {
			_, err := daemon.Dial(cfg.Home).Reload(ctx)
			return err
		}, "receiver.reload"),
		{name: "log", args: "[debug|info|warn|error]", text: "The last lines of the receiver's log, from that level up.", does: []string{"view.next", "receiver.level"}, run: (*lineMode).receiverLog},
		{name: "rejected", text: "The requests that the receiver refused, and why, the newest first.", does: []string{"view.next"}, run: (*lineMode).rejected},
		{name: "settings", text: "Every setting in force, and where it comes from.", does: []string{"view.next"}, run: (*lineMode).settings},
		{name: "doctor", text: "Check the whole chain: one line for each check, with what mends it.", does: []string{"open"}, run: (*lineMode).doctor},
	}
}

// status says how things are, a line for each.
func (m *lineMode) status(ctx context.Context, _ string) error {
	st, err := daemon.Dial(m.cfg.Home).Status(ctx)
	switch {
	case errors.Is(err, daemon.ErrNotRunning):
		m.say("The receiver is not running. Type start to start it.")
	case err != nil:
		m.say("The receiver does not answer: " + err.Error())
	default:
		m.sayf("The receiver is running on %s: %d received, %d rejected, %s waiting.", st.Address, st.Received, st.Rejected, text.Count(int(st.PendingNotifications), "notification"))
		if st.Alarm != "" {
			m.say("Alarm: " + st.Alarm)
		}
		if st.FailedNotifications > 0 {
			m.say(capital(are(int(st.FailedNotifications), "notification")) + " given up. events status:failed lists them.")
		}
		if st.PublicURL != "" {
			m.say("GitHub reaches it at " + st.PublicURL + ".")
		}
	}
	if m.cfg.Store == nil {
		return nil
	}
	value, origin, err := m.cfg.Store.Current()
	if err != nil {
		return err
	}
	switch changed, err := m.cfg.Store.ChangedAt(); {
	case err != nil:
		return err
	case value == "":
		m.say("There is no secret yet. Type setup to set up webhooks.")
	case origin == secret.FromEnvironment:
		m.say("The secret is " + secret.Fingerprint(value) + ", of the environment.")
	case changed.IsZero():
		m.say("The secret is " + secret.Fingerprint(value) + ".")
	default:
		m.say("The secret is " + secret.Fingerprint(value) + ", " + madeAgo(m.cfg.Now().Sub(changed)) + ".")
	}
	if r := m.rotation(); r != nil && !r.Promoted.IsZero() && m.cfg.Now().Before(r.Expires) {
		m.say("It was rotated; undo takes it back until " + r.Expires.Local().Format("15:04") + ".")
	}
	return nil
}

// receiverLog says the last lines of the log.
func (m *lineMode) receiverLog(_ context.Context, rest string) error {
	least := 1
	if rest != "" {
		if least = slices.Index([]string{"debug", "info", "warn", "error"}, rest); least < 0 {
			return errors.New("log takes debug, info, warn or error")
		}
	}
	_, lines, err := tail{path: daemon.LogFile(m.cfg.Home)}.more()
	if err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(l logLine) bool { return l.weight() < least })
	if len(lines) == 0 {
		m.say("Nothing is logged.")
	}
	for _, l := range lines[max(0, len(lines)-linesAtOnce):] {
		at := ""
		if !l.at.IsZero() {
			at = clock(l.at, m.cfg.Now()) + ", "
		}
		if l.level != "" {
			at += strings.ToLower(l.level) + ", "
		}
		m.say(at + l.text)
	}
	return nil
}

func (m *lineMode) rejected(ctx context.Context, _ string) error {
	list, err := daemon.Dial(m.cfg.Home).Rejected(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		m.say("No request was refused since the receiver started.")
	}
	for i := len(list) - 1; i >= max(0, len(list)-linesAtOnce); i-- {
		r := list[i]
		line := clock(r.Time, m.cfg.Now()) + ", " + whyRejected(r) + ", from " + r.Address
		if r.Event != "" {
			line += ", " + r.Event
		}
		if r.DeliveryID != "" {
			line += ", delivery " + r.DeliveryID
		}
		if len(r.Fingerprints) > 0 {
			line += ", tried " + strings.Join(r.Fingerprints, ", ")
		}
		m.say(line)
	}
	return nil
}

func (m *lineMode) settings(context.Context, string) error {
	if len(m.cfg.Settings) == 0 {
		m.say("hookctl config lists every setting and where it comes from.")
	}
	for _, s := range m.cfg.Settings {
		value := s.Value
		if value == "" {
			value = "not set"
		}
		m.say(s.Name + ": " + value + ", " + s.Origin)
	}
	return nil
}

// doctor runs the checks, and says each as it is found.
func (m *lineMode) doctor(ctx context.Context, _ string) error {
	if m.cfg.Checks == nil {
		m.say("hookctl doctor checks the whole chain.")
		return nil
	}
	wrong := 0
	m.cfg.Checks(ctx, func(c Check) {
		word := map[string]string{doctor.OK: "well", doctor.Warn: "look at this", doctor.Fail: "wrong"}[c.Status]
		line := fmt.Sprintf("%s, %s: %s", c.Name, word, c.Detail)
		if c.Status != doctor.OK {
			wrong++
			if c.Fix != "" {
				line += ". What mends it: " + c.Fix
			}
		}
		m.say(text.Clean(line))
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case wrong == 0:
		m.say("Nothing is wrong.")
	default:
		m.say(text.Count(wrong, "finding") + ". Where hookctl start, restart, setup or rotate mends it, the word alone does it here.")
	}
	return nil
}

// keptRepositories are the targets of earlier runs.
func (c Config) keptRepositories() []string {
	s, _ := c.readState()
	return s.Repositories
}

// keepRepositories remembers targets for later runs, besides those of before.
func (c Config) keepRepositories(names []string) error {
	s, _ := c.readState()
	for _, n := range names {
		if !slices.Contains(s.Repositories, n) {
			s.Repositories = append(s.Repositories, n)
		}
	}
	return c.writeState(s)
}
