package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
)

// actions of the list, or of the document when the keys go there.
func (p *eventsPage) actions() []action {
	if p.inside {
		return append(p.docActions(), p.recordActions()...)
	}
	return append(p.listActions(), p.recordActions()...)
}

func (p *eventsPage) listActions() []action {
	f := &p.feed
	none := ""
	if len(f.entries) == 0 {
		none = "no event is listed"
	}
	step := func(by int) tea.Cmd {
		f.goTo(f.at + by)
		return p.after()
	}
	list := "hookctl events list"
	if !f.filter.IsZero() {
		list += " --filter " + quote(f.filter.String())
	}
	view := p.viewCommand()
	return append([]action{
		{id: "open", keys: []string{"enter"}, label: "open", text: "Open the record.", command: view, off: none, run: p.then(func() { p.inside = true })},
		{id: "find", keys: []string{"/"}, label: "filter", text: "Filter the list; it answers while you type.", command: list, run: p.openFilter},
		{id: "events.by", keys: []string{"="}, label: "by value", text: "Filter by a value of the event under the cursor, or leave it out.", off: none, run: p.openBy},
		{id: "failure.next", keys: []string{"e"}, label: "next failure", text: "Go to the next older failure.", command: list, off: none, run: func() tea.Cmd { return p.nextFailure(true) }},
		{id: "failure.previous", keys: []string{"E"}, text: "Go to the next newer failure.", off: none, run: func() tea.Cmd { return p.nextFailure(false) }},
		{id: "follow", keys: []string{"f"}, label: "follow", text: "Go to the newest event and follow.", command: "hookctl events follow", run: p.follow},
		{id: "mark", keys: []string{"x"}, text: "Mark the event for replay, resend and export, or take the mark away.", off: none, run: p.then(p.mark)},
		{id: "back", keys: []string{"esc"}, text: "Take away the marks, then the filter.", off: p.nothingToClear(), run: p.clear},
		{id: "export", keys: []string{"W"}, text: "Write the filtered or the marked events to a file, one JSON record a line; once more cancels.", command: list + " --json", off: none, run: p.openExport},
		{id: "filters", keys: []string{"F"}, text: "Choose a saved filter, or one used before.", run: p.openFilters},
		{id: "preview", keys: []string{"p"}, text: "Show or hide the preview.", run: p.then(func() { p.hidden = !p.hidden })},
		{id: "narrower", keys: []string{"<"}, text: "Give the list less room.", run: func() tea.Cmd { p.share = max(20, p.share-5); return nil }},
		{id: "wider", keys: []string{">"}, text: "Give the list more room.", run: func() tea.Cmd { p.share = min(80, p.share+5); return nil }},
		{id: "top", keys: []string{"g", "home"}, text: "Go to the newest event.", run: p.follow},
		{id: "end", keys: []string{"G", "end"}, text: "Go to the oldest event.", off: none, run: func() tea.Cmd { return tea.Batch(f.end(p.a.ctx), p.after()) }},
	}, moves(p.rows, none, step)...)
}

