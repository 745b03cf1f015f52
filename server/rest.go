package server

import (
	"context"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// rest gives memory back to the system when the receiver has had nothing to do for a while. The runtime does so by itself only
// down to about twice of what is in use, and without allocations it hardly looks: a receiver held 348 MiB an hour after large
// bodies. What the process allocates shows all its work: requests, refused ones too, record files, and what other nodes send.
type rest struct{ every time.Duration }

const (
	restEvery    = 10 * time.Second
	littleWork   = 1 * mib  // allocated in that time
	worthResting = 32 * mib // below so much heap, or so much allocated since the last time, a collection is not worth its time
	mostRests    = 6        // after that: what is in use at one rest may be garbage at the next
)

// run rests until ctx ends.
func (r rest) run(ctx context.Context) {
	tick := time.Tick(r.every)
	var before, seen uint64
	left := 0
	for {
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
		heap, allocated := memory()
		if allocated-seen > worthResting {
			left, seen = mostRests, allocated
		}
		if left > 0 && allocated-before < littleWork && heap > worthResting {
			runtime.GC() // Pools let go of their content at the second collection.
			debug.FreeOSMemory()
			left--
		}
		before = allocated
	}
}

// memory is what the heap has from the system, and what was allocated in it since the start.
func memory() (heap, allocated uint64) {
	samples := []runtimemetrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
	}
	runtimemetrics.Read(samples)
	for _, s := range samples[1:] {
		heap += s.Value.Uint64()
	}
	return heap, samples[0].Value.Uint64()
}
