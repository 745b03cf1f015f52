package wizard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// reach asks a public address for the receiver of this home, which listens on
// local. The error is what was seen; GitHub may see more.
func (c Config) reach(ctx context.Context, address, local string) error {
	err := c.Fleet.Reach(ctx, address)
	cure := hooks.CureOf(err)
	var e *hooks.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, daemon.ErrNotRunning):
		return hooks.WithCure(errors.New("the receiver is not running, so the address cannot be tested"), cure)
	case errors.As(err, &e):
		err, cure = errors.New(e.Message), e.Cure
		if strings.Contains(cure, "hookctl start") { // it runs, so the address does not lead to it
			cure = "the tunnel or proxy has to lead to " + text.Clean(local)
		}
	}
	return hooks.WithCure(fmt.Errorf("%s: %w", hooks.BaseURL(address), err), cure)
}

// seen is what a test of the chosen address saw, and what may help, nil where it was not tested.
func (s *urlStep) seen(w int) []string {
	switch err, known := s.tested[s.url()]; {
	case !known:
		return nil
	case err == nil:
		return s.w.good(hooks.BaseURL(s.url())+" leads to this receiver", w)
	default:
		return append(s.w.warning(err.Error(), w), kit.CureLines(hooks.CureOf(err), w)...)
	}
}
