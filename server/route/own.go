package route

import "hookctl/logs/text"

// What the receiver notifies of itself. GitHub has no such event.
const (
	// OwnEvent is the event of a record that the receiver made of itself.
	OwnEvent = "hookctl"
	// IntakeFailing says that GitHub's deliveries do not arrive.
	IntakeFailing = "intake_failing"
)

// ownDecision is what such a record means.
func ownDecision(t Table, ev Event) Decision {
	payload := ev.Payload()
	words, _ := payload["message"].(string)
	hint, _ := payload["hint"].(string)
	n := plainNotice(ev, ev.Action)
	n.Priority, n.Subject, n.Message = "high", "hookctl: "+ev.Action+" in "+Place(ev), text.Line(words, 300)
	if p, ok := t.Priorities[ev.Action]; ok {
		n.Priority = p
	}
	if hint != "" {
		n.Message += "\n\nTo see more: " + text.Line(hint, 200)
		n.Context["hint"] = text.Line(hint, 200)
	}
	return Decision{Result: text.Line(ev.Action+": "+words, 300), Notifications: []Notice{n}, Trace: []RuleTrace{{OwnEvent, true, "the receiver says so of itself"}}}
}
