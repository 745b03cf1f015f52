package webhooks

import (
	"testing"

	"hookctl/tui/kittest"
)

// A click chooses the line under it in the checklist of a hook's events.
func TestClicksChooseEvents(t *testing.T) {
	s := hooked(t, 80, 24)
	listing(s)
	s.Press("m")
	kittest.RequireClickable(t, s.Screen, s.Top().(*hookEvents).pick)
}
