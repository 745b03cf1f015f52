package webhooks

import (
	"fmt"
	"slices"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// flags name a hook on the command line.
func (r hookRow) flags() string {
	if r.Target.IsOrg() {
		return fmt.Sprintf("%d --org %s", r.ID, text.Shell(r.Target.String()))
	}
	return fmt.Sprintf("%d -R %s", r.ID, text.Shell(r.Target.String()))
}

// command is what hookctl hooks does with a hook; without one only its name.
func (r hookRow) command(verb string) string {
	if r.ID == 0 {
		return "hookctl hooks " + verb
	}
	return "hookctl hooks " + verb + " " + r.flags()
}

// title names a hook for people.
func (r hookRow) title() string { return fmt.Sprintf("hook %d of %s", r.ID, r.Target) }

// noTest says why GitHub cannot be asked for a test of a hook, "" where it can.
func (r hookRow) noTest() string {
	switch {
	case r.Target.IsOrg():
		return "GitHub has no tests for hooks of organisations, only pings"
	case !slices.Contains(r.Events, "push") && !slices.Contains(r.Events, "*"):
		return "the hook does not subscribe to push, which is what GitHub sends as a test"
	}
	return ""
}

// settingsURL is the page of the hook at GitHub.
func (p *Page) settingsURL(r hookRow) string { return settingsPage(p.client, r) }

func settingsPage(c *hooks.Client, r hookRow) string {
	host := "github.com"
	if c != nil {
		host = c.Host()
	}
	if r.Target.IsOrg() {
		return fmt.Sprintf("https://%s/organizations/%s/settings/hooks/%d", host, r.Target.Owner, r.ID)
	}
	return fmt.Sprintf("https://%s/%s/settings/hooks/%d", host, r.Target, r.ID)
}
