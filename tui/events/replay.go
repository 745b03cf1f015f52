package events

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

// Again has the receiver do something with records again, and returns with how
// many it did.
type Again func(ctx context.Context, files []string) (int, error)

// replayed is the end of a replay or resend.
type replayed struct {
	verb string
	done int
	err  error
}

// again asks the receiver to replay or resend the chosen records.
func (p *Page) again(verb string, do Again) tea.Cmd {
	files, ctx := p.chosen(), p.shell.Ctx
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		done, err := do(ctx, files)
		return replayed{verb, done, err}
	}
}

func (p *Page) replayDone(m replayed) tea.Cmd {
	if m.err != nil {
		return p.shell.Fail(m.err)
	}
	clear(p.marks)
	text, some := againWords(m.verb, m.done)
	if !some {
		return p.shell.Warn(text)
	}
	if m.verb == "replay" {
		text += "; look at the top of the list"
	}
	return p.shell.Say(text)
}

// againWords says what came of a replay or resend, and whether that is anything.
func againWords(verb string, done int) (words string, some bool) {
	switch {
	case done == 0:
		return "the receiver found nothing to " + verb, false
	case verb == "replay":
		return "replayed " + text.Count(done, "record"), true
	}
	return text.Count(done, "notification is", "notifications are") + " sent again", true
}
