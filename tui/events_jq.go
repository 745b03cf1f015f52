package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/itchyny/gojq"

	"hookctl/logs/text"
)

const (
	jqTime    = 5 * time.Second // how long an expression may run
	jqResults = 1000            // results shown; an expression may have no end
)

// jqDone is what an expression made of a record's payload.
type jqDone struct {
	of    *detail
	gen   int
	query string
	tree  *tree
	err   error
}

// openJQ lets a jq expression be typed; the payload answers as it changes.
func (p *eventsPage) openJQ() tea.Cmd {
	d := p.shown()
	if d == nil || d.full == nil {
		return p.a.warn("this record has no payload to ask")
	}
	before := d.query
	pr := newPrompt(p.a, "jq", "jq", before)
	pr.hint = ".repository.full_name   .commits[].message   keys   (empty shows the payload again)"
	pr.history, pr.at = p.jqHistory, len(p.jqHistory)
	pr.live = func(text string) tea.Cmd { return p.runJQ(d, pr, text) }
	pr.accept = func(text string) tea.Cmd {
		switch {
		case pr.errText != "":
			p.a.show(pr) // the line says what is wrong
		case text != "":
			p.jqHistory = append(p.jqHistory, text)
		}
		return nil
	}
	pr.cancel = func() tea.Cmd { return p.runJQ(d, nil, before) }
	p.a.show(pr)
	return nil
}

// runJQ parses at once, so that errors stand under their character, and runs
// in a command.
func (p *eventsPage) runJQ(d *detail, pr *prompt, text string) tea.Cmd {
	d.asked++
	if d.stop != nil {
		d.stop()
	}
	if text == "" {
		d.result(d.full, "")
		if pr != nil {
			pr.fault("", -1)
		}
		return nil
	}
	q, err := gojq.Parse(text)
	if err != nil {
		var pe *gojq.ParseError
		if pr == nil {
			return p.a.fail(err)
		}
		if errors.As(err, &pe) {
			pr.fault(jqFault(pe), len([]rune(text[:max(0, min(len(text), pe.Offset-len(pe.Token)))])))
		} else {
			pr.fault(err.Error(), -1)
		}
		return nil
	}
	if pr != nil {
		pr.fault("", -1)
	}
	ctx, stop := context.WithTimeout(p.a.ctx, jqTime)
	d.stop = stop
	gen, payload := d.asked, d.rec.Payload
	return func() tea.Msg {
		defer stop()
		t, err := jq(ctx, q, payload)
		return jqDone{d, gen, text, t, err}
	}
}

func jqFault(e *gojq.ParseError) string {
	if e.Token == "" {
		return "the expression ends too early"
	}
	return fmt.Sprintf("%q is not expected here", text.Clean(e.Token))
}

// jq runs an expression on JSON. One result is shown as it is, several as a
// list.
func jq(ctx context.Context, q *gojq.Query, src []byte) (*tree, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	var results []any
	for it := q.RunWithContext(ctx, v); ; {
		r, ok := it.Next()
		if !ok {
			break
		}
		if err, bad := r.(error); bad {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("stopped after %s", jqTime)
			}
			return nil, err
		}
		if results = append(results, r); len(results) == jqResults {
			break
		}
	}
	var out any = results
	if len(results) == 1 {
		out = results[0]
	}
	b, err := gojq.Marshal(out)
	if err != nil {
		return nil, err
	}
	return parseTree(b, "result", 2)
}

// jqAnswered shows a result, unless another question was asked since.
func (p *eventsPage) jqAnswered(m jqDone) tea.Cmd {
	if m.gen != m.of.asked {
		return nil
	}
	if m.err == nil {
		m.of.result(m.tree, m.query)
		return nil
	}
	if pr, ok := p.a.top().(*prompt); ok && pr.id == "jq" {
		pr.fault(text.Clean(m.err.Error()), -1)
		return nil
	}
	return p.a.fail(fmt.Errorf("jq %s: %w", m.query, m.err))
}

// result puts a tree in the payload's place, the cursor on its heading.
func (d *detail) result(t *tree, query string) {
	d.tree, d.query = t, query
	d.build()
	for i, l := range d.lines {
		if l.fact < 0 && l.node < 0 {
			d.at, d.top = i, max(0, i-1)
			return
		}
	}
}
