package server

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// room is memory for bodies of one class. Nobody knows who sends a body before all of it is there, so a stranger gets room like
// everyone else. Three rules keep strangers from filling it:
//
//   - A body takes room piece by piece, as it arrives. To claim a length costs nothing and brings nothing.
//   - While somebody waits for a piece, bodies that will not be there in time at their pace are refused at once, the
//     slowest first, instead of when their time is over. An honest one would have been lost as well.
//   - Everyone waits for one piece at a time, so everyone who comes has a turn after one piece of each of the others.
//
// When all wait for each other, the one that has most goes on beyond the bound until it is whole. So strangers who really send
// more than the room holds, and all the time, do slow the others down; what they claim does not.
type room struct {
	wait    time.Duration
	mu      sync.Mutex
	free    int64
	held    map[*holder]bool
	waiting []*holder // the first comes first
}

// holder is a body on its way in.
type holder struct {
	r     io.Reader
	pace  time.Duration // for every smallBody bytes
	over  time.Time     // when the time of the whole ends
	piece int64         // bytes of this one
	due   time.Time     // of this piece

	// What has no note belongs to the mu of its room.
	size   int64        // how long the body may become
	got    atomic.Int64 // how much of it is there
	has    int64        // room
	wants  int64        // while it waits
	ready  chan struct{}
	whole  bool
	waited time.Duration
	since  time.Time // when it got its last piece of room
	before int64     // what it had then
	end    time.Time // when its time is over

	mu      sync.Mutex // of the deadline and of evicted
	evicted bool
	control *http.ResponseController
}

// evictionGrace is how long a body's pace is not judged.
const evictionGrace = time.Second

func newRoom(size int64, l Limits) *room {
	return &room{wait: l.Wait, free: size, held: map[*holder]bool{}}
}

// take waits for so much more room for a body, whose time ends at end without the wait. It returns errNoRoom when there
// is none in time, and errTooSlow when the body has been refused.
func (r *room) take(ctx context.Context, h *holder, size int64, end time.Time) error {
	asked := time.Now()
	r.mu.Lock()
	if h.evicted { // Its last piece came just then.
		r.mu.Unlock()
		return errTooSlow
	}
	h.wants, h.ready, h.end = size, make(chan struct{}), end
	r.held[h] = true
	r.waiting = append(r.waiting, h)
	r.serve()
	left := r.wait - h.waited
	r.mu.Unlock()
	over := time.After(left)
	look := time.Tick(evictionGrace / 10)
	for {
		select {
		case <-h.ready:
			h.waited += time.Since(asked)
			return nil
		case <-look: // More of those who have room may turn out to be slow.
			r.mu.Lock()
			r.serve()
			r.mu.Unlock()
			continue
		case <-over:
		case <-ctx.Done():
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting = slices.DeleteFunc(r.waiting, func(x *holder) bool { return x == h })
		return errNoRoom
	}
}

// serve gives room to those who wait. r.mu is held.
func (r *room) serve() {
	for len(r.waiting) > 0 {
		next := r.waiting[0]
		if r.free < next.wants {
			if r.evict() {
				return // Room will be given back.
			}
			next = slices.MaxFunc(r.waiting, func(a, b *holder) int { return int(a.got.Load() - b.got.Load()) })
		}
		r.waiting = slices.DeleteFunc(r.waiting, func(x *holder) bool { return x == next })
		r.free -= next.wants
		next.has += next.wants
		next.wants, next.since, next.before = 0, time.Now(), next.got.Load()
		close(next.ready)
	}
}

// evict refuses slow bodies until there will be room for the first in line, and reports whether there will be. Their
// room comes back when their requests have ended. r.mu is held.
func (r *room) evict() bool {
	now := time.Now()
	need := r.waiting[0].wants - r.free
	others := false
	var slow []*holder
	for h := range r.held {
		switch {
		case h.evicted:
			need -= h.has
			others = true
		case h.whole:
			others = true
		case h.wants == 0:
			others = true
			if h.late(now) {
				slow = append(slow, h)
			}
		}
	}
	slices.SortFunc(slow, func(a, b *holder) int { return int(a.got.Load() - a.before - b.got.Load() + b.before) })
	for _, h := range slow {
		if need <= 0 {
			break
		}
		need -= h.has
		h.evict()
	}
	return others
}

// late says whether a body will not have arrived in time if it goes on like this.
func (h *holder) late(now time.Time) bool {
	took := now.Sub(h.since)
	got := h.got.Load()
	return took > evictionGrace && float64(h.size-got)/h.end.Sub(now).Seconds() > float64(got-h.before)/took.Seconds()
}

// evict makes the body's reader fail.
func (h *holder) evict() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.evicted = true
	_ = h.control.SetReadDeadline(time.Unix(1, 0))
}

// deadline sets the time of a body's next piece, unless the body has been refused.
func (h *holder) deadline(due time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.evicted {
		_ = h.control.SetReadDeadline(due) // Not every writer has deadlines; the server's own stays.
	}
}

// arrived ends the reading of a body. It reports whether the body was refused for being slow.
func (r *room) arrived(h *holder) (evicted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.whole = true
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.evicted
}

// leave gives a body's room back.
func (r *room) leave(h *holder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, h)
	r.free += h.has
	h.has = 0
	r.serve()
}
