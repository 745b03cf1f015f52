package bound

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Template is a template that was understood. It may be used by several goroutines.
type Template struct{ t *template.Template }

// ParseTemplate understands a template; nil for an empty one. extra are functions beside those of text/template. It runs the
// template once on a sample of the data, so that a field that does not exist is found now and not with the first delivery.
// [Place] finds where a mistake is.
func ParseTemplate(name, text string, extra template.FuncMap, sample any) (*Template, error) {
	if text == "" {
		return nil, nil
	}
	all := maps.Clone(funcs)
	maps.Copy(all, extra)
	t, err := template.New(name).Funcs(all).Parse(text)
	if err != nil {
		return nil, err
	}
	tick(t)
	made := &Template{t}
	if _, err := made.Execute(sample, maxBuilt); err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return nil, err
	}
	return made, nil
}

// Execute runs the template, up to limit bytes. What was made so far is returned with every error: [ErrCut] where more would
// come, [ErrTooMuch] and [ErrTooLong] where it went beyond its bounds, or the template's own.
func (t *Template) Execute(data any, limit int) ([]byte, error) {
	w := &writer{left: limit, end: time.Now().Add(Time)}
	err := t.t.Execute(w, data)
	return w.Bytes(), err
}

// writer keeps what fits and then ends the template.
type writer struct {
	bytes.Buffer
	left int
	end  time.Time
}

// Write is asked for every text and every value of a template.
func (w *writer) Write(p []byte) (int, error) {
	if time.Now().After(w.end) {
		return 0, ErrTooLong
	}
	if len(p) > w.left {
		p = p[:w.left]
		w.left = 0
		_, _ = w.Buffer.Write(p)
		return len(p), ErrCut
	}
	w.left -= len(p)
	return w.Buffer.Write(p)
}

// funcs replace those functions of templates that build text.
var funcs = template.FuncMap{
	"print":    func(args ...any) (string, error) { return built(fmt.Sprint(args...)) },
	"println":  func(args ...any) (string, error) { return built(fmt.Sprintln(args...)) },
	"printf":   func(format string, args ...any) (string, error) { return built(fmt.Sprintf(format, args...)) },
	"html":     func(args ...any) (string, error) { return built(template.HTMLEscaper(args...)) },
	"js":       func(args ...any) (string, error) { return built(template.JSEscaper(args...)) },
	"urlquery": func(args ...any) (string, error) { return built(template.URLQueryEscaper(args...)) },
}

// tick gives every round of every loop of a template an empty text, which its writer is asked to write, and so can end the loop
// when the time is over. A template that calls itself is a loop, too.
func tick(t *template.Template) {
	for _, x := range t.Templates() {
		if x.Tree != nil && x.Root != nil {
			tickList(x.Root)
			x.Root.Nodes = append([]parse.Node{&parse.TextNode{NodeType: parse.NodeText}}, x.Root.Nodes...)
		}
	}
}

func tickList(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.RangeNode:
			tickList(n.List)
			tickList(n.ElseList)
			n.List.Nodes = append(n.List.Nodes, &parse.TextNode{NodeType: parse.NodeText})
		case *parse.IfNode:
			tickList(n.List)
			tickList(n.ElseList)
		case *parse.WithNode:
			tickList(n.List)
			tickList(n.ElseList)
		}
	}
}

func built(s string) (string, error) {
	if len(s) > maxBuilt {
		return "", ErrTooMuch
	}
	return s, nil
}