func (p *eventsPage) docActions() []action {
	d := p.shown()
	if d == nil {
		d = &detail{th: p.a.theme, rec: &logs.Record{}}
	}
	step := func(by int) tea.Cmd {
		d.move(by)
		return nil
	}
	nothing := ""
	if d.find == "" {
		nothing = "nothing is searched for; / searches"
	}
	match := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			if !d.search(by) {
				return p.a.warn("no match for " + d.find)
			}
			return nil
		}
	}
	next := func(by int) func() tea.Cmd {
		return p.then(func() { p.feed.goTo(p.feed.at + by) })
	}
	acts := []action{
		{id: "back", keys: []string{"esc"}, label: "back", text: "Go back to the list.", run: func() tea.Cmd { p.inside = false; return nil }},
		{id: "open", keys: []string{"enter"}, label: "open", text: "Fold or open the line; a value is shown in full.", command: p.viewCommand(), run: func() tea.Cmd {
			if !d.toggle() {
				head, lines := d.whole()
				p.a.show(&message{a: p.a, head: head, lines: lines})
			}
			return nil
		}},
		{id: "find", keys: []string{"/"}, label: "search", text: "Search the record; folded lines open where it is found.", run: p.openSearch},
		{id: "match.next", keys: []string{"n"}, text: "Go to the next match.", off: nothing, run: match(1)},
		{id: "match.previous", keys: []string{"N"}, text: "Go to the previous match.", off: nothing, run: match(-1)},
		{id: "jq", keys: []string{"|"}, label: "jq", text: "Ask the payload with a jq expression.", command: p.jqCommand(), run: p.openJQ},
		{id: "events.by", keys: []string{"="}, label: "by value", text: "Filter by a value of the event under the cursor, or leave it out.", run: p.openBy},
		{id: "fold.all", keys: []string{"z"}, text: "Open everything, or fold everything.", run: func() tea.Cmd { d.toggleAll(); return nil }},
		{id: "fold", keys: []string{"h", "left"}, text: "Fold the line, or go to the one around it.", run: func() tea.Cmd { d.fold(); return nil }},
		{id: "unfold", keys: []string{"l", "right"}, text: "Open the line.", run: func() tea.Cmd { d.unfold(); return nil }},
		{id: "event.next", keys: []string{"J", "ctrl+n"}, text: "Show the next older event.", run: next(1)},
		{id: "event.previous", keys: []string{"K"}, text: "Show the next newer event.", run: next(-1)},
	}
	return append(append(acts, moves(d.rows, "", step)...), ends("", step)...)
}

// recordActions act on the marked records, or on the one under the cursor.
func (p *eventsPage) recordActions() []action {
	e, ok := p.feed.current()
	none, noURL, down := "", "", ""
	if !ok {
		none = "no event is listed"
	}
	noURL = none
	if ok && !webAddress(e.URL) {
		noURL = "this event has no page on the web"
	}
	down = none
	if ok && !p.a.running() {
		down = "the receiver is not running; start it on the Receiver page"
	}
	files := strings.Join(quoted(p.chosen()), " ")
	return []action{
		{id: "copy", keys: []string{"y"}, label: "copy", text: "Copy id, URL, JSON, curl line, or the value under the cursor.", off: none, run: p.openCopy},
		{id: "browse", keys: []string{"o"}, label: "web", text: "Open the event's page in the browser.", off: noURL, run: func() tea.Cmd { return p.a.browse(e.URL) }},
		{id: "replay", keys: []string{"R"}, label: "replay", text: "Send the record through the receiver again, as a new one.", command: "hookctl events replay " + files, off: down,
			run: func() tea.Cmd { return p.again("replay") }},
		{id: "resend", keys: []string{"S"}, text: "Send the record's notifications again.", command: "hookctl events resend " + files, off: down,
			run: func() tea.Cmd { return p.again("resend") }},
	}
}

// viewCommand prints the record on the command line.
func (p *eventsPage) viewCommand() string {
	if e, ok := p.feed.current(); ok {
		return "hookctl events view " + quote(e.File)
	}
	return "hookctl events view"
}

// jqCommand asks the same on the command line.
func (p *eventsPage) jqCommand() string {
	d := p.shown()
	if d == nil {
		return "hookctl events view"
	}
	expr := ".payload"
	if d.query != "" {
		expr += " | " + d.query
	}
	return "hookctl events view " + quote(strings.TrimRight(d.file, "\x00")) + " --jq " + quote(expr)
}

func quoted(files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = quote(f)
	}
	return out
}

// chosen are the files of the marked events, or of the one under the cursor.
func (p *eventsPage) chosen() []string {
	var out []string
	for f := range p.marks {
		out = append(out, f)
	}
	if e, ok := p.feed.current(); ok && len(out) == 0 {
		out = append(out, e.File)
	}
	return out
}

func (p *eventsPage) follow() tea.Cmd {
	f := &p.feed
	if f.newer || f.fresh > 0 {
		f.paused, f.fresh = false, 0
		return f.load(p.a.ctx, nil)
	}
	f.goTo(0)
	return p.after()
}

