package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/itchyny/gojq"

	"hookctl/logs"
)

// streamTable prints a table of entries as they come, in memory for a few. The first thousand say how wide its columns are.
func (p *program) streamTable(all iter.Seq2[logs.Entry, error], none string) error {
	const piece = 1000
	var columns *layout
	rows := make([][]string, 0, piece)
	flush := func() error {
		if columns == nil {
			first := layOut(terminalWidth(p.out), eventsHead(), rows)
			columns, rows = &first, append([][]string{eventsHead()}, rows...)
		}
		err := columns.print(p.out, rows)
		rows = rows[:0]
		return err
	}
	for e, err := range all {
		if err != nil {
			return err
		}
		if rows = append(rows, eventRow(e)); len(rows) == piece {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if columns == nil && len(rows) == 0 {
		p.note("%s", none)
		return nil
	}
	if len(rows) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	p.noteLeftOut(*columns)
	return nil
}

// streamEntries prints a JSON array of entries as they come, in memory for a few.
func (p *program) streamEntries(all iter.Seq2[logs.Entry, error]) error {
	w := shown(p.out)
	var buf bytes.Buffer // characters must not be split between two writes
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	buf.WriteByte('[')
	between := ""
	for e, err := range all {
		if err != nil {
			return err
		}
		buf.WriteString(between)
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		buf.Truncate(buf.Len() - len("\n"))
		if between = ","; buf.Len() > 64<<10 {
			if _, err := w.Write(buf.Bytes()); err != nil {
				return err
			}
			buf.Reset()
		}
	}
	buf.WriteString("]\n")
	_, err := w.Write(buf.Bytes())
	return err
}

// streamJQ prints what each makes of the entries as they come, in memory for a few.
func (p *program) streamJQ(all iter.Seq2[logs.Entry, error], each *gojq.Code) error {
	w := shown(p.out)
	var buf bytes.Buffer // characters must not be split between two writes
	for e, err := range all {
		if err != nil {
			return err
		}
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		halted, err := printJQ(&buf, each, data)
		if err == nil && !halted && buf.Len() <= 64<<10 {
			continue
		}
		if _, werr := w.Write(buf.Bytes()); halted || err != nil || werr != nil {
			return cmp.Or(werr, err)
		}
		buf.Reset()
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// elementwise returns what an expression over an array does with each of its elements: "." of ".[]", ".file" of ".[].file",
// "select(.x) | .y" of ".[] | select(.x) | .y". ok is false for an expression that needs the array as a whole.
func elementwise(expression string) (each *gojq.Code, ok bool) {
	query, err := gojq.Parse(expression)
	if err != nil {
		return nil, false
	}
	first := query
	if query.Op == gojq.OpPipe && query.Patterns == nil { // With a pattern, what follows sees the array.
		first = query.Left
	}
	if t := first.Term; t == nil || t.Type != gojq.TermTypeIdentity || len(t.SuffixList) == 0 || !t.SuffixList[0].Iter {
		return nil, false
	}
	first.Term.SuffixList = first.Term.SuffixList[1:]
	each, err = gojq.Compile(query)
	return each, err == nil
}
