package kit

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Suggestion is one way to go on with what is typed.
type Suggestion struct {
	Text  string // the whole line up to the cursor
	About string // a few words about it
}

// suggestions are the ways to go on that a prompt shows. They go away with the next key that types.
type suggestions struct {
	list        []Suggestion
	before      string // the line up to the cursor, when they were asked for
	after       string // the line behind the cursor
	pos         Cursor
	picked      bool // the line shows the one under the cursor
	none, going bool // nothing can follow; they were asked for
}

// open reports whether a list is on screen.
func (s *suggestions) open() bool { return len(s.list) > 0 || s.none }

// parts are the line before and behind the cursor.
func (p *Prompt) parts() (before, after string) {
	runes, at := []rune(p.Input.Value()), p.Input.Position()
	return string(runes[:at]), string(runes[at:])
}

// put makes a line of two parts, with the cursor between them.
func (p *Prompt) put(before, after string) tea.Cmd {
	p.Input.SetValue(before + after)
	p.Input.SetCursor(len([]rune(before)))
	return p.changed()
}

// complete asks for suggestions, or goes to the next of those that are shown.
func (p *Prompt) complete(step int) tea.Cmd {
	if len(p.offer.list) > 0 {
		return p.pick(step)
	}
	return p.ask()
}

// Offer answers Complete: the ways to go on from before, the likeliest first. The only one is taken, and of several what they
// have in common.
func (p *Prompt) Offer(before string, list []Suggestion) tea.Cmd {
	if now, after := p.parts(); !p.offer.going || now != before {
		return nil // something was typed since
	} else if p.offer = (suggestions{list: list, before: before, after: after, none: len(list) == 0}); len(list) == 0 {
		return nil
	}
	common := list[0].Text
	for _, s := range list[1:] {
		for !strings.HasPrefix(s.Text, common) {
			runes := []rune(common)
			common = string(runes[:len(runes)-1])
		}
	}
	switch after := p.offer.after; {
	case len(list) == 1 && strings.HasSuffix(common, ":"):
		return tea.Batch(p.put(common, after), p.ask())
	case len(list) == 1:
		p.offer = suggestions{}
		return p.put(strings.TrimSuffix(common, " ")+" ", strings.TrimPrefix(after, " "))
	case len(common) > len(before) && strings.HasPrefix(common, before):
		p.offer.before = common
		return p.put(common, after)
	}
	return nil
}

// ask asks for what can follow the cursor.
func (p *Prompt) ask() tea.Cmd {
	before, after := p.parts()
	p.offer = suggestions{going: true, before: before, after: after}
	return p.Complete(before)
}

// pick shows another suggestion in the line.
func (p *Prompt) pick(step int) tea.Cmd {
	o := &p.offer
	n := len(o.list)
	switch {
	case o.picked:
		o.pos.At = (o.pos.At + step + n) % n
	case step < 0:
		o.pos.At = n - 1
	}
	o.picked = true
	return p.put(o.list[o.pos.At].Text, o.after)
}

// view draws the suggestions in w columns and at most h lines.
func (s *suggestions) view(t *Theme, w, h int) []string {
	if s.none {
		return []string{" " + t.Faint.Render("nothing known can follow here")}
	}
	// Only the word that changes is shown.
	lead := strings.LastIndexByte(s.before, ' ') + 1
	names, wide := make([]string, len(s.list)), 0
	for i, o := range s.list {
		names[i] = Clean(o.Text[min(lead, len(o.Text)):])
		wide = max(wide, Width(names[i]))
	}
	wide = min(wide, max(8, w/2))
	more := ""
	if len(s.list) > h && h > 1 {
		h--
		more = fmt.Sprintf(" %d of %d", s.pos.At+1, len(s.list))
		if !s.picked {
			more = fmt.Sprintf(" %d more; type to narrow", len(s.list)-h)
		}
	}
	var out []string
	from, to := s.pos.Window(len(s.list), h)
	for i := from; i < to; i++ {
		line := t.Cell(names[i], wide) + "  "
		about := t.Cut(Clean(s.list[i].About), max(0, w-wide-4))
		if s.picked && i == s.pos.At {
			out = append(out, t.Selected.Render(FitLine(" "+line+about, w)))
			continue
		}
		out = append(out, " "+line+t.Faint.Render(about))
	}
	if more != "" {
		out = append(out, t.Faint.Render(more))
	}
	return out
}
