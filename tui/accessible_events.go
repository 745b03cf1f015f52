package tui

import (
	"context"
	"errors"
	"maps"
	"time"

	"hookctl/logs"
	"hookctl/server/daemon"
)

// linesAtOnce is how many lines of a list are said before it stops.
const linesAtOnce = 20

// eventLines are the commands about the events of the log.
func eventLines() []lineCommand {
	const which = "takes the number of an event that was listed; type events first"
	return []lineCommand{
		{name: "events", args: "[FILTER]", text: "The newest events, one a line, numbered. Filters are those of hookctl events list.", does: []string{"page.", "find", "events.by", "top", "back"}, run: (*lineMode).events},
		{name: "more", text: "The next older events.", does: []string{"end"}, run: func(m *lineMode, ctx context.Context, _ string) error { return m.more(ctx) }},
		{name: "failure", text: "The next older failure: a failed run, or a notification that was given up.", does: []string{"failure.next"}, run: (*lineMode).nextFailure},
		{name: "view", args: "N", text: "Event N in words, with what became of its notifications.", does: []string{"open", "event.next", "event.previous"}, run: (*lineMode).view},
		{name: "web", args: "N", text: "Open the page of event N in the browser.", does: []string{"browse"}, run: (*lineMode).web},
		{name: "follow", text: "New events as they come; an empty line ends it.", does: []string{"follow"}, asks: true, run: (*lineMode).follow},
		{name: "filters", args: "[N]", text: "The saved filters, numbered, or the events of filter N.", does: []string{"filters"}, run: (*lineMode).filters},
		{name: "save", args: "NAME", text: "Save the filter of the last events under a name, in hookctl.yaml.", does: []string{"filter.save"}, asks: true, run: (*lineMode).saveFilter},
		{name: "forget", args: "N", text: "Take saved filter N out of hookctl.yaml.", does: []string{"filter.forget"}, asks: true, run: (*lineMode).forgetFilter},
		{name: "replay", args: "N…", text: "Send the records through the receiver again, as new ones.", does: []string{"replay", "mark"}, run: func(m *lineMode, ctx context.Context, rest string) error {
			return m.again(ctx, "replay", rest, "replay "+which)
		}},
		{name: "resend", args: "N…", text: "Send the notifications of the records again.", does: []string{"resend"}, run: func(m *lineMode, ctx context.Context, rest string) error {
			return m.again(ctx, "resend", rest, "resend "+which)
		}},
	}
}

func (m *lineMode) events(ctx context.Context, rest string) error {
	f, err := logs.ParseFilter(rest, m.cfg.Now())
	if err != nil {
		return err
	}
	m.filter, m.shown, m.failure = f, nil, nil
	return m.more(ctx)
}

// more lists the next older events.
func (m *lineMode) more(ctx context.Context) error {
	q := logs.Query{Filter: m.filter, Limit: linesAtOnce}
	if n := len(m.shown); n > 0 {
		q.Cursor = m.shown[n-1].Cursor()
	}
	page, err := m.log.Page(ctx, q)
	if err != nil {
		return err
	}
	for _, e := range tidyAll(page.Entries) {
		m.number(e)
	}
	switch {
	case len(m.shown) == 0:
		m.say("No events.")
	case page.HasOlder:
		m.say("There are more: type more.")
	default:
		m.say("End of the list.")
	}
	return nil
}

// number says an event and gives it the next number.
func (m *lineMode) number(e logs.Entry) {
	m.shown = append(m.shown, e)
	m.sayf("%d. %s", len(m.shown), sentence(e, m.cfg))
}

// sentence is one event in one line.
func sentence(e logs.Entry, cfg Config) string {
	s := clock(e.ReceivedAt, cfg.Now()) + ", " + e.Event
	if e.Action != "" {
		s += " " + e.Action
	}
	if e.Repository != "" {
		s += ", " + e.Repository
	}
	if w := what(e); w != "" {
		s += ", " + w
	}
	if c := e.Conclusion; c == "success" || c == "failure" {
		s += ", " + c
	}
	if n := e.Notification; n != nil {
		s += ", notification " + n.Status
	}
	return s
}

// nextFailure looks for the next older failure, from the newest event on.
func (m *lineMode) nextFailure(ctx context.Context, _ string) error {
	from := m.failure
	if from == nil {
		page, err := m.log.Page(ctx, logs.Query{Filter: m.filter, Limit: 1})
		if err != nil {
			return err
		}
		if len(page.Entries) == 0 {
			m.say("No events.")
			return nil
		}
		from = &page.Entries[0]
		if bad(*from) {
			m.failure = from
			m.number(tidy(*from))
			return nil
		}
	}
	found, err := findFailure(ctx, m.log, m.filter, *from, true)
	if err != nil {
		return err
	}
	if found == nil {
		m.say("No older failure. events begins at the newest again.")
		return nil
	}
	m.failure = found
	m.number(tidy(*found))
	return nil
}

