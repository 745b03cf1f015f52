package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// deliveryLines are the commands about what GitHub delivered.
func deliveryLines() []lineCommand {
	return []lineCommand{
		{name: "deliveries", args: "N [failed]", text: "What GitHub delivered to hook N beside what the log has, numbered; failed leaves out what went well.", does: []string{"open", "deliveries.open", "deliveries.failed"}, run: (*lineMode).deliveries},
		{name: "redeliver", args: "N… or missed", text: "Ask GitHub to send the numbered deliveries again, or all that never arrived.", does: []string{"deliveries.redeliver", "deliveries.mark", "deliveries.marked"}, run: (*lineMode).redeliver},
		{name: "catchup", args: "[N…]", text: "Fetch from GitHub what never arrived at the hooks, record it and notify; without a number, at all of this receiver.", does: []string{"catchup", "deliveries.catchup"}, run: (*lineMode).catchup},
	}
}

func (m *lineMode) deliveries(ctx context.Context, rest string) error {
	rest, failed := strings.CutSuffix(rest, " failed")
	list, err := m.chosen(ctx, "deliveries", rest)
	if err != nil {
		return err
	}
	client, err := m.atGitHub()
	if err != nil {
		return err
	}
	r := list[0]
	found, err := client.Deliveries(ctx, r.Target, r.ID, hooks.DeliveryQuery{Limit: deliveriesKept})
	if err != nil {
		return err
	}
	all, err := group(ctx, found, r.URL, m.log)
	if err != nil {
		return err
	}
	if failed {
		all = slices.DeleteFunc(all, func(d sent) bool { return d.Latest().OK() && d.file != "" })
	}
	m.of, m.sent = r, all
	for i, d := range all {
		m.sayf("%d. %s", i+1, m.deliverySentence(d))
	}
	missed := len(m.missed())
	switch {
	case len(all) == 0 && failed:
		m.say("Nothing went wrong.")
	case len(all) == 0:
		m.say("No deliveries. GitHub keeps them for three days.")
	case missed > 0:
		m.sayf("%s never arrived. redeliver missed asks GitHub to send them again.", text.Count(missed, "event"))
	default:
		m.say("Everything arrived.")
	}
	return nil
}

// missed are the listed events that never got here.
func (m *lineMode) missed() []sent {
	return slices.DeleteFunc(slices.Clone(m.sent), func(d sent) bool { return !d.missed() })
}

// deliverySentence is one event that GitHub sent, in one line.
func (m *lineMode) deliverySentence(d sent) string {
	last := d.Latest()
	s := clock(last.DeliveredAt, m.cfg.Now()) + ", " + d.Event.Event
	if d.Action != "" {
		s += " " + d.Action
	}
	outcome, reason := d.Outcome(d.file != "")
	s += ", " + outcome
	if reason != "" {
		s += ": " + reason
	}
	if n := len(d.Attempts); n > 1 {
		s += ", " + text.Count(n, "attempt")
	}
	if d.file != "" {
		s += ", recorded as " + d.file
	}
	return text.Clean(s)
}

// redeliver asks GitHub to send the chosen deliveries again.
func (m *lineMode) redeliver(ctx context.Context, rest string) error {
	list := m.missed()
	if rest != "missed" {
		chosen, err := numbers(rest, len(m.sent), "redeliver takes numbers of deliveries that were listed, or missed; type deliveries first")
		if err != nil {
			return err
		}
		list = nil
		for _, n := range chosen {
			list = append(list, m.sent[n])
		}
	} else if m.of.ID == 0 {
		return &hint{errors.New("no deliveries were listed"), "deliveries N lists those of hook N"}
	}
	client, err := m.atGitHub()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		m.say("Nothing is missing.")
		return nil
	}
	for _, d := range list {
		if err := client.Redeliver(ctx, m.of.Target, m.of.ID, d.Latest().ID); err != nil {
			return err
		}
	}
	m.say("GitHub sends " + text.Count(len(list), "event") + " again.")
	return nil
}

// catchup asks the receiver to fetch what never arrived.
func (m *lineMode) catchup(ctx context.Context, rest string) error {
	if rest == "" {
		rest = "all"
	}
	list, err := m.chosen(ctx, "catchup", rest)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return &hint{errors.New("no hook delivers to this receiver"), "setup makes one"}
	}
	names := targetNames(list)
	m.say("Fetching what never arrived of " + strings.Join(names, ", ") + ".")
	n, err := catchUp(ctx, daemon.Dial(m.cfg.Home), names)
	if err != nil {
		return err
	}
	m.say(sentenceOf(caughtWords(n)))
	return nil
}
