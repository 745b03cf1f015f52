package server

import (
	"context"
	"errors"
	"fmt"
	"hookctl/logs"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// bodies reads requests within a bound on the memory that all of them take together.
//
// A body starts in 64 KiB at most, which the number of connections bounds already. One that turns out longer takes more from a
// room with a bound: up to 1 MiB from one, above it from another, so that a few giants cannot keep ordinary
// deliveries waiting. Who is longer than he said gets nothing. Hooks that have delivered before and strangers have rooms of their own.
type bodies struct {
	limits           Limits
	known, strangers rooms
}

// rooms are those of one kind of sender.
type rooms struct{ medium, large *room }

const (
	smallBody  = 64 << 10
	mediumBody = mib
)

var (
	errBodyTooLong = errors.New("body too long")
	errNoRoom      = errors.New("no room for the body")
	errTorn        = errors.New("the body did not arrive whole")
	errTooSlow     = errors.New("body too slow while others wait for room")
)

func newBodies(l Limits) *bodies {
	one := func() rooms {
		return rooms{medium: newRoom(l.BytesInFlight/2-l.BytesInFlight/3, l), large: newRoom(l.BytesInFlight/3, l)}
	}
	return &bodies{limits: l, known: one(), strangers: one()}
}

// read returns the whole body and a function that gives its room back, which is never nil. known says that the sender uses the id
// of a hook that has delivered before.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, known bool) (body []byte, release func(), err error) {
	in := &holder{
		r: r.Body, pace: b.limits.PieceTimeout, over: time.Now().Add(b.limits.BodyTimeout),
		control: http.NewResponseController(w), size: r.ContentLength, // -1 where the sender does not say
	}
	first := int64(8 << 10)
	if in.size >= 0 {
		first = min(in.size, smallBody)
	}
	start, whole, err := fill(in, make([]byte, 0, first+1), smallBody)
	if err != nil || whole {
		return start, func() {}, err
	}
	all := b.strangers
	if known {
		all = b.known
	}
	place := all.large
	if in.size < 0 {
		in.size = b.limits.Body // The most is assumed; GitHub always sends a length.
	} else if in.size <= mediumBody {
		place = all.medium
	}
	body, err = in.rest(r.Context(), place, start)
	if evicted := place.arrived(in); err != nil && evicted {
		err = errTooSlow
	}
	return body, func() { place.leave(in) }, err
}

// rest reads on piece by piece, each in room of its own. Once half of the body is there, the pieces are joined in a buffer
// for the whole, which costs less than joining them at the end.
func (h *holder) rest(ctx context.Context, place *room, start []byte) ([]byte, error) {
	pieces, got := [][]byte{start}, int64(len(start))
	for joined := false; ; {
		size := min(smallBody, max(h.size-got, 0)+1) // One byte more shows that the body is too long.
		asked := time.Now()
		if err := place.take(ctx, h, size, h.over); err != nil {
			return nil, err
		}
		h.over = h.over.Add(time.Since(asked))
		if !joined && got*2 > h.size {
			pieces, joined = [][]byte{join(pieces, h.size+1)}, true
		}
		if !joined {
			pieces = append(pieces, make([]byte, 0, size))
		}
		last := &pieces[len(pieces)-1]
		had := int64(len(*last))
		piece, whole, err := fill(h, *last, had+size-1)
		if err != nil {
			return nil, err
		}
		*last = piece
		if got += int64(len(piece)) - had; got > h.size {
			return nil, errBodyTooLong
		}
		if whole && joined {
			return piece, nil
		}
		if whole {
			return join(pieces, got), nil
		}
	}
}

func join(pieces [][]byte, room int64) []byte {
	all := make([]byte, 0, room)
	for _, piece := range pieces {
		all = append(all, piece...)
	}
	return all
}

// fill reads until the body ends (whole) or buf holds more than most bytes.
func fill(in io.Reader, buf []byte, most int64) (_ []byte, whole bool, err error) {
	for int64(len(buf)) <= most {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := in.Read(buf[len(buf):min(int64(cap(buf)), most+1)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, int64(len(buf)) <= most, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("%w: %w", errTorn, err)
		}
	}
	return buf, false, nil
}

// Read gives every piece its own short time within the time of the whole: it moves the deadline on whenever one has arrived.
func (h *holder) Read(b []byte) (int, error) {
	if h.due.IsZero() || h.piece >= smallBody {
		// The first piece holds little, so it has the time of the whole.
		first := h.due.IsZero()
		h.due, h.piece = time.Now().Add(h.pace), 0
		if first || h.due.After(h.over) {
			h.due = h.over
		}
		h.deadline(h.due)
	}
	n, err := h.r.Read(b)
	h.piece += int64(n)
	h.got.Add(int64(n))
	return n, err
}

// acquainted are the hooks that a signed delivery has come from. Bodies that are sent under the id of one have room of their own,
// which strangers, who do not know the ids, cannot fill. The id proves nothing else. The zero value knows none.
type acquainted struct {
	mu  sync.RWMutex
	ids map[int64]bool
}

// mostAcquainted bounds what is remembered; nobody has so many hooks.
const mostAcquainted = 10_000

func (a *acquainted) with(hook int64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.ids[hook]
}

// note remembers a hook whose delivery was signed.
func (a *acquainted) note(hook int64) {
	if hook == 0 || a.with(hook) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil || len(a.ids) >= mostAcquainted {
		a.ids = map[int64]bool{}
	}
	a.ids[hook] = true
}

// recall learns from the log which hooks delivered last, as soon as its index has them.
func (a *acquainted) recall(ctx context.Context, log *logs.Log) error {
	if err := log.Ready(ctx); err != nil {
		return err
	}
	page, err := log.Page(ctx, logs.Query{Limit: 1000})
	for _, e := range slices.Backward(page.Entries) {
		if e.Verified && e.Source == logs.SourceDelivery {
			a.note(e.HookID)
		}
	}
	return err
}
