package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// bodies reads requests within a bound on the memory that all of them take together.
//
// A body starts in 64 KiB at most, which the number of connections bounds already. One that turns out longer has
// to find room for the whole of it first: up to 1 MiB in one pool, above it in another, so that
// a few giants cannot keep ordinary deliveries waiting. Whoever takes room has to send at a
// reasonable pace, or loses it.
type bodies struct {
	limits        Limits
	medium, large *semaphore.Weighted
}

const (
	smallBody  = 64 << 10
	mediumBody = mib
)

var (
	errBodyTooLong = errors.New("body too long")
	errNoRoom      = errors.New("no room for the body")
)

func newBodies(l Limits) *bodies {
	return &bodies{
		limits: l,
		medium: semaphore.NewWeighted(l.BytesInFlight - l.BytesInFlight*2/3),
		large:  semaphore.NewWeighted(l.BytesInFlight * 2 / 3),
	}
}

// read returns the whole body and a function that gives its room back, which is never nil.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	release = func() {}
	in := pacedReader{
		r: r.Body, control: http.NewResponseController(w), pace: b.limits.PieceTimeout, end: time.Now().Add(b.limits.BodyTimeout),
	}
	size := r.ContentLength // -1 where it is not told
	first := int64(8 << 10)
	if size >= 0 {
		first = min(size, smallBody)
	}
	buf, whole, err := fill(&in, make([]byte, 0, first+1), smallBody)
	if err != nil || whole {
		return buf, release, err
	}
	if size < 0 {
		// Without a length the most is assumed; GitHub always tells one.
		if buf, whole, err = b.grow(&in, r.Context(), buf, mediumBody, &release); err != nil || whole {
			return buf, release, err
		}
		size = b.limits.Body
	}
	buf, whole, err = b.grow(&in, r.Context(), buf, size, &release)
	if err == nil && !whole {
		err = errBodyTooLong
	}
	return buf, release, err
}

// grow finds room for size bytes, moves buf there, gives back the room it had, and reads on.
func (b *bodies) grow(in *pacedReader, ctx context.Context, buf []byte, size int64, release *func()) ([]byte, bool, error) {
	pool := b.large
	if size <= mediumBody {
		pool = b.medium
	}
	wait, cancel := context.WithTimeout(ctx, b.limits.Wait)
	defer cancel()
	began := time.Now()
	if err := pool.Acquire(wait, size); err != nil {
		return nil, false, errNoRoom
	}
	in.end = in.end.Add(time.Since(began))
	bigger := append(make([]byte, 0, size+1), buf...)
	(*release)()
	*release = func() { pool.Release(size) }
	return fill(in, bigger, size)
}

// fill reads until the body ends (whole) or buf holds more than most bytes.
func fill(in io.Reader, buf []byte, most int64) (_ []byte, whole bool, err error) {
	for int64(len(buf)) <= most {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, int64(len(buf)) <= most, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("read body: %w", err)
		}
	}
	return buf, false, nil
}

// pacedReader gives every piece its own short time within the time of the whole.
type pacedReader struct {
	r       io.Reader
	control *http.ResponseController
	pace    time.Duration // for every smallBody bytes
	end     time.Time
	got     int64
	due     time.Time
}

// Read moves the deadline on whenever a piece has arrived.
func (p *pacedReader) Read(b []byte) (int, error) {
	if p.due.IsZero() || p.got >= smallBody {
		// The first piece holds little, so it has the time of the whole.
		first := p.due.IsZero()
		p.due, p.got = time.Now().Add(p.pace), 0
		if first || p.due.After(p.end) {
			p.due = p.end
		}
		_ = p.control.SetReadDeadline(p.due) // Not every writer has deadlines; the server's own stays.
	}
	n, err := p.r.Read(b)
	p.got += int64(n)
	return n, err
}
