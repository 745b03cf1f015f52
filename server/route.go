package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	"github.com/itchyny/gojq"
)

const silent = "none"

// RouteError is a mistake in a route of the settings. Line and Column count from 1 within the field.
type RouteError struct {
	Index        int    // of the route, from 0
	Field        string // as in the settings: event, when, notify, priority, subject, message, sinks
	Line, Column int    // 0 where the mistake has no place
	Err          error
}

// Error names the route, the field and, where it is known, the place in it.
func (e *RouteError) Error() string {
	where := fmt.Sprintf("routes[%d].%s", e.Index, e.Field)
	if e.Line > 0 {
		where += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	return where + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *RouteError) Unwrap() error { return e.Err }

type compiledRoute struct {
	Route
	rule             string // what explanations call it
	when             *gojq.Code
	overdue          *atomic.Bool // an earlier run of the condition has not ended
	subject, message *template.Template
}

func compileRoute(index int, r Route) (compiledRoute, error) {
	fail := func(field, format string, args ...any) (compiledRoute, error) {
		return compiledRoute{}, &RouteError{Index: index, Field: field, Err: fmt.Errorf(format, args...)}
	}
	if r.Priority == "" {
		r.Priority = "medium"
	}
	switch {
	case r.Event != "*" && !isEventName(r.Event):
		return fail("event", "%q is not a valid event name", r.Event)
	case !isEventName(r.Notify):
		return fail("notify", "%q is not a valid type: use a-z, 0-9 and _", r.Notify)
	case !slices.Contains(priorityNames, r.Priority):
		return fail("priority", "%q is not one of %s", r.Priority, strings.Join(priorityNames, ", "))
	}
	c := compiledRoute{Route: r, overdue: new(atomic.Bool), rule: fmt.Sprintf("routes[%d] (%s → %s)", index, r.Event, r.Notify)}
	var err error
	if c.when, err = compileCondition(r.When); err != nil {
		return compiledRoute{}, placed(index, "when", r.When, err)
	}
	if c.subject, err = compileTemplate("subject", r.Subject); err != nil {
		return compiledRoute{}, placed(index, "subject", r.Subject, err)
	}
	if c.message, err = compileTemplate("message", r.Message); err != nil {
		return compiledRoute{}, placed(index, "message", r.Message, err)
	}
	return c, nil
}

func compileCondition(text string) (*gojq.Code, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, err
	}
	return boundedCompile(query)
}

// compileTemplate also runs the template once on an empty event, so that a field that does not
// exist is found at start and not at the first delivery.
func compileTemplate(name, text string) (*template.Template, error) {
	if text == "" {
		return nil, nil
	}
	t, err := template.New(name).Funcs(boundedFuncs).Parse(text)
	if err != nil {
		return nil, err
	}
	tick(t)
	trial := &cappedBuffer{left: maxBuilt, end: time.Now().Add(ruleTime)}
	if err := t.Execute(trial, Event{}); err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return nil, err
	}
	return t, nil
}

var templatePlace = regexp.MustCompile(`^template: \w+:(\d+)(?::(\d+))?:\s*(?:executing "\w+" at )?(.*)$`)

// placed finds the line and column of a mistake in a field's text.
func placed(index int, field, text string, err error) error {
	e := &RouteError{Index: index, Field: field, Err: err}
	if parse := (*gojq.ParseError)(nil); errors.As(err, &parse) {
		offset := max(0, min(len(text), parse.Offset-len(parse.Token)))
		before := text[:offset]
		e.Line = 1 + strings.Count(before, "\n")
		e.Column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		return e
	}
	if m := templatePlace.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Column, _ = strconv.Atoi(m[2])
		e.Column++
		e.Err = errors.New(m[3])
		return e
	}
	// A name that jq does not know has no offset, but it can be looked for.
	if m := regexp.MustCompile(`not defined: (\$?\w+)`).FindStringSubmatch(err.Error()); m != nil {
		if at := strings.Index(text, m[1]); at >= 0 {
			before := text[:at]
			e.Line = 1 + strings.Count(before, "\n")
			e.Column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		}
	}
	return e
}

