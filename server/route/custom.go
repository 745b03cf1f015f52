package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hookctl/logs/text"
	"hookctl/server/bound"
	"hookctl/server/sink"
)

const silent = "none"

// Error is a mistake in a route of the settings. Line and Column count from 1 within the field.
type Error struct {
	Index        int    // of the route, from 0
	Field        string // as in the settings: event, when, notify, priority, subject, message, sinks
	Line, Column int    // 0 where the mistake has no place
	Err          error
}

// Error names the route, the field and, where it is known, the place in it.
func (e *Error) Error() string {
	where := fmt.Sprintf("routes[%d].%s", e.Index, e.Field)
	if e.Line > 0 {
		where += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	return where + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

type compiledRoute struct {
	Route
	rule             string // what explanations call it
	when             *bound.Condition
	subject, message *bound.Template
}

func compileRoute(index int, r Route) (compiledRoute, error) {
	fail := func(field, format string, args ...any) (compiledRoute, error) {
		return compiledRoute{}, &Error{Index: index, Field: field, Err: fmt.Errorf(format, args...)}
	}
	if r.Priority == "" {
		r.Priority = "medium"
	}
	switch {
	case r.Event != "*" && !isEventName(r.Event):
		return fail("event", "%q is not a valid event name", r.Event)
	case !isEventName(r.Notify):
		return fail("notify", "%q is not a valid type: use a-z, 0-9 and _", r.Notify)
	case !slices.Contains(sink.Priorities(), r.Priority):
		return fail("priority", "%q is not one of %s", r.Priority, strings.Join(sink.Priorities(), ", "))
	}
	c := compiledRoute{Route: r, rule: fmt.Sprintf("routes[%d] (%s → %s)", index, r.Event, r.Notify)}
	var err error
	if c.when, err = bound.ParseCondition(r.When); err != nil {
		return compiledRoute{}, placed(index, "when", r.When, err)
	}
	if c.subject, err = bound.ParseTemplate("subject", r.Subject, nil, Event{}); err != nil {
		return compiledRoute{}, placed(index, "subject", r.Subject, err)
	}
	if c.message, err = bound.ParseTemplate("message", r.Message, nil, Event{}); err != nil {
		return compiledRoute{}, placed(index, "message", r.Message, err)
	}
	return c, nil
}

// placed is a mistake in a field's text, with its line and column.
func placed(index int, field, text string, err error) error {
	e := &Error{Index: index, Field: field}
	e.Line, e.Column, e.Err = bound.Place(text, err)
	return e
}

// matches says whether the route is one for a payload, and why; see [bound.Condition.Matches].
func (r *compiledRoute) matches(ctx context.Context, payload any) (matched bool, why string, beyond error) {
	if r.when == nil {
		return true, "the event is " + r.Event, nil
	}
	return r.when.Matches(ctx, payload)
}

// notice makes the route's notification. A template that fails, or goes beyond its bounds, leaves the plain text.
func (r *compiledRoute) notice(ev Event) (n Notice, beyond error) {
	n = plainNotice(ev, r.Notify)
	n.Priority, n.Sinks = r.Priority, r.Sinks
	subject, first := render(r.subject, ev, 4<<10)
	if s := text.Line(subject, 200); s != "" {
		n.Subject = s
	}
	message, second := render(r.message, ev, 64<<10)
	if m := text.ForAgent(message, 4000); m != "" {
		n.Message = m
	}
	return n, errors.Join(first, second)
}

// render runs a template, up to limit bytes; nil or one that fails gives "". beyond says that it went beyond its bounds.
func render(t *bound.Template, ev Event, limit int) (text string, beyond error) {
	if t == nil {
		return "", nil
	}
	out, err := t.Execute(ev, limit)
	switch {
	case errors.Is(err, bound.ErrTooMuch), errors.Is(err, bound.ErrTooLong):
		return "", err
	case err != nil && !errors.Is(err, bound.ErrCut):
		return "", nil
	}
	return string(out), nil
}
