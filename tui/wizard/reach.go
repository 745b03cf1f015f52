package wizard

import (
	"context"
	"errors"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// reached is what was seen at a public address, in words.
type reached struct {
	ok   bool
	saw  string
	cure string
}

// reach asks a public address for the receiver of this home. What goes wrong
// is no error: it is what was seen, and GitHub may see more.
func reach(ctx context.Context, home, address string) reached {
	status, err := daemon.Dial(home).Status(ctx)
	if err != nil {
		return reached{saw: "the receiver does not run, so the address cannot be tested"}
	}
	err = hooks.CheckURL(ctx, address, status.Instance)
	var e *hooks.Error
	switch {
	case err == nil:
		return reached{ok: true, saw: hooks.BaseURL(address) + " leads to this receiver"}
	case errors.As(err, &e):
		cure := text.Clean(e.Cure)
		if strings.Contains(cure, "hookctl start") { // it runs, so the way does not lead to it
			cure = "the tunnel or proxy has to lead to " + text.Clean(status.Address)
		}
		return reached{saw: hooks.BaseURL(address) + ": " + text.Clean(e.Message), cure: cure}
	}
	return reached{saw: hooks.BaseURL(address) + ": " + text.Clean(err.Error())}
}
