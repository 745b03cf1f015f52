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

// reach asks a public address for the receiver of this home, which listens on
// local. What goes wrong is no error: it is what was seen, and GitHub may see
// more.
func (c Config) reach(ctx context.Context, address, local string) reached {
	err := c.Fleet.Reach(ctx, address)
	host := hooks.BaseURL(address)
	var e *hooks.Error
	switch {
	case err == nil:
		return reached{ok: true, saw: host + " leads to this receiver"}
	case errors.Is(err, daemon.ErrNotRunning):
		return reached{saw: "the receiver is not running, so the address cannot be tested", cure: hooks.CureOf(err)}
	case errors.As(err, &e):
		cure := text.Clean(e.Cure)
		if strings.Contains(cure, "hookctl start") { // it runs, so the address does not lead to it
			cure = "the tunnel or proxy has to lead to " + text.Clean(local)
		}
		return reached{saw: host + ": " + text.Clean(e.Message), cure: cure}
	}
	return reached{saw: host + ": " + text.Clean(err.Error()), cure: text.Clean(hooks.CureOf(err))}
}