func (p *eventsPage) mark() {
	e, ok := p.feed.current()
	if !ok {
		return
	}
	if _, on := p.marks[e.File]; on {
		delete(p.marks, e.File)
	} else {
		p.marks[e.File] = e
	}
	p.feed.goTo(p.feed.at + 1)
}

func (p *eventsPage) nothingToClear() string {
	if len(p.marks) == 0 && p.feed.filter.IsZero() {
		return "there is no mark and no filter to take away"
	}
	return ""
}

func (p *eventsPage) clear() tea.Cmd {
	if len(p.marks) > 0 {
		clear(p.marks)
		return nil
	}
	return p.setFilter(logs.Filter{})
}

// openBy offers filters made of the values of the event.
func (p *eventsPage) openBy() tea.Cmd {
	e, ok := p.feed.current()
	if !ok {
		return nil
	}
	kind, priority := "", ""
	if e.Notification != nil {
		kind, priority = e.Notification.Type, e.Notification.Priority
	}
	number := ""
	if e.Number != nil {
		number = strconv.FormatInt(*e.Number, 10)
	}
	var choices []choice
	for _, v := range [][2]string{{"event", e.Event}, {"action", e.Action}, {"repo", e.Repository}, {"sender", e.Sender}, {"branch", e.Branch},
		{"conclusion", e.Conclusion}, {"number", number}, {"type", kind}, {"priority", priority}, {"source", e.Source}, {"title", e.Title}} {
		if v[1] == "" {
			continue
		}
		word := v[0] + ":" + filterQuote(v[1])
		choices = append(choices, choice{text: word, right: "only these", run: func() tea.Cmd { return p.addFilter(word) }},
			choice{text: "!" + word, right: "leave out", run: func() tea.Cmd { return p.addFilter("!" + word) }})
	}
	p.a.show(newMenu(p.a, "Filter by value", choices))
	return nil
}

// filterQuote writes a value as the filter grammar reads it back.
func filterQuote(v string) string {
	if v == "" || strings.ContainsAny(v, " \t\n\r,\"\\") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	return v
}

// openFilters offers the saved filters and those used before.
func (p *eventsPage) openFilters() tea.Cmd {
	var choices []choice
	use := func(text string) func() tea.Cmd {
		return func() tea.Cmd {
			f, err := logs.ParseFilter(text, p.a.cfg.Now())
			if err != nil {
				return p.a.fail(err)
			}
			return p.setFilter(f)
		}
	}
	for _, name := range sortedKeys(p.a.cfg.Filters) {
		choices = append(choices, choice{text: name + ": " + p.a.cfg.Filters[name], right: "saved", run: use(p.a.cfg.Filters[name])})
	}
	for i := len(p.history) - 1; i >= 0; i-- {
		choices = append(choices, choice{text: p.history[i], right: "used before", run: use(p.history[i])})
	}
	if len(choices) == 0 {
		return p.a.warn("no filter was used yet; / filters the list")
	}
	p.a.show(newMenu(p.a, "Filters", choices))
	return nil
}

// openSearch lets a text be searched for in the record.
func (p *eventsPage) openSearch() tea.Cmd {
	d := p.shown()
	if d == nil {
		return nil
	}
	at, top, find := d.at, d.top, d.find
	pr := newPrompt(p.a, "search", "search", "")
	pr.hint = "text in any key or value; n and N go on"
	pr.live = func(text string) tea.Cmd {
		d.at, d.top, d.find = at, top, strings.ToLower(text)
		pr.fault("", -1)
		if text != "" && !d.search(1) {
			pr.fault("not found", -1)
		}
		return nil
	}
	pr.accept = func(text string) tea.Cmd { p.find = strings.ToLower(text); return nil }
	pr.cancel = func() tea.Cmd { d.at, d.top, d.find = at, top, find; return nil }
	p.a.show(pr)
	return nil
}

