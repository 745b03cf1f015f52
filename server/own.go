package server

import (
	"context"
	"encoding/json"
	"fmt"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/route"
)

// NotifyOwn records something about the receiver, and notifies it like a delivery: to all sinks, unless a route for the event hookctl
// says otherwise. kind is the type of the notification; repository may be empty.
func (s *Server) NotifyOwn(ctx context.Context, kind, repository, words, hint string) error {
	payload := map[string]any{"action": kind, "message": text.Line(words, 300), "hint": hint}
	if repository != "" {
		payload["repository"] = map[string]string{"full_name": repository}
	}
	body, err := json.Marshal(payload)
	if err == nil {
		_, err = s.Ingest(ctx, &logs.Record{EventType: route.OwnEvent, Source: logs.SourceSelf, Payload: body})
	}
	if err != nil {
		return fmt.Errorf("notify %s: %w", kind, err)
	}
	return nil
}
