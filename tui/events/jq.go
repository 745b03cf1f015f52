package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/itchyny/gojq"

	"hookctl/tui/kit"
)

const (
	jqTime    = 5 * time.Second // how long an expression may run
	jqResults = 1000            // results shown; an expression may have no end
)

// openJQ lets a jq expression be typed; the payload answers as it changes.
func (p *Page) openJQ() tea.Cmd {
	d := p.shown()
	if d == nil || d.full == nil {
		return p.shell.Warn("this record has no payload")
	}
	before := d.query
	pr := kit.NewPrompt(p.shell, "jq", before)
	pr.Hint = ".repository.full_name   .commits[].message   keys   (empty shows the payload again)"
	pr.History, pr.At = p.jqHistory, len(p.jqHistory)
	pr.Live = func(text string) tea.Cmd { return p.runJQ(d, pr, text) }
	pr.Accept = func(text string) tea.Cmd {
		switch {
		case pr.ErrText != "":
			p.shell.Show(pr) // the line says what is wrong
		case text != "":
			p.jqHistory = append(p.jqHistory, text)
		}
		return nil
	}
	pr.Cancel = func() tea.Cmd { return p.runJQ(d, pr, before) }
	return p.shell.Show(pr)
}

// runJQ parses at once, so that errors stand under their character, and runs
// in a command.
func (p *Page) runJQ(d *detail, pr *kit.Prompt, text string) (cmd tea.Cmd) {
	d.asking.Drop()
	if text == "" {
		d.result(d.full, "")
		return nil
	}
	q, err := gojq.Parse(text)
	if err != nil {
		fault, at := err.Error(), -1
		if pe, ok := errors.AsType[*gojq.ParseError](err); ok {
			fault, at = fmt.Sprintf("%q is not expected here", kit.Clean(pe.Token)), len([]rune(text[:max(0, min(len(text), pe.Offset-len(pe.Token)))]))
			if pe.Token == "" {
				fault = "the expression ends too early"
			}
		}
		pr.Fault(fault, at)
		return nil
	}
	payload := d.rec.Payload
	d.asking, cmd = kit.Instead(p.shell, d.asking, func(ctx context.Context) (*kit.Tree, error) {
		ctx, stop := context.WithTimeout(ctx, jqTime)
		defer stop()
		return jq(ctx, q, payload)
	}, func(t *kit.Tree, err error) tea.Cmd { return p.jqAnswered(d, pr, text, t, err) })
	return cmd
}

// jq runs an expression on JSON. One result is shown as it is, several as a
// list.
func jq(ctx context.Context, q *gojq.Query, src []byte) (*kit.Tree, error) {
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
	return kit.ParseTree(b, "result", 2)
}

// jqAnswered shows a result.
func (p *Page) jqAnswered(d *detail, pr *kit.Prompt, query string, t *kit.Tree, err error) tea.Cmd {
	switch {
	case err == nil:
		d.result(t, query)
	case p.shell.Shown(pr):
		pr.Fault(kit.Clean(err.Error()), -1)
	default:
		return p.shell.Fail(fmt.Errorf("jq %s: %w", query, err))
	}
	return nil
}

// result puts a tree in the payload's place, the cursor on its heading.
func (d *detail) result(t *kit.Tree, query string) {
	d.tree, d.query = t, query
	d.build()
	for i, l := range d.lines {
		if l.fact < 0 && l.node < 0 {
			d.At, d.Top = i, max(0, i-1)
			return
		}
	}
}
