package route

import (
	"strings"

	"hookctl/logs"
)

// syncFacts are the fields of sync's notices that hold no word of an outsider.
var syncFacts = []string{"blocked_since", "change", "pull_request", "reminder", "run_id", "task_id"}

// Sync is a notice of sync about an event as the queue knows notices. Its subject is fixed words, numbers and the repository's
// name; that and the facts are what agents get where the event's words are not to be trusted.
func (t Trust) Sync(n logs.SyncNotice, ev Event) Notice {
	notice := Notice{Type: n.Type, Priority: n.Priority, Subject: n.Subject, Message: n.Message, Context: n.Context, Sinks: n.Sinks}
	var others []voice
	for login, association := range n.Authors {
		who := voice{association: association, login: login}
		if strings.HasSuffix(login, "[bot]") {
			who.kind = "Bot"
		}
		others = append(others, who)
	}
	return t.also(notice, ev, func(fixed Event) Notice {
		short := Notice{Type: n.Type, Subject: n.Subject, Message: strings.TrimSpace(n.Subject + ". " + fixed.URL), Context: baseContext(fixed, n.Type)}
		short.Context["number"] = orNilNumber(fixed)
		for _, key := range syncFacts {
			if value, there := n.Context[key]; there {
				short.Context[key] = value
			}
		}
		return short
	}, others...)
}
