package server

import (
	"hookctl/logs/text"
	"hookctl/server/route"
)

// Explanation is what a payload would cause, and why.
type Explanation struct {
	Event    string         `json:"event"`
	Decision route.Decision `json:"decision"`
	Sends    []Explained    `json:"notifications"` // one for each notice and sink
}

// Explained is a notification that would be sent.
type Explained struct {
	Sink     string         `json:"sink"`
	To       string         `json:"to,omitempty"`
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context"`
}

// Explain shows what a payload that came to /webhook/<name> (or, with an empty name, anywhere) would cause, and why each rule
// did or did not match. It records and sends nothing and needs neither log nor secret.
func Explain(cfg Config, name, event string, payload []byte) (Explanation, error) {
	set, err := compileSettings(cfg)
	if err != nil {
		return Explanation{}, err
	}
	ev, err := route.NewEvent(event, payload)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Event: ev.Name, Decision: route.Decide(set.tables[set.path(name)], ev), Sends: []Explained{}}
	if x.Decision.Notifications == nil {
		x.Decision.Notifications = []route.Notice{} // none is an empty list for who reads it as JSON
	}
	for _, n := range x.Decision.Notifications {
		for _, t := range set.targetsOf(name, n) {
			n := n.For(t.wakesAgent)
			x.Sends = append(x.Sends, Explained{
				Sink: t.name, To: t.to, Type: n.Type, Priority: n.Priority,
				Subject: text.Line(n.Subject, 200), Message: text.ForAgent(n.Message, 4000), Context: n.Context,
			})
		}
	}
	return x, nil
}
