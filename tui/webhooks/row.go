package webhooks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// hookKey names a hook at GitHub.
type hookKey struct {
	target hooks.Target
	id     int64
}

func keyOf(h fleet.Hook) hookKey { return hookKey{h.Target, h.ID} }

// command is what hookctl hooks does with a hook; without one only its name.
func command(verb string, h fleet.Hook) string {
	return "hookctl hooks " + verb + kit.When(h.ID != 0, " "+h.Ref())
}

// title names a hook for people.
func title(h fleet.Hook) string { return fmt.Sprintf("hook %d of %s", h.ID, h.Target) }

// noTest says why a test of a hook would send nothing, "" where it would.
func noTest(h fleet.Hook) string {
	none := !slices.Contains(h.Events, "push") && !slices.Contains(h.Events, "*")
	return kit.When(none, "the hook does not subscribe to push, which is what GitHub sends as a test")
}

// settingsURL is the page of a hook at GitHub.
func (p *Page) settingsURL(h fleet.Hook) string {
	host := cmp.Or(p.host, "github.com")
	if h.Target.IsOrg() {
		return fmt.Sprintf("https://%s/organizations/%s/settings/hooks/%d", host, h.Target.Owner, h.ID)
	}
	return fmt.Sprintf("https://%s/%s/settings/hooks/%d", host, h.Target, h.ID)
}

// cleaned is a hook whose texts from outside can be shown.
func cleaned(h fleet.Hook) fleet.Hook {
	last := &h.LastResponse
	h.URL, h.State, h.Secret, last.Message, last.Status = text.Clean(h.URL), text.Clean(h.State), text.Clean(h.Secret), text.Clean(last.Message), text.Clean(last.Status)
	h.Events, h.Warnings = slices.Clone(h.Events), slices.Clone(h.Warnings)
	for i, e := range h.Events {
		h.Events[i] = text.Clean(e)
	}
	for i, w := range h.Warnings {
		h.Warnings[i].Text, h.Warnings[i].Cure = text.Clean(w.Text), text.Clean(w.Cure)
	}
	return h
}

// targetsOf are the targets of some hooks, each once, in their order.
func targetsOf(rows []fleet.Hook) []hooks.Target {
	var out []hooks.Target
	for _, h := range rows {
		if !slices.Contains(out, h.Target) {
			out = append(out, h.Target)
		}
	}
	return out
}

// targetFlags name the targets of some hooks on the command line.
func targetFlags(rows []fleet.Hook) string {
	var flags strings.Builder
	for _, t := range targetsOf(rows) {
		flags.WriteString(" " + t.Flag())
	}
	return flags.String()
}
