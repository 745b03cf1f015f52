package kit

import (
	"context"
	"errors"
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// run has a command and all that follows it done.
func run(s *Shell, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg: // the work of a job is the last
		for _, c := range msg[1:] {
			go c()
		}
		run(s, msg[0])
	default:
		next, _ := s.Take(msg)
		run(s, next)
	}
}

// The end of a job comes after its last step, and a job that was dropped says nothing more, nor does it wait for anybody.
func TestStepsAndEndOfAJob(t *testing.T) {
	failed := errors.New("failed")
	for name, c := range map[string]struct {
		drop  int // the step at which it is dropped, 0 for none
		steps []int
		ends  int
	}{
		"to its end": {0, []int{1, 2, 3}, 1},
		"dropped":    {2, []int{1, 2}, 0},
	} {
		s := New(t.Context(), Config{})
		var steps []int
		ends := 0
		var j *Job
		j, cmd := Begin(s, func(ctx context.Context, report func(int)) (string, error) {
			for i := range 3 {
				report(i + 1)
			}
			return "done", failed
		}, func(i int) tea.Cmd {
			if steps = append(steps, i); i == c.drop {
				j.Drop()
			}
			return nil
		}, func(outcome string, err error) tea.Cmd {
			if ends++; outcome != "done" || !errors.Is(err, failed) || j.Busy() {
				t.Errorf("%s: it came to %q, %v", name, outcome, err)
			}
			return nil
		})
		run(s, cmd)
		s.Close()
		if !slices.Equal(steps, c.steps) || ends != c.ends || j.Busy() {
			t.Errorf("%s: steps %v and %d ends", name, steps, ends)
		}
	}
}
