package server

import (
	"context"
	"encoding/json"
	"fmt"

	"hookctl/logs"
)

// What the receiver notifies of itself. GitHub has no such event.
const (
	ownEvent = "hookctl"
	// IntakeFailing says that GitHub's deliveries do not arrive.
	IntakeFailing = "intake_failing"
)

// NotifyOwn records something about the receiver, and notifies it like a delivery: to all sinks, unless a route for the event hookctl
// says otherwise. kind is the type of the notification; repository may be empty.
func (s *Server) NotifyOwn(ctx context.Context, kind, repository, text, hint string) error {
	payload := map[string]any{"action": kind, "message": line(text, 300), "hint": hint}
	if repository != "" {
		payload["repository"] = map[string]string{"full_name": repository}
	}
	body, err := json.Marshal(payload)
	if err == nil {
		_, err = s.Ingest(ctx, &logs.Record{EventType: ownEvent, Source: logs.SourceSelf, Payload: body})
	}
	if err != nil {
		return fmt.Errorf("notify %s: %w", kind, err)
	}
	return nil
}

// ownDecision is what such a record means.
func ownDecision(t Table, ev Event) Decision {
	payload := ev.Payload()
	text, _ := payload["message"].(string)
	hint, _ := payload["hint"].(string)
	n := plainNotice(ev, ev.Action)
	n.Priority, n.Subject, n.Message = "high", "hookctl: "+ev.Action+" in "+place(ev), line(text, 300)
	if p, ok := t.priorities[ev.Action]; ok {
		n.Priority = p
	}
	if hint != "" {
		n.Message += "\n\nTo see more: " + line(hint, 200)
		n.Context["hint"] = line(hint, 200)
	}
	return Decision{Result: line(ev.Action+": "+text, 300), Notifications: []Notice{n}, Trace: []RuleTrace{{ownEvent, true, "the receiver says so of itself"}}}
}