func (m *lineMode) view(ctx context.Context, rest string) error {
	list, err := numbers(rest, len(m.shown), "view takes the number of an event that was listed")
	if err != nil {
		return err
	}
	for _, n := range list {
		rec, err := m.log.Read(ctx, m.shown[n].File)
		if err != nil {
			return err
		}
		for _, f := range factsOf(tidyRecord(rec), m.cfg.Now()) {
			m.say(f.label + ": " + f.value)
		}
		m.say("The payload as JSON: hookctl events view " + m.shown[n].File)
	}
	return nil
}

func (m *lineMode) web(_ context.Context, rest string) error {
	list, err := numbers(rest, len(m.shown), "web takes the number of an event that was listed")
	if err != nil {
		return err
	}
	for _, n := range list {
		address := m.shown[n].URL
		if !webAddress(address) {
			return errors.New("this event has no page on the web")
		}
		if err := m.cfg.Browse(address); err != nil {
			return &hint{err, "the page is " + address}
		}
		m.say("Opened " + address + ".")
	}
	return nil
}

// follow tells new events until a line is typed.
func (m *lineMode) follow(ctx context.Context, _ string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	news, err := m.log.Watch(ctx)
	if err != nil {
		return err
	}
	m.say("Following. An empty line ends it.")
	seen := map[string]bool{}
	for {
		select {
		case batch, ok := <-news:
			if !ok {
				return ctx.Err()
			}
			for _, e := range batch {
				if !seen[e.File] {
					seen[e.File] = true
					m.say(sentence(tidy(e), m.cfg))
				}
			}
		case t := <-m.lines():
			_, _ = m.took(t) // whatever it was, it ends this; the prompt sees the end of the input
			m.say("No longer following.")
			return nil
		case <-m.interrupts:
			m.say("No longer following.")
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// filters lists the saved filters, or uses one.
func (m *lineMode) filters(ctx context.Context, rest string) error {
	names := sortedKeys(m.cfg.Filters)
	if len(names) == 0 {
		m.say("No filter is saved. save NAME saves that of the last events.")
		return nil
	}
	if rest == "" {
		for i, name := range names {
			m.sayf("%d. %s: %s", i+1, name, m.cfg.Filters[name])
		}
		return nil
	}
	list, err := numbers(rest, len(names), "filters takes the number of a saved filter")
	if err != nil {
		return err
	}
	return m.events(ctx, m.cfg.Filters[names[list[0]]])
}

// saveFilter keeps the filter in force, and asks where another one has the name.
func (m *lineMode) saveFilter(ctx context.Context, name string) error {
	why, _ := badName(name)
	text := m.filter.String()
	switch old, taken := m.cfg.Filters[name]; {
	case m.cfg.SaveFilter == nil:
		return errors.New("the settings cannot be changed here")
	case why != "":
		return errors.New(why)
	case text == "":
		return &hint{errors.New("there is no filter to save"), "events FILTER makes one"}
	case taken && old != text:
		if yes, err := m.confirm(ctx, name+" is saved as "+old+". Replace it by "+text+"?", false); err != nil || !yes {
			return orCancelled(err)
		}
	}
	if err := m.cfg.SaveFilter(ctx, name, text); err != nil {
		return err
	}
	m.cfg.Filters = maps.Clone(m.cfg.Filters)
	if m.cfg.Filters == nil {
		m.cfg.Filters = map[string]string{}
	}
	m.cfg.Filters[name] = text
	m.say("Saved " + name + ": " + text + ".")
	return nil
}

// forgetFilter takes a saved filter out of the settings.
func (m *lineMode) forgetFilter(ctx context.Context, rest string) error {
	if m.cfg.SaveFilter == nil {
		return errors.New("the settings cannot be changed here")
	}
	names := sortedKeys(m.cfg.Filters)
	list, err := numbers(rest, len(names), "forget takes the number of a saved filter; filters lists them")
	if err != nil {
		return err
	}
	name := names[list[0]]
	if yes, err := m.confirm(ctx, "Forget "+name+", which is "+m.cfg.Filters[name]+"?", true); err != nil || !yes {
		return orCancelled(err)
	}
	if err := m.cfg.SaveFilter(ctx, name, ""); err != nil {
		return err
	}
	m.cfg.Filters = maps.Clone(m.cfg.Filters)
	delete(m.cfg.Filters, name)
	m.say("Forgotten: " + name + ".")
	return nil
}

// againWait is how long the receiver may take to replay or resend.
const againWait = 30 * time.Second

// again asks the receiver to replay or resend records.
func (m *lineMode) again(ctx context.Context, verb, rest, wrong string) error {
	list, err := numbers(rest, len(m.shown), wrong)
	if err != nil {
		return err
	}
	files := make([]string, len(list))
	for i, n := range list {
		files[i] = m.shown[n].File
	}
	ctx, stop := context.WithTimeout(ctx, againWait)
	defer stop()
	done, err := post(ctx, daemon.Dial(m.cfg.Home), "/"+verb, map[string]any{"files": files})
	if err != nil {
		return err
	}
	text, _ := againWords(verb, done)
	m.say(sentenceOf(text))
	return nil
}
