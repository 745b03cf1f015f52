package tui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
)

// openCopy offers what can be copied of the record.
func (p *eventsPage) openCopy() tea.Cmd {
	e, ok := p.feed.current()
	if !ok {
		return nil
	}
	var choices []choice
	add := func(what, words string) {
		if words != "" {
			choices = append(choices, choice{text: what, detail: text.Clean(words), run: func() tea.Cmd { return p.a.copy(what, words) }})
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
		choice{text: "curl line", detail: "posts the payload to the receiver, signed as it was", run: func() tea.Cmd { return p.copyRecord(e.File, "the curl line", curlText(p.a.address())) }})
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

// address is where the receiver listens, or will.
func (a *app) address() string {
	if a.running() && a.status.Address != "" {
		return "http://" + a.status.Address
	}
	return "http://127.0.0.1:" + strconv.Itoa(a.cfg.Setup.Port)
}

// curlText makes a command that posts a record's payload to the receiver. The
// signature is the one that GitHub made, so it verifies while the secret is the
// same.
func curlText(address string) func(*logs.Record) (string, error) {
	return func(r *logs.Record) (string, error) {
		payload, err := payloadText(r)
		if err != nil {
			return "", err
		}
		parts := []string{"curl", "-sS", text.Shell(address + "/webhook")}
		for _, k := range sortedKeys(r.Headers) {
			parts = append(parts, "-H", text.Shell(k+": "+r.Headers[k]))
		}
		return strings.Join(append(parts, "--data-binary", text.Shell(payload)), " "), nil
	}
}
