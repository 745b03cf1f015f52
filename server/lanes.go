package server

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lanes is work that waits in lanes. Each has a goroutine while it has something, so none holds another one up; a lane does one thing
// at a time.
type lanes[K comparable, T waiting] struct {
	mu       sync.Mutex      // also of what belongs to the work
	ctx      context.Context // nil until begin
	stopping atomic.Bool     // no work may begin; set with mu held
	all      map[K]*lane[K, T]
	running  sync.WaitGroup

	next func(*lane[K, T]) T       // whose turn it is, perhaps later; mu is held, and nothing of the lane is under way
	do   func(*lane[K, T], T) bool // works on it and takes it out of the lane, or puts it off; false where nothing more can be done
}

// waiting is what waits in a lane.
type waiting interface {
	comparable
	timing() *attempts
}

type lane[K comparable, T waiting] struct {
	key   K
	items []T
	bell  chan struct{} // wakes the one who waits, or the next one to wait
	other int           // see [queue.nextGetsThrough]
}

func (l *lane[K, T]) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// remove takes something out of a lane. The lanes' mu is held.
func (l *lane[K, T]) remove(it T) {
	l.items = slices.DeleteFunc(l.items, func(x T) bool { return x == it })
}

// push appends work to a lane. s.mu is held.
func (s *lanes[K, T]) push(to K, it T) {
	l := s.all[to]
	if l == nil {
		l = &lane[K, T]{key: to, bell: make(chan struct{}, 1)}
		s.all[to] = l
		defer s.start(l)
	}
	l.items = append(l.items, it)
	l.ring()
}

// begin starts what waits; ctx ends all work. s.mu is held.
func (s *lanes[K, T]) begin(ctx context.Context) {
	s.ctx = ctx
	for _, l := range s.all {
		s.start(l)
	}
}

func (s *lanes[K, T]) start(l *lane[K, T]) {
	if s.ctx != nil && !s.stopping.Load() {
		s.running.Go(func() { s.drive(l) })
	}
}

// wake makes everything due now: the settings, or the world, may have changed.
func (s *lanes[K, T]) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.all {
		for _, it := range l.items {
			it.timing().due = time.Time{}
		}
		l.ring()
	}
}

// drive does what is in a lane, each at its time, until there is nothing or all stops.
func (s *lanes[K, T]) drive(l *lane[K, T]) {
	for {
		s.mu.Lock()
		if len(l.items) == 0 {
			delete(s.all, l.key)
		}
		if len(l.items) == 0 || s.stopping.Load() || s.ctx.Err() != nil {
			s.mu.Unlock()
			return
		}
		it := s.next(l)
		wait := time.Until(it.timing().due)
		s.mu.Unlock()
		if wait <= 0 {
			if !s.do(l, it) {
				return
			}
			continue
		}
		select {
		case <-time.After(wait):
		case <-l.bell:
		case <-s.ctx.Done():
		}
	}
}

// drain lets what is under way end, and starts nothing more.
func (s *lanes[K, T]) drain(ctx context.Context) {
	s.mu.Lock()
	s.stopping.Store(true)
	for _, l := range s.all {
		l.ring()
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
