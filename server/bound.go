package server

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	runtimemetrics "runtime/metrics"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/itchyny/gojq"
)

// Conditions and templates run before the answer, on what outsiders sent. Neither jq nor text/template bounds what they build, so
// it is done here: no single step may build a string of more than maxBuilt bytes, a list of more than maxLength or a number of
// more than maxBits, and a condition ends when the heap has grown by maxGrown since it began.
const (
	maxBuilt  = mib
	maxLength = mib
	maxBits   = 64 << 10
	maxGrown  = 256 * mib
	ruleTime  = 250 * time.Millisecond // of all conditions of a delivery, and of each template
	stepTime  = 250 * time.Millisecond // more, for the step of a condition that has begun by then
)

var (
	errTooMuch = errors.New("it builds too much")
	errTooLong = errors.New("it takes too long")
)

// boundedCompile compiles a condition whose products, and whose paths that are written to, are checked first. What else one step of
// jq can build follows from the size of what there is.
func boundedCompile(q *gojq.Query) (*gojq.Code, error) {
	if err := bound(reflect.ValueOf(q)); err != nil {
		return nil, err
	}
	return gojq.Compile(q, gojq.WithFunction("hookctl_product", 2, 2, checkProduct), gojq.WithFunction("hookctl_path", 1, 1, checkPath))
}

func checkProduct(_ any, of []any) any {
	text, n := of[0], of[1]
	if _, ok := text.(string); !ok {
		text, n = n, text
	}
	if s, ok := text.(string); ok {
		if times, ok := number64(n); ok && float64(len(s))*times > maxBuilt {
			return errTooMuch
		}
	}
	if bits(of[0])+bits(of[1]) > maxBits {
		return errTooMuch
	}
	return nil
}

// bits is the length of a number that is too large for an int.
func bits(v any) int {
	if n, ok := v.(*big.Int); ok {
		return n.BitLen()
	}
	return 0
}

// checkPath refuses a path to a place so far behind a list's end that what lies between would be built.
func checkPath(_ any, of []any) any {
	path, _ := of[0].([]any)
	for _, p := range path {
		if n, ok := number64(p); ok && n > maxLength {
			return errTooMuch
		}
	}
	return nil
}

func number64(v any) (float64, bool) {
	if n := reflect.ValueOf(v); n.IsValid() && (n.CanInt() || n.CanFloat()) {
		return n.Convert(reflect.TypeFor[float64]()).Float(), true
	}
	s, ok := v.(fmt.Stringer) // json.Number or *big.Int
	if !ok {
		return 0, false
	}
	var f float64
	_, err := fmt.Sscan(s.String(), &f)
	return f, err == nil
}

// What is written in place of a product, of whatever writes to a path, and of the functions that do.
const (
	checkedProduct = `(%[2]s) as $hookctl_r | (%[1]s) as $hookctl_l | hookctl_product($hookctl_l; $hookctl_r) as $_ | $hookctl_l * $hookctl_r`
	checkedPaths   = `(reduce path(%[1]s) as $hookctl_p (null; hookctl_path($hookctl_p))) as $_ | `
	checkedUpdate  = checkedPaths +
		`(%[2]s) as $hookctl_r | (%[1]s) |= (. as $hookctl_l | hookctl_product($hookctl_l; $hookctl_r) as $_ | $hookctl_l * $hookctl_r)`
)

func checkedForm(op gojq.Operator) string {
	switch {
	case op == gojq.OpMul:
		return checkedProduct
	case op == gojq.OpUpdateMul:
		return checkedUpdate
	case op >= gojq.OpAssign && op <= gojq.OpUpdateAlt:
		return checkedPaths + `(%[1]s) ` + op.String() + ` (%[2]s)`
	}
	return ""
}

var checkedFuncs = map[string]string{ // by name and number of arguments
	"setpath/2":    `(%[1]s) as $hookctl_p | hookctl_path($hookctl_p) as $_ | setpath($hookctl_p; %[2]s)`,
	"pick/1":       checkedPaths + `pick(%[1]s)`,
	"fromstream/1": `fromstream(%[1]s | hookctl_path(.[0]) as $_ | .)`,
}

// bound replaces in a query whatever can build much in one step by the same, checked first, the innermost first.
func bound(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if err := bound(v.Elem()); err != nil {
			return err
		}
		switch x := v.Interface().(type) {
		case *gojq.Query:
			return boundQuery(x)
		case *gojq.Term:
			return boundTerm(x)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := bound(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := bound(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func boundQuery(q *gojq.Query) error {
	form := checkedForm(q.Op)
	if form == "" {
		return nil
	}
	checked, err := gojq.Parse(fmt.Sprintf(form, q.Left, q.Right))
	if err != nil {
		return err
	}
	checked.FuncDefs = q.FuncDefs
	*q = *checked
	return nil
}

func boundTerm(t *gojq.Term) error {
	if t.Func == nil {
		return nil
	}
	form := checkedFuncs[fmt.Sprintf("%s/%d", t.Func.Name, len(t.Func.Args))]
	if form == "" {
		return nil
	}
	args := make([]any, len(t.Func.Args))
	for i, arg := range t.Func.Args {
		args[i] = arg
	}
	checked, err := gojq.Parse(fmt.Sprintf(form, args...))
	if err != nil {
		return err
	}
	t.Type, t.Func, t.Query = gojq.TermTypeQuery, nil, checked
	return nil
}

// allowance is the context of a condition. jq asks it before every step, so it can watch what the steps build.
type allowance struct {
	context.Context
	steps int
	most  uint64
	heap  [1]runtimemetrics.Sample
	over  chan struct{} // closed once too much was built, else nil
}

func newAllowance(ctx context.Context) *allowance {
	a := &allowance{Context: ctx}
	a.heap[0].Name = "/memory/classes/heap/objects:bytes"
	a.most = a.now() + maxGrown
	return a
}

func (a *allowance) now() uint64 {
	runtimemetrics.Read(a.heap[:])
	return a.heap[0].Value.Uint64()
}

// Done is closed when the time is over or too much was built.
func (a *allowance) Done() <-chan struct{} {
	a.steps++
	if a.over == nil && a.steps%16 == 0 && a.now() > a.most {
		a.over = make(chan struct{})
		close(a.over)
	}
	if a.over != nil {
		return a.over
	}
	return a.Context.Done()
}

// Err says which of both it was.
func (a *allowance) Err() error {
	if a.over != nil {
		return errTooMuch
	}
	return a.Context.Err()
}

// boundedFuncs replaces those functions of templates that build text.
var boundedFuncs = template.FuncMap{
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
		return "", errTooMuch
	}
	return s, nil
}
