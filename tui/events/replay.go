package events

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// Again has the receiver do something with records again, and returns with how
// many it did.
type Again func(ctx context.Context, files []string) (int, error)

// again asks the receiver to replay or resend the chosen records.
func (p *Page) again(verb string, do Again) tea.Cmd {
	files := p.chosen()
	return kit.Get(p.shell, func(ctx context.Context) (int, error) {
		ctx, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		return do(ctx, files)
	}, func(done int) tea.Cmd {
		clear(p.marks)
		switch {
		case done == 0:
			return p.shell.Warn("the receiver found nothing to " + verb)
		case verb == "replay":
			return p.shell.Say("replayed " + text.Count(done, "record") + "; look at the top of the list")
		}
		return p.shell.Say(text.Count(done, "notification is", "notifications are") + " sent again")
	})
}