// openCopy offers what can be copied of the record.
func (p *eventsPage) openCopy() tea.Cmd {
	e, ok := p.feed.current()
	if !ok {
		return nil
	}
	var choices []choice
	add := func(what, text string) {
		if text != "" {
			choices = append(choices, choice{text: what, detail: logs.Clean(text), run: func() tea.Cmd { return p.a.copy(what, text) }})
		}
	}
	if d := p.shown(); d != nil && p.inside {
		name, value := d.under()
		add("value of "+name, value)
		if n := d.node(); n >= 0 {
			add("path", d.tree.path(n))
		}
	}
	add("delivery id", e.DeliveryID)
	add("URL", e.URL)
	add("file name", e.File)
	choices = append(choices,
		choice{text: "record as JSON", detail: "the whole file", run: func() tea.Cmd { return p.copyRecord(e.File, "the record", recordText) }},
		choice{text: "payload as JSON", detail: "what GitHub sent", run: func() tea.Cmd { return p.copyRecord(e.File, "the payload", payloadText) }},
		choice{text: "curl line", detail: "posts the payload to the receiver, for you to sign", run: func() tea.Cmd { return p.copyRecord(e.File, "the curl line", p.curlText) }})
	p.a.show(newMenu(p.a, "Copy", choices))
	return nil
}

// clip is text that a command read for the clipboard.
type clip struct{ what, text string }

func (p *eventsPage) copyRecord(file, what string, text func(*logs.Record) (string, error)) tea.Cmd {
	ctx, l := p.a.ctx, p.feed.log
	return func() tea.Msg {
		rec, err := l.Read(ctx, file)
		if err != nil {
			return failure{err}
		}
		s, err := text(rec)
		if err != nil {
			return failure{err}
		}
		return clip{what, s}
	}
}

func recordText(r *logs.Record) (string, error) {
	b, err := r.Encode()
	return strings.TrimSuffix(string(b), "\n"), err
}

func payloadText(r *logs.Record) (string, error) {
	if len(r.Payload) == 0 {
		return "", fmt.Errorf("record %s has no payload", r.File)
	}
	return string(r.Payload), nil
}

// curlText is a command that posts the payload to the receiver. The signature
// is the one that GitHub made, so it verifies while the secret is the same.
func (p *eventsPage) curlText(r *logs.Record) (string, error) {
	address := "http://127.0.0.1:" + strconv.Itoa(p.a.cfg.Setup.Port)
	if p.a.running() && p.a.status.Address != "" {
		address = "http://" + p.a.status.Address
	}
	parts := []string{"curl", "-sS", quote(address + "/webhook")}
	for _, k := range sortedKeys(r.Headers) {
		parts = append(parts, "-H", quote(k+": "+r.Headers[k]))
	}
	if len(r.Payload) == 0 {
		return "", fmt.Errorf("record %s has no payload", r.File)
	}
	return strings.Join(append(parts, "--data-binary", quote(string(r.Payload))), " "), nil
}

// replayed is the receiver's answer to replay or resend.
type replayed struct {
	verb  string
	files []string
	err   error
}

// again asks the receiver to replay or resend the chosen records.
func (p *eventsPage) again(verb string) tea.Cmd {
	files := p.chosen()
	ctx, home := p.a.ctx, p.a.cfg.Home
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		return replayed{verb, files, post(ctx, daemon.Dial(home), "/"+verb, map[string]any{"files": files})}
	}
}

// post sends a request to one of the receiver's further handlers.
func post(ctx context.Context, c *daemon.Client, path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	res, err := c.Do(ctx, http.MethodPost, path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the receiver's answer: %w", err)
	}
	if res.StatusCode < 300 {
		return nil
	}
	var why struct{ Error string }
	if json.Unmarshal(text, &why) == nil && why.Error != "" {
		return fmt.Errorf("%s: %s", strings.TrimPrefix(path, "/"), why.Error)
	}
	return fmt.Errorf("%s: the receiver answered %s", strings.TrimPrefix(path, "/"), res.Status)
}

func (p *eventsPage) replayDone(m replayed) tea.Cmd {
	if m.err != nil {
		return p.a.fail(m.err)
	}
	clear(p.marks)
	n := "1 record"
	if len(m.files) > 1 {
		n = fmt.Sprintf("%d records", len(m.files))
	}
	if m.verb == "replay" {
		return p.a.say("replayed " + n + "; it appears at the top")
	}
	return p.a.say("notifications of " + n + " are sent again")
}
