package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
)

// sinkNames are the names of the sinks as records have them: those of a path begin with its name.
func sinkNames(s *settings.Settings) []string {
	var names []string
	for _, sink := range s.Sinks {
		names = append(names, cmp.Or(sink.Name, sink.Type))
	}
	for name, path := range s.Paths {
		for _, sink := range path.Sinks {
			names = append(names, name+"/"+sink)
		}
	}
	return names
}

// pendingPatience is how long a change of the settings may look for pending notifications.
const pendingPatience = 3 * time.Second

// orphaned warns of notifications that are pending for sinks that were taken out of the settings; "" for none. What cannot be read
// in time is not warned of.
func (p *program) orphaned(ctx context.Context, before []string, now *settings.Settings) string {
	left := sinkNames(now)
	gone := slices.DeleteFunc(slices.Clone(before), func(name string) bool { return slices.Contains(left, name) })
	if len(gone) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, pendingPatience)
	defer cancel()
	log, err := logs.Look(ctx, now.Logs(nil))
	if err != nil {
		return ""
	}
	defer log.Close() //nolint:errcheck // Only read from.
	pending, err := log.Pending(ctx)
	if err != nil {
		return ""
	}
	count := map[string]int{}
	for _, e := range pending {
		record, err := log.Read(ctx, e.File)
		if err != nil {
			continue // pruned just now, or out of time
		}
		for _, n := range record.Notifications {
			if n.Status == logs.StatusPending && slices.Contains(gone, n.Sink) {
				count[n.Sink]++
			}
		}
	}
	var words []string
	for _, name := range gone {
		if n := count[name]; n > 0 {
			words = append(words, fmt.Sprintf("%s for %s", text.Count(n, "pending notification"), name))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ", ") + " will fail, because the settings no longer have the sink"
}