// value runs the condition. jq looks at its context between two steps only, and a step can take as long as it likes: the delivery
// does not wait for it, and the condition is not run again before it has ended.
func (r *compiledRoute) value(ctx context.Context, payload any) (value any, ok bool) {
	type result struct {
		value any
		ok    bool
	}
	if r.overdue.Load() {
		return errTooLong, true
	}
	done := make(chan result, 1)
	go func() {
		value, ok := r.when.RunWithContext(newAllowance(ctx), payload).Next()
		done <- result{value, ok}
		r.overdue.Store(false)
	}()
	late := time.NewTimer(ruleTime + stepTime)
	defer late.Stop()
	select {
	case x := <-done:
		return x.value, x.ok
	case <-late.C:
	}
	r.overdue.Store(true)
	select {
	case <-done: // just then
		r.overdue.Store(false)
	default:
	}
	return errTooLong, true
}

// matches runs the condition. What jq calls true matches; an error does not, nor does one that goes beyond its bounds, which
// beyond says.
func (r *compiledRoute) matches(ctx context.Context, payload any) (matched bool, why string, beyond error) {
	if r.when == nil {
		return true, "the event is " + r.Event, nil
	}
	value, ok := r.value(ctx, payload)
	if !ok {
		return false, "the condition gave nothing", nil
	}
	if err, isErr := value.(error); isErr {
		switch {
		case errors.Is(err, errTooMuch):
			return false, "the condition builds too much", errTooMuch
		case errors.Is(err, errTooLong), ctx.Err() != nil:
			return false, "the condition took too long", errTooLong
		}
		return false, line("the condition failed: "+err.Error(), 200), nil
	}
	if value == nil || value == false {
		return false, "the condition is " + line(fmt.Sprint(jqName(value)), 20), nil
	}
	return true, "the condition is true", nil
}

func jqName(value any) string {
	if value == nil {
		return "null"
	}
	return "false"
}

// notice makes the route's notification. A template that fails, or goes beyond its bounds, leaves the plain text.
func (r *compiledRoute) notice(ev Event) (n Notice, beyond error) {
	n = plainNotice(ev, r.Notify)
	n.Priority, n.Sinks = r.Priority, r.Sinks
	subject, first := render(r.subject, ev, 4<<10)
	if s := line(subject, 200); s != "" {
		n.Subject = s
	}
	message, second := render(r.message, ev, 64<<10)
	if m := paragraphs(message, 4000); m != "" {
		n.Message = m
	}
	return n, errors.Join(first, second)
}

// render runs a template, up to limit bytes; nil or one that fails gives "". beyond says that it went beyond its bounds.
func render(t *template.Template, ev Event, limit int) (text string, beyond error) {
	if t == nil {
		return "", nil
	}
	w := &cappedBuffer{left: limit, end: time.Now().Add(ruleTime)}
	switch err := t.Execute(w, ev); {
	case errors.Is(err, errTooMuch):
		return "", errTooMuch
	case errors.Is(err, errTooLong):
		return "", errTooLong
	case err != nil && !errors.Is(err, errCapped):
		return "", nil
	}
	return w.String(), nil
}

var errCapped = errors.New("output is too long")

type cappedBuffer struct {
	bytes.Buffer
	left int
	end  time.Time // zero for none
}

// Write keeps what fits and then ends the template.
func (w *cappedBuffer) Write(p []byte) (int, error) {
	if !w.end.IsZero() && time.Now().After(w.end) {
		return 0, errTooLong
	}
	if len(p) > w.left {
		p = p[:w.left]
		w.left = 0
		_, _ = w.Buffer.Write(p)
		return len(p), errCapped
	}
	w.left -= len(p)
	return w.Buffer.Write(p)
}
