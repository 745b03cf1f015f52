package server

import (
	"context"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// rest gives memory back to the system when the receiver has nothing to do. The runtime does so by itself only down to about
// twice of what is in use, and without allocations it hardly looks: a receiver held 348 MiB an hour after large bodies. It
// waits for requests, so it takes no time while nobody sends one.
type rest struct {
	busy  chan struct{} // has room for one
	after time.Duration // without a request
}

const (
	restAfter    = 10 * time.Second
	worthResting = 32 * mib // below so much heap a collection is not worth its time
	mostRests    = 6        // after one request: its record is filed in the meantime
)

func newRest() *rest { return &rest{busy: make(chan struct{}, 1), after: restAfter} }

// stir notes that there was a request.
func (r *rest) stir() {
	select {
	case r.busy <- struct{}{}:
	default:
	}
}

// run rests until ctx ends.
func (r *rest) run(ctx context.Context) {
	r.stir() // A start leaves something behind, too.
	for {
		select {
		case <-r.busy:
		case <-ctx.Done():
			return
		}
		for left := mostRests; left > 0; left-- {
			timer := time.NewTimer(r.after)
			select {
			case <-r.busy:
				left = mostRests + 1
			case <-timer.C:
				before := heap()
				if before < worthResting {
					break
				}
				runtime.GC() // Pools let go of their content at the second collection.
				debug.FreeOSMemory()
				if heap() > before-worthResting/2 {
					left = min(left, 2) // The rest is in use, or will be filed soon.
				}
			case <-ctx.Done():
				timer.Stop()
				return
			}
			timer.Stop()
		}
	}
}

// heap is the memory that the heap has from the system. How much of it is garbage is not known before a collection.
func heap() (size int64) {
	samples := []runtimemetrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
	}
	runtimemetrics.Read(samples)
	for _, s := range samples {
		size += int64(s.Value.Uint64()) // #nosec G115 -- memory fits
	}
	return size
}
