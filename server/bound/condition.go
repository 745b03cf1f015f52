package bound

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	runtimemetrics "runtime/metrics"
	"strings"
	"sync/atomic"
	"time"

	"hookctl/logs/text"

	"github.com/itchyny/gojq"
)

// Condition is a condition in jq that was understood. It may be used by several goroutines.
type Condition struct {
	code    *gojq.Code
	overdue atomic.Bool // an earlier run has not ended
}

// ParseCondition understands a condition; nil for an empty one. [Place] finds where a mistake is.
func ParseCondition(condition string) (*Condition, error) {
	if strings.TrimSpace(condition) == "" {
		return nil, nil
	}
	query, err := gojq.Parse(condition)
	if err != nil {
		return nil, err
	}
	code, err := compile(query)
	if err != nil {
		return nil, err
	}
	return &Condition{code: code}, nil
}

// Matches runs the condition on a payload as encoding/json decodes it. What jq calls true matches; an error does not, nor does
// one that goes beyond its bounds: beyond is then [ErrTooMuch] or [ErrTooLong]. why explains the answer in one clean line. The
// end of ctx is that of the time which the conditions of one delivery share.
func (c *Condition) Matches(ctx context.Context, payload any) (matched bool, why string, beyond error) {
	value, ok := c.value(ctx, payload)
	if !ok {
		return false, "the condition gave nothing", nil
	}
	if err, isErr := value.(error); isErr {
		switch {
		case errors.Is(err, ErrTooMuch):
			return false, "the condition builds too much", ErrTooMuch
		case errors.Is(err, ErrTooLong), ctx.Err() != nil:
			return false, "the condition took too long", ErrTooLong
		}
		return false, text.Line("the condition failed: "+err.Error(), 200), nil
	}
	switch value {
	case nil:
		return false, "the condition is null", nil
	case false:
		return false, "the condition is false", nil
	}
	return true, "the condition is true", nil
}

// value runs the condition. jq looks at its context between two steps only, and a step can take as long as it likes: the delivery
// does not wait for it, and the condition is not run again before it has ended.
func (c *Condition) value(ctx context.Context, payload any) (value any, ok bool) {
	type result struct {
		value any
		ok    bool
	}
	if c.overdue.Load() {
		return ErrTooLong, true
	}
	done := make(chan result, 1)
	go func() {
		value, ok := c.code.RunWithContext(newAllowance(ctx), payload).Next()
		done <- result{value, ok}
		c.overdue.Store(false)
	}()
	select {
	case x := <-done:
		return x.value, x.ok
	case <-time.After(Time + stepTime):
	}
	c.overdue.Store(true)
	select {
	case <-done: // just then
		c.overdue.Store(false)
	default:
	}
	return ErrTooLong, true
}

// compile compiles a condition whose products, and whose paths that are written to, are checked first. What else one step of
// jq can build follows from the size of what there is.
func compile(q *gojq.Query) (*gojq.Code, error) {
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
			return ErrTooMuch
		}
	}
	if bits(of[0])+bits(of[1]) > maxBits {
		return ErrTooMuch
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
			return ErrTooMuch
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
		for _, field := range v.Fields() {
			if err := bound(field); err != nil {
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
		return ErrTooMuch
	}
	return a.Context.Err()
}
