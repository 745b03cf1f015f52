package webhooks

import (
	"fmt"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server/fleet"
	"hookctl/tui/kit"

	"github.com/charmbracelet/x/ansi"
)

// Two hooks of one repository, and repositories of one name, are distinguished at every width.
func TestHooksAreDistinguished(t *testing.T) {
	for _, w := range []int{40, 80, 100, 120, 200} {
		s := hooked(t, w, 30)
		s.Press("3")
		var all []listed
		for i, owner := range []string{"acme", "octo-org"} {
			target := hooks.Target{Owner: owner, Repo: "api"}
			all = append(all, listed{target: target, hooks: []fleet.Hook{shownHook(int64(471100001+i), target), shownHook(int64(471100005+i), target)}})
		}
		s.Settle(s.hooks.again(all))
		seen := map[string]bool{}
		for l := range strings.Lines(s.Text()) {
			for _, id := range []int{471100001, 471100005, 471100002, 471100006} {
				if strings.Contains(l, fmt.Sprint(id)) && strings.Contains(l, "/api") && !strings.Contains(l, "hook ") {
					seen[fmt.Sprint(id)] = true
				}
			}
		}
		if len(seen) != 4 {
			t.Errorf("at %d columns only %v are distinguished:\n%s", w, seen, s.Text())
		}
	}
}

// Deliveries that this log lacks are not said to be here, until they arrive.
func TestDeliveriesOfAnotherLog(t *testing.T) {
	s := hooked(t, 80, 24)
	o := &deliveries{p: s.hooks, came: map[string]string{}}
	taken := fleet.Sent{GUID: "a", Outcome: hooks.OutcomeElsewhere, Attempts: []hooks.Delivery{{Status: "OK", StatusCode: 200}}}
	o.took([]fleet.Sent{taken}, nil)
	if got := ansi.Strip(o.View(80, 10)); !strings.Contains(got, "1 event is not in this log") || !strings.Contains(got, "not here") {
		t.Errorf("the box says\n%s", got)
	}
	o.Update(kit.News[logs.Entry]{{DeliveryID: "a", File: "x.json"}})
	o.took([]fleet.Sent{taken}, nil) // read before it arrived
	if got := ansi.Strip(o.View(80, 10)); !strings.Contains(got, "all of them are here") || !strings.Contains(got, "a record") {
		t.Errorf("once it arrived, the box says\n%s", got)
	}
}
