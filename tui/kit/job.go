package kit

import (
	"context"
	"sync"

	tea "charm.land/bubbletea/v2"
)

// Job is long work with steps; Stop ends it between two calls, and the shell's Close waits for it.
type Job struct {
	Stop context.CancelFunc
	over bool
	done chan struct{} // closed once its work is over
}

// Begin starts work. On the loop step takes each step that it reports, and then end what came of it.
func Begin[S, R any](s *Shell, work func(ctx context.Context, report func(S)) (R, error), step func(S) tea.Cmd, end func(R, error) tea.Cmd) (*Job, tea.Cmd) {
	ctx, stop := context.WithCancel(s.Ctx) // #nosec G118 -- Stop calls it
	j, steps := &Job{Stop: stop, done: make(chan struct{})}, make(chan S)
	var outcome R
	err := context.Canceled // where it never began
	var listen tea.Cmd
	listen = func() tea.Msg {
		next, more := <-steps
		return answered(func() tea.Cmd {
			switch {
			case more && j.over:
				return listen
			case more:
				return tea.Batch(step(next), listen)
			case j.over:
				return nil
			}
			j.over = true
			return end(outcome, err)
		})
	}
	return j, tea.Batch(listen, func() tea.Msg {
		defer close(j.done)
		defer close(steps)
		return s.Work(func() tea.Msg {
			outcome, err = work(ctx, func(next S) {
				select {
				case steps <- next:
				case <-s.Ctx.Done(): // nobody looks any more
				}
			})
			return nil
		})()
	})
}

// Instead begins work without steps in place of the job before, which is dropped.
func Instead[R any](s *Shell, before *Job, work func(context.Context) (R, error), end func(R, error) tea.Cmd) (*Job, tea.Cmd) {
	before.Drop()
	return Begin(s, func(ctx context.Context, _ func(struct{})) (R, error) { return work(ctx) }, func(struct{}) tea.Cmd { return nil }, end)
}

// Busy reports whether the job is at work; a nil job is not.
func (j *Job) Busy() bool { return j != nil && !j.over }

// Drop stops the job where it is at work, and whatever it says from now on is lost.
func (j *Job) Drop() {
	if j.Busy() {
		j.over = true
		j.Stop()
	}
}

// End stops the job, and waits until its work is over; a nil job has ended.
func (j *Job) End() {
	if j != nil {
		j.Stop()
		<-j.done
	}
}

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

// Try is Ask for what has no answer but an error.
func Try(s *Shell, do func(context.Context) error, take func(error) tea.Cmd) tea.Cmd {
	return Ask(s, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) }, func(_ struct{}, err error) tea.Cmd { return take(err) })
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
