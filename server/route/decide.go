package route

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"hookctl/logs/text"
	"hookctl/server/bound"
)

// Table is what [Decide] decides by. Make one with [NewTable].
type Table struct {
	Rules
	routes []compiledRoute
}

// Notice is a notification before it has a recipient.
type Notice struct {
	Type     string         `json:"type"`
	Priority string         `json:"priority"` // low, medium, high or urgent
	Subject  string         `json:"subject"`  // one line; by default without a word that an outsider chose
	Message  string         `json:"message"`
	Context  map[string]any `json:"context"`         // the same as fields; the delivery's own are added when it is sent
	Sinks    []string       `json:"sinks,omitempty"` // names; nil is all

	forAgents *Notice // what a sink that wakes an agent gets instead; nil for the same

	brief string // what a list of several says of this one, with an outsider's words in quotes
}

// Listed is the notice as a line of a list.
func (n Notice) Listed() string { return cmp.Or(n.brief, n.Subject) }

// RuleTrace says why one rule did or did not match.
type RuleTrace struct {
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason"`
}

// Decision is what a delivery causes: at most one notice today, and how that came about.
type Decision struct {
	Result        string      `json:"result"` // the record's result line
	Notifications []Notice    `json:"notifications"`
	Trace         []RuleTrace `json:"trace"`

	Overruns []Overrun `json:"-"`
}

// Overrun is a route of the settings whose condition or template went beyond its bounds.
type Overrun struct {
	Index int    // of the route, from 0
	Text  string // what it did and what follows
}

// NewTable compiles the rules of the settings. A mistake in a route is a [*Error].
func NewTable(rules Rules) (Table, error) {
	t := Table{Rules: rules}
	for _, pattern := range t.WatchedBranches {
		if _, err := path.Match(pattern, ""); err != nil {
			return Table{}, fmt.Errorf("watched branch %q: %w", pattern, err)
		}
	}
	for _, name := range t.NotifyAlso {
		if name != AlsoReviews && name != AlsoStatuses {
			return Table{}, fmt.Errorf("notify_also: %q is not one of %s, %s", name, AlsoReviews, AlsoStatuses)
		}
	}
	for i, r := range rules.Routes {
		c, err := compileRoute(i, r)
		if err != nil {
			return Table{}, err
		}
		t.routes = append(t.routes, c)
	}
	return t, t.checkPriorities()
}

// Decide applies the routes of the settings in order, then the default table. It depends on
// nothing but its arguments. A condition or template of a route that takes or builds too much is cut off.
func Decide(t Table, ev Event) Decision {
	if slices.ContainsFunc(t.IgnoreSenders, func(login string) bool { return ev.Sender != "" && strings.EqualFold(login, ev.Sender) }) {
		return Decision{
			Result: "ignored: " + describe(ev) + " by " + ev.Sender,
			Trace:  []RuleTrace{{"ignore_senders", true, fmt.Sprintf("the sender %s is ignored", ev.Sender)}},
		}
	}
	var d Decision
	if len(t.routes) > 0 && d.route(t, ev) {
		for _, later := range defaultRules {
			d.Trace = append(d.Trace, RuleTrace{later.name, false, "not tried: a route of the settings matched before"})
		}
		return d
	}
	if ev.Name == OwnEvent && isEventName(ev.Action) {
		return ownDecision(t, ev)
	}
	reason := ""
	for i, r := range defaultRules {
		if r.event != ev.Name {
			d.Trace = append(d.Trace, RuleTrace{r.name, false, "the event is " + ev.Name + ", not " + r.event})
			continue
		}
		if r.also != "" && !slices.Contains(t.NotifyAlso, r.also) {
			d.Trace = append(d.Trace, RuleTrace{r.name, false, r.also + " is not in notify_also"})
			continue
		}
		matched, why := r.match(t, ev)
		d.Trace = append(d.Trace, RuleTrace{r.name, matched, why})
		if !matched {
			if reason == "" || !ofAction(why) || ofAction(reason) { // a rule that the action fits came closer
				reason = why
			}
			continue
		}
		n := t.Trust.also(r.notice(ev), ev, r.notice)
		n.Priority = t.priority(r, n.Type, ev)
		d.Notifications = []Notice{n}
		d.Result = text.Cut(strings.TrimSpace(n.Type+": "+r.result(ev)), 300)
		for _, later := range defaultRules[i+1:] {
			d.Trace = append(d.Trace, RuleTrace{later.name, false, "not tried: another rule matched before"})
		}
		return d
	}
	d.Result = recorded(ev, reason)
	return d
}

// route tries the routes of the settings and reports whether one of them ended the search.
func (d *Decision) route(t Table, ev Event) bool {
	ctx, cancel := context.WithTimeout(context.Background(), bound.Time)
	defer cancel()
	var payload any
	for i := range t.routes {
		r := &t.routes[i]
		if r.Event != "*" && r.Event != ev.Name {
			d.Trace = append(d.Trace, RuleTrace{r.rule, false, "the event is " + ev.Name + ", not " + r.Event})
			continue
		}
		if payload == nil && r.when != nil {
			payload = ev.Payload()
		}
		matched, why, beyond := r.matches(ctx, payload)
		d.overran(i, r, "the condition counts as false", beyond)
		d.Trace = append(d.Trace, RuleTrace{r.rule, matched, why})
		if !matched {
			continue
		}
		if r.Notify == silent {
			d.Result = recorded(ev, r.rule+" says none")
			return true
		}
		n, beyond := r.notice(ev)
		d.overran(i, r, "the plain text is used", beyond)
		n = t.Trust.also(n, ev, func(e Event) Notice { n, _ := r.notice(e); return n })
		if p, ok := t.Priorities[r.Notify]; ok {
			n.Priority = p
		}
		d.Notifications = []Notice{n}
		d.Result = text.Cut(n.Type+": "+n.Subject, 300)
		return true
	}
	return false
}

func (d *Decision) overran(index int, r *compiledRoute, effect string, beyond error) {
	if beyond != nil {
		d.Overruns = append(d.Overruns, Overrun{index, fmt.Sprintf("%s: %v, so %s", r.rule, beyond, effect)})
	}
}

// recorded is the result of an event that nobody is notified of: what happened, and why not where a rule came close.
func recorded(ev Event, reason string) string {
	if reason != "" {
		reason = " (" + reason + ")"
	}
	return text.Cut("recorded: "+ev.Line()+reason, 300)
}

// describe names an event in a few words: "workflow_run completed".
func describe(ev Event) string {
	if ev.Action == "" {
		return ev.Name
	}
	return ev.Name + " " + ev.Action
}
