package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/itchyny/gojq"

	"hookctl/logs"
)

// streamTable prints a table of entries as they come, in memory for a few. The first thousand say how wide its columns are.
func (p *program) streamTable(all iter.Seq2[logs.Entry, error], none string) error {
	const piece = 1000
	var columns layout
	printed := false
	rows := make([][]string, 0, piece+1)
	flush := func() error {
		if !printed {
			columns, rows = layOut(terminalWidth(p.out), eventsHead(), rows), slices.Insert(rows, 0, eventsHead())
		}
		err := columns.print(p.out, rows)
		printed, rows = true, rows[:0]
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
	if !printed && len(rows) == 0 {
		p.note("%s", none)
		return nil
	}
	err := flush()
	p.noteLeftOut(columns)
	return err
}

// streamEntries prints a JSON array of entries as they come, in memory for a few.
func (p *program) streamEntries(all iter.Seq2[logs.Entry, error]) error {
	lead := "["
	return p.stream(all, func(buf *bytes.Buffer, entry []byte) (bool, error) {
		buf.WriteString(lead)
		buf.Write(entry)
		lead = ","
		return false, nil
	}, func(buf *bytes.Buffer) {
		if lead == "[" {
			buf.WriteString(lead)
		}
		buf.WriteString("]\n")
	})
}

// streamJQ prints what each makes of the entries as they come, in memory for a few.
func (p *program) streamJQ(all iter.Seq2[logs.Entry, error], each *gojq.Code) error {
	return p.stream(all, func(buf *bytes.Buffer, entry []byte) (bool, error) { return printJQ(buf, each, entry) }, func(*bytes.Buffer) {})
}

// stream prints what add makes of the JSON of each entry until it says that this is all, and then end.
func (p *program) stream(all iter.Seq2[logs.Entry, error], add func(*bytes.Buffer, []byte) (bool, error), end func(*bytes.Buffer)) error {
	w := shown(p.out)
	var buf, entry bytes.Buffer // characters must not be split between two writes
	encoder := json.NewEncoder(&entry)
	encoder.SetEscapeHTML(false)
	for e, err := range all {
		if err != nil {
			return err
		}
		entry.Reset()
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		halted, err := add(&buf, bytes.TrimSuffix(entry.Bytes(), []byte("\n")))
		if err == nil && !halted && buf.Len() <= 64<<10 {
			continue
		}
		if _, werr := w.Write(buf.Bytes()); halted || err != nil || werr != nil {
			return cmp.Or(werr, err)
		}
		buf.Reset()
	}
	end(&buf)
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
