package server

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	runtimemetrics "runtime/metrics"
	"text/template"
	"time"

	"github.com/itchyny/gojq"
)

// Conditions and templates run before the answer, on what outsiders sent. Neither jq nor text/template bounds what they build, so
// it is done here: no single step may build a string of more than maxBuilt bytes, and a condition ends when the
// heap has grown by maxGrown since it began.
const (
	maxBuilt = mib
	maxGrown = 256 * mib
	ruleTime = 250 * time.Millisecond // of all conditions of a delivery, and of each template
)

var (
	errTooMuch = errors.New("it builds too much")
	errTooLong = errors.New("it takes too long")
)

// boundedCompile compiles a condition whose products are checked before they are built. Everything else that one step of jq can
// build is at most about twice of what there is.
func boundedCompile(q *gojq.Query) (*gojq.Code, error) {
	if err := boundProducts(reflect.ValueOf(q)); err != nil {
		return nil, err
	}
	return gojq.Compile(q, gojq.WithFunction("hookctl_product", 2, 2, func(_ any, of []any) any {
		text, n := of[0], of[1]
		if _, ok := text.(string); !ok {
			text, n = n, text
		}
		if s, ok := text.(string); ok {
			if times, ok := number64(n); ok && float64(len(s))*times > maxBuilt {
				return errTooMuch
			}
		}
		return nil
	}))
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

const (
	checkedProduct = `(%[2]s) as $hookctl_r | (%[1]s) as $hookctl_l | hookctl_product($hookctl_l; $hookctl_r) as $_ | $hookctl_l * $hookctl_r`
	checkedUpdate  = `(%[2]s) as $hookctl_r | (%[1]s) |= (. as $hookctl_l | hookctl_product($hookctl_l; $hookctl_r) as $_ | $hookctl_l * $hookctl_r)`
)

// boundProducts replaces every product in a query by one that is checked first, the innermost first.
func boundProducts(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if err := boundProducts(v.Elem()); err != nil {
			return err
		}
		q, ok := v.Interface().(*gojq.Query)
		if !ok || q.Op != gojq.OpMul && q.Op != gojq.OpUpdateMul {
			return nil
		}
		form := checkedProduct
		if q.Op == gojq.OpUpdateMul {
			form = checkedUpdate
		}
		checked, err := gojq.Parse(fmt.Sprintf(form, q.Left, q.Right))
		if err != nil {
			return err
		}
		checked.FuncDefs = q.FuncDefs
		*q = *checked
	case reflect.Struct:
		for i := range v.NumField() {
			if err := boundProducts(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := boundProducts(v.Index(i)); err != nil {
				return err
			}
		}
	}
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

func built(s string) (string, error) {
	if len(s) > maxBuilt {
		return "", errTooMuch
	}
	return s, nil
}
