package kit

import (
	"context"
	"sync"

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
	ctx, stop := context.WithCancel(s.Ctx) // #nosec G118 -- Stop calls it
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

// Listen waits for the next step; who takes one asks for the next.
func (j *Job[S]) Listen() tea.Msg {
	if step, ok := <-j.Steps; ok {
		return Stepped[S]{j, step}
	}
	return nil
}

// Busy reports whether the job is at work; a nil job is not.
func (j *Job[S]) Busy() bool { return j != nil && !j.Over }

// jobs are the commands that Close waits for. One that the loop never ran,
// because the program ended first, was never begun, and nobody waits for it.
type jobs struct {
	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup
}

// Work runs f in a command that Close waits for. It does nothing once the
// interface closes.
func (s *Shell) Work(f func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		s.jobs.mu.Lock()
		if s.jobs.closed {
			s.jobs.mu.Unlock()
			return nil
		}
		s.jobs.under.Add(1)
		s.jobs.mu.Unlock()
		defer s.jobs.under.Done()
		return f()
	}
}

// answered is the outcome of a question on its way to who asked.
type answered func() tea.Cmd

// Ask has a question asked in a command, and gives the outcome to take, on the loop. take drops one that came too late.
func Ask[T any](s *Shell, question func(context.Context) (T, error), take func(T, error) tea.Cmd) tea.Cmd {
	ctx := s.Ctx
	return func() tea.Msg {
		answer, err := question(ctx)
		return answered(func() tea.Cmd { return take(answer, err) })
	}
}

// Get is Ask where the shell shows an error, and take gets answers only.
func Get[T any](s *Shell, question func(context.Context) (T, error), take func(T) tea.Cmd) tea.Cmd {
	return Ask(s, question, func(answer T, err error) tea.Cmd {
		if err != nil {
			return s.Fail(err)
		}
		return take(answer)
	})
}

// Close lets no work begin any more, and waits for what is under way.
func (s *Shell) Close() {
	s.jobs.mu.Lock()
	s.jobs.closed = true
	s.jobs.mu.Unlock()
	s.jobs.under.Wait()
}
