package githubtest

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Fault makes API calls go wrong. Method "" is every method. Path is a pattern
// as path.Match has it, in which * is one segment, such as "/repos/*/*/hooks/*/config",
// or the start of a path, such as "/repos/**"; "" is every path.
type Fault struct {
	Method, Path string
	// Status answers with this status and does not act.
	Status int
	// ActFirst acts before it answers with Status, as a gateway that loses the answer does.
	ActFirst bool
	// Header and Body go with Status; without a Body it is GitHub's own form.
	Header http.Header
	Body   string
	// Delay waits before anything else happens.
	Delay time.Duration
	// DropBefore hangs up without acting; DropAfter acts and then hangs up.
	DropBefore, DropAfter bool
	// Times is how often it strikes; 0 is always.
	Times int
	// Probability is how likely it strikes a call that it matches; 0 is always.
	Probability float64
}

// armed is a fault that was set, with the strikes that it has left.
type armed struct {
	Fault
	left int
}

// Fault sets a fault and returns the function that lifts it. Faults are tried
// in the order in which they were set, and the first one that strikes counts.
func (s *Server) Fault(f Fault) (lift func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &armed{Fault: f, left: f.Times}
	s.faults = append(s.faults, a)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(have *armed) bool { return have == a })
	}
}

// ClearFaults lifts every fault.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// strike finds the fault that a call meets; the zero Fault is none.
func (s *Server) strike(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.faults {
		if a.Times > 0 && a.left == 0 || !a.matches(r) {
			continue
		}
		if a.Probability > 0 && s.rng.Float64() >= a.Probability {
			continue
		}
		a.left--
		return a.Fault
	}
	return Fault{}
}

func (f Fault) matches(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	if start, deep := strings.CutSuffix(f.Path, "**"); deep {
		return strings.HasPrefix(r.URL.Path, start)
	}
	matched, err := path.Match(f.Path, r.URL.Path)
	return err == nil && matched || f.Path == ""
}

func (f Fault) answer() answer {
	body := apiError{Message: http.StatusText(f.Status), Docs: docs}
	if f.Status >= 500 {
		body.Message = "Server Error"
	}
	a := answer{status: f.Status, header: f.Header.Clone(), body: body}
	if f.Body != "" {
		a.body = rawBody(f.Body)
	}
	return a
}

// rawBody is sent as it is, be it JSON or not.
type rawBody string
