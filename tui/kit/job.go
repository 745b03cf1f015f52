package kit

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// Job is long work with steps. The work runs in a command and reports its
// steps through a channel; stop ends it between two calls, and the shell's
// close waits for it.
type Job[S any] struct {
	Stop  context.CancelFunc
	Steps chan S
	Over  bool // its owner took the message that ends it
}

// Stepped is a step of a job.
type Stepped[S any] struct {
	Of   *Job[S]
	Step S
}

// Begin starts work. Its message must say that the job is over.
func Begin[S any](s *Shell, work func(ctx context.Context, progress func(S)) tea.Msg) (*Job[S], tea.Cmd) {
	j := &Job[S]{Steps: make(chan S)}
	ctx, stop := context.WithCancel(s.Ctx)
	j.Stop = stop
	return j, tea.Batch(j.Listen, func() tea.Msg {
		defer close(j.Steps)
		return s.Work(func() tea.Msg {
			return work(ctx, func(step S) {
				select {
				case j.Steps <- step:
				case <-s.Ctx.Done(): // nobody looks any more
				}
			})
		})()
	})
}

// Listen waits for the next step; whoever takes one asks for the next.
func (j *Job[S]) Listen() tea.Msg {
	if step, ok := <-j.Steps; ok {
		return Stepped[S]{j, step}
	}
	return nil
}

// Busy reports whether the job is at work; a nil job is not.
func (j *Job[S]) Busy() bool { return j != nil && !j.Over }
