package events

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// openCopy offers what can be copied of the record.
func (p *Page) openCopy() tea.Cmd {
	e, _ := p.feed.current()
	var choices []kit.Choice
	add := func(what, words string) {
		if words != "" {
			choices = append(choices, kit.Choice{Text: what, Detail: kit.Clean(words), Run: func() tea.Cmd { return p.shell.Copy(what, words) }})
		}
	}
	if d := p.shown(); d != nil && p.inside {
		name, value := d.under()
		add("value of "+name, value)
		if n := d.node(); n >= 0 {
			add("path", d.tree.Path(n))
		}
	}
	add("delivery id", e.DeliveryID)
	add("URL", e.URL)
	add("file name", e.File)
	choices = append(choices,
		kit.Choice{Text: "record as JSON", Detail: "the whole file", Run: func() tea.Cmd { return p.copyRecord(e.File, "the record", recordText) }},
		kit.Choice{Text: "payload as JSON", Detail: "what GitHub sent", Run: func() tea.Cmd { return p.copyRecord(e.File, "the payload", payloadText) }},
		kit.Choice{Text: "curl line", Detail: "posts the payload to the receiver, signed as it was", Run: func() tea.Cmd { return p.copyRecord(e.File, "the curl line", curlText(p.cfg.Address())) }})
	return p.shell.Show(kit.NewMenu(p.shell, "Copy", choices))
}

func (p *Page) copyRecord(file, what string, text func(*logs.Record) (string, error)) tea.Cmd {
	l := p.feed.log
	return kit.Get(p.shell, func(ctx context.Context) (string, error) {
		rec, err := l.Read(ctx, file)
		if err != nil {
			return "", err
		}
		return text(rec)
	}, func(s string) tea.Cmd { return p.shell.Copy(what, s) })
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
		for _, k := range slices.Sorted(maps.Keys(r.Headers)) {
			parts = append(parts, "-H", text.Shell(k+": "+r.Headers[k]))
		}
		return strings.Join(append(parts, "--data-binary", text.Shell(payload)), " "), nil
	}
}
