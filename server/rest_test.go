package server

import (
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// resident is the memory that the runtime has from the system.
func resident() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// TestIdleReceiverReturnsMemory leaves garbage as large bodies do, and then lets the receiver rest.
func TestIdleReceiverReturnsMemory(t *testing.T) {
	s := newTestServer(t, nil)
	s.rest.every = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, l)
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // The runtime does nothing by itself.
	before := resident()
	for range 64 {
		large := make([]byte, 4*mib)
		for i := 0; i < len(large); i += 4096 {
			large[i] = 1
		}
		runtime.KeepAlive(large)
	}
	peak := resident()
	event, payload := sample(t, "push_main")
	forged := request(t, "http://"+l.Addr().String()+"/webhook", event, guid(1), payload)
	forged.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	if status, _ := do(t, forged); status != http.StatusUnauthorized {
		t.Fatal(status)
	}
	await(t, "memory given back", func() bool { return resident() < before+40*mib })
	t.Logf("%d MiB before, %d MiB in between, %d MiB after a rest", before/mib, peak/mib, resident()/mib)
}
