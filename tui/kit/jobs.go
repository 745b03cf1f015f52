package kit

import (
	"sync"

	tea "charm.land/bubbletea/v2"
)

// jobs are the commands that close waits for. One that the loop never ran,
// because the program ended first, was never begun, and nobody waits for it.
type jobs struct {
	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup
}

// begin reports whether work may begin; then end has to be called after it.
func (j *jobs) begin() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.under.Add(1)
	return true
}

func (j *jobs) end() { j.under.Done() }

// wait lets nothing begin any more, and waits for what is under way.
func (j *jobs) wait() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.under.Wait()
}

// Work runs f in a command that close waits for. It does nothing once the
// interface closes.
func (s *Shell) Work(f func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !s.jobs.begin() {
			return nil
		}
		defer s.jobs.end()
		return f()
	}
}

// Close lets no work begin any more, and waits for what is under way.
func (s *Shell) Close() { s.jobs.wait() }
