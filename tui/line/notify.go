package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hookctl/server/fleet"
)

// askNotify asks who is notified of what matters, and of what else.
func (d *dialogue) askNotify(ctx context.Context) error {
	d.say("An agent can be notified of failed runs, new or merged pull requests and blocked issues. Everything is recorded in any case.")
	if err := d.askAgent(ctx); err != nil {
		return err
	}
	if d.from.Trust && !d.Nobody {
		d.say(fleet.AboutTrust)
	}
	if err := d.askMore(ctx); err != nil {
		return err
	}
	if d.Nobody && !d.chat.Chat {
		d.say("Nobody is notified.")
	}
	return nil
}

func (d *dialogue) askAgent(ctx context.Context) error {
	for {
		fallback := d.Agent
		if d.Nobody {
			fallback = "nobody"
		}
		answer, err := d.ask(ctx, "The agent's name in AI Maestro at "+d.from.Sink+", or nobody", fallback)
		if err != nil {
			return err
		}
		if d.Nobody = strings.EqualFold(answer, "nobody"); d.Nobody {
			return nil
		}
		d.Agent = answer
		if d.from.Probe == nil {
			return nil
		}
		err = d.report(d.work(ctx, func(ctx context.Context) error { return d.from.Probe(ctx, d.from.Sink, d.Agent) }))
		switch {
		case errors.Is(err, errInterrupted):
			return err
		case err == nil:
			d.say("AI Maestro answers and knows " + d.Agent + ".")
			return nil
		}
		if yes, err := d.confirm(ctx, "Notify it anyway? Notifications wait until it is reachable.", true); err != nil || yes {
			return err
		}
	}
}

// askMore asks whether people in a chat are notified too, and of which other events.
func (d *dialogue) askMore(ctx context.Context) error {
	offered := append([]fleet.Choice{{Value: "chat", Label: "chat", About: "people in Slack, Discord, Teams, Telegram, ntfy, Matrix or mail"}}, fleet.AlsoChoices()...)
	for _, c := range offered {
		d.say(c.Label + ": " + c.About)
	}
	for {
		have := d.Also
		if d.chat.Chat {
			have = append([]string{"chat"}, have...)
		}
		answer, err := d.ask(ctx, "Notify a chat, or of more events? Names of the list, or none", cmp.Or(strings.Join(have, ", "), "none"))
		if err != nil {
			return err
		}
		names := fields(answer)
		if slices.Equal(names, []string{"none"}) {
			names = nil
		}
		if i := slices.IndexFunc(names, func(name string) bool {
			return !slices.ContainsFunc(offered, func(c fleet.Choice) bool { return c.Value == name })
		}); i >= 0 {
			_ = d.report(fmt.Errorf("the list has no %q", names[i]))
			continue
		}
		d.chat.Chat = slices.Contains(names, "chat")
		d.Also = slices.DeleteFunc(names, func(name string) bool { return name == "chat" })
		if !d.chat.Chat || d.chat.ChatURL != "" {
			return nil
		}
		if done, err := d.askChat(ctx); done || err != nil {
			return err
		}
		d.chat.Chat = d.from.Chat
	}
}

// askChat asks for the URL of a chat, which is not shown.
func (d *dialogue) askChat(ctx context.Context) (done bool, err error) {
	question := "The URL of the chat, as https://shoutrrr.nickfedor.com/services shows it; it is stored in .env"
	if d.from.Chat {
		question += "; enter keeps the one that is there"
	}
	var url string
	if d.from.Hidden != nil {
		d.say(question + ".")
		if url, err = d.from.Hidden(ctx, "URL of the chat"); err != nil {
			return false, ErrCancelled
		}
	} else if url, err = d.ask(ctx, question, ""); err != nil {
		return false, err
	}
	url = strings.TrimSpace(url)
	if url == "" {
		return d.from.Chat, nil
	}
	if d.from.ProbeChat != nil {
		err := d.report(d.work(ctx, func(ctx context.Context) error { return d.from.ProbeChat(ctx, url) }))
		switch {
		case errors.Is(err, errInterrupted):
			return false, err
		case err != nil:
			return false, nil
		}
	}
	d.chat.ChatURL = url
	return true, nil
}

// askSync offers project sync once hooks are set up. Leaving the question leaves it as it is.
func (d *dialogue) askSync(ctx context.Context) error {
	if d.from.SaveSync == nil {
		return nil
	}
	d.say(fleet.AboutSync)
	var modes []string
	for _, c := range fleet.SyncChoices() {
		d.say(c.Label + ": " + c.About)
		modes = append(modes, c.Value)
	}
	mode, err := d.choose(ctx, "Project sync?", cmp.Or(d.from.Sync, "off"), modes...)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || mode == d.from.Sync:
		return nil //nolint:nilerr // The question was left.
	}
	return d.report(d.from.SaveSync(ctx, mode))
}
