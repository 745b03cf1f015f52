package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/secret"
)

// honest delivers over connections of its own, one after another, until it is stopped, and expects every
// one to be taken. It returns how many that were.
func (r *receiver) honest(t *testing.T) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	_, payload := sample(t, "push_main")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var taken atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			resp, err := client.Do(request(t, r.url+"/webhook", "push", fmt.Sprintf("honest-%d", i), payload))
			if err != nil {
				t.Errorf("the honest client: %v", err)
				return
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("the honest client: %d %s", resp.StatusCode, body)
				return
			}
			taken.Add(1)
		}
	})
	await(t, "the honest client's first delivery", func() bool { return taken.Load() > 0 || t.Failed() })
	return sync.OnceValue(func() int {
		before := taken.Load()
		await(t, "the honest client beside the attack", func() bool { return taken.Load() >= before+3 || t.Failed() })
		cancel()
		wg.Wait()
		return int(taken.Load())
	})
}

func (r *receiver) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ended reports when the other side has closed a connection.
func ended(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		_, err := conn.Read(make([]byte, 4096))
		if err != nil {
			return !isTimeout(err)
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestSlowSendersAreShutOutAndOthersServed(t *testing.T) {
	for name, beginning := range map[string]string{
		"headers": "POST /webhook HTTP/1.1\r\nHost: x\r\n",
		"bodies": "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
			strings.Repeat("0", 64) + "\r\nContent-Length: 1000000\r\n\r\n",
		"chunks": "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
			strings.Repeat("0", 64) + "\r\nTransfer-Encoding: chunked\r\n\r\n",
		"nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, func(c *Config) {
				c.Limits = Limits{HeaderTimeout: time.Second, BodyTimeout: time.Second, IdleTimeout: time.Second}
			})
			stop := r.honest(t)
			conns := make([]net.Conn, 200)
			for i := range conns {
				conns[i] = r.dial(t)
				if _, err := conns[i].Write([]byte(beginning)); err != nil {
					t.Fatal(err)
				}
			}
			drip := map[string]string{"headers": "X-A: b\r\n", "bodies": "x", "chunks": "1\r\nx\r\n", "nothing": ""}[name]
			open := len(conns)
			await(t, "every slow connection is closed", func() bool {
				open = 0
				for _, conn := range conns {
					if !ended(conn) {
						open++
						_, _ = conn.Write([]byte(drip)) // It may have just been closed.
					}
				}
				return open == 0
			})
			t.Logf("the honest client was answered %d times beside 200 slow %s", stop(), name)
		})
	}
}

// TestTenThousandIdleConnections opens as many as the system lets one process have, up to ten thousand.
func TestTenThousandIdleConnections(t *testing.T) {
	r := run(t, nil)
	limit := r.limits.Connections
	n := min(10_000, maxOpenFiles()-limit-500)
	if n < limit {
		limit, n = n/4, n/2
	}
	stop := r.honest(t)
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for range n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatalf("after %d connections: %v", len(conns), err)
		}
		conns = append(conns, conn)
	}
	if open := r.conns.count(); open > limit {
		t.Errorf("%d connections are open", open)
	}
	t.Logf("the honest client was answered %d times beside %d idle connections (at most %d were kept)", stop(), n, limit)
}

// endless is a body of any length that takes no memory.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	e.left -= int64(n)
	return n, nil // Whatever is in p will do.
}

// watchHeap samples the heap until it is stopped and returns the most that was in use.
func watchHeap() (stop func() uint64) {
	done := make(chan struct{})
	var peak uint64
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() uint64 { close(done); wg.Wait(); return peak }
}

// TestGiantBodiesTakeBoundedMemory sends 25 MiB from 64 clients at once. Bodies under way take Limits.BytesInFlight and one more
// body at most; until the collector has run, what was let go counts too, so the heap stays below three times
// that and a little for everything else.
func TestGiantBodiesTakeBoundedMemory(t *testing.T) {
	r := run(t, func(c *Config) { // On a busy machine too, all 64 have their turn.
		c.Limits.Wait, c.Limits.BodyTimeout, c.Limits.PieceTimeout = 5*time.Minute, 5*time.Minute, time.Minute
	})
	bound := 3*uint64(r.limits.BytesInFlight) + 64*mib
	const size = 25 * mib
	for _, tt := range []struct {
		name    string
		clients int
		chunked bool
	}{{"with a length", 64, false}, {"chunked", 16, true}} {
		t.Run(tt.name, func(t *testing.T) {
			stop := r.honest(t)
			runtime.GC()
			peak := watchHeap()
			var refused, others atomic.Int64
			var wg sync.WaitGroup
			for i := range tt.clients {
				wg.Go(func() {
					req := request(t, r.url+"/webhook", "push", guid(i), nil)
					req.Body, req.ContentLength = io.NopCloser(&endless{left: size}), size
					if tt.chunked {
						req.ContentLength = -1
					}
					resp, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Errorf("%d: %v", i, err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode == http.StatusUnauthorized {
						refused.Add(1)
					} else {
						others.Add(1)
					}
				})
			}
			wg.Wait()
			answered, heap := stop(), peak()
			if heap > bound {
				t.Errorf("the heap grew to %d MiB, above %d MiB", heap/mib, bound/mib)
			}
			if refused.Load() != int64(tt.clients) {
				t.Errorf("%d were read and refused for their signature, %d were not", refused.Load(), others.Load())
			}
			t.Logf("heap at most %d MiB (bound %d MiB); the honest client was answered %d times", heap/mib, bound/mib, answered)
		})
	}
}

// TestSignedGiantsTakeBoundedMemory sends the largest deliveries that GitHub makes. The log holds copies of its own while it
// writes them, so the bound is four times Limits.BytesInFlight.
func TestSignedGiantsTakeBoundedMemory(t *testing.T) {
	r := run(t, func(c *Config) {
		c.Limits.Wait, c.Limits.BodyTimeout, c.Limits.PieceTimeout = 5*time.Minute, 5*time.Minute, time.Minute
	})
	bound := 4*uint64(r.limits.BytesInFlight) + 64*mib
	body := []byte(`{"ref":"refs/heads/main","pad":"` + strings.Repeat("x", 25*mib-34) + `"}`)
	signature := secret.Sign(testSecret, body)
	stop := r.honest(t)
	runtime.GC()
	peak := watchHeap()
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/webhook", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header = request(t, r.url, "push", guid(i), nil).Header
			req.Header.Set("X-Hub-Signature-256", signature)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			switch {
			case resp.StatusCode == http.StatusOK:
				taken.Add(1)
			case resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "":
				t.Errorf("%d: %s %s", i, resp.Status, answer)
			}
		})
	}
	wg.Wait()
	answered, heap := stop(), peak()
	if heap > bound {
		t.Errorf("the heap grew to %d MiB, above %d MiB", heap/mib, bound/mib)
	}
	if taken.Load() == 0 {
		t.Error("none was taken")
	}
	t.Logf("heap at most %d MiB (bound %d MiB) for 8 of 25 MiB, %d taken; the honest client was answered %d times", heap/mib, bound/mib, taken.Load(), answered)
}

// TestGiantsBeyondTheRoomMustWait holds the room with one body and sends another.
func TestGiantsBeyondTheRoomMustWait(t *testing.T) {
	r := run(t, func(c *Config) {
		c.Limits.BytesInFlight, c.Limits.Body, c.Limits.Wait = 12*mib, 4*mib, 10*time.Millisecond
	})
	held := &holder{}
	if err := r.bodies.strangers.large.take(t.Context(), held, 4*mib, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.bodies.strangers.large.arrived(held)
	body := []byte(`{"a":"` + strings.Repeat("x", 2*mib) + `"}`)
	resp, err := http.DefaultClient.Do(request(t, r.url+"/webhook", "push", guid(1), body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	r.deliver(t, "push_main", guid(2)) // What is small needs no such room.
	r.bodies.strangers.large.leave(held)
	if status, answer := do(t, request(t, r.url+"/webhook", "push", guid(1), body)); status != http.StatusOK {
		t.Errorf("%d %v", status, answer)
	}
	r.awaitRoom(t)
}

// awaitRoom waits until all room for bodies is free, which comes after the answers.
func (r *receiver) awaitRoom(t *testing.T) {
	t.Helper()
	await(t, "all room given back", func() bool {
		free := int64(0)
		for _, x := range []*room{r.bodies.known.medium, r.bodies.known.large, r.bodies.strangers.medium, r.bodies.strangers.large} {
			x.mu.Lock()
			free += x.free
			x.mu.Unlock()
		}
		return free > r.limits.BytesInFlight-4 // thirds and halves are rounded down
	})
}

// TestStrangersWhoClaimRoomHoldNobodyBack has 300 strangers claim a megabyte each and send it slowly, while signed deliveries of
// 64 KiB to 1 MiB come in.
func TestStrangersWhoClaimRoomHoldNobodyBack(t *testing.T) {
	const strangers = 300
	r := run(t, nil)
	begin := "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
		strings.Repeat("0", 64) + "\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("x", 70<<10)
	ctx, cancel := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	defer attack.Wait()
	defer cancel()
	var begun atomic.Int64
	for range strangers {
		attack.Go(func() {
			for ctx.Err() == nil { // Who is thrown out comes again.
				r.drip(ctx, begin, &begun)
			}
		})
	}
	await(t, "the strangers", func() bool { return begun.Load() >= strangers })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i, size := range []int{65 << 10, 128 << 10, 256 << 10, 512 << 10, 700 << 10, 800 << 10, 900 << 10, mib, mib, mib} {
		body := []byte(`{"a":"` + strings.Repeat("x", size-8) + `"}`)
		start := time.Now()
		resp, err := client.Do(request(t, r.url+"/webhook", "push", guid(i), body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%d bytes: %s", size, resp.Status)
		}
		t.Logf("%7d bytes beside %d strangers: %s after %s", size, strangers, resp.Status, time.Since(start).Round(time.Millisecond))
	}
}

// drip begins a request and sends a kilobyte now and then until it is thrown out.
func (r *receiver) drip(ctx context.Context, begin string, begun *atomic.Int64) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err = conn.Write([]byte(begin))
	begun.Add(1)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for err == nil && !ended(conn) {
		select {
		case <-tick.C:
			_, err = conn.Write(bytes.Repeat([]byte{'x'}, 1024))
		case <-ctx.Done():
			return
		}
	}
}

// TestStrangersWhoSendALotHoldNobodyBack has 600 strangers really send 700 KiB each, again and again and ten times what there is
// room for, while ten deliveries come at once that GitHub waits 10 s for.
func TestStrangersWhoSendALotHoldNobodyBack(t *testing.T) {
	const strangers, sent = 600, 700 << 10
	piece := bytes.Repeat([]byte{'x'}, 64<<10)
	for name, pace := range map[string]func(i int) (size int, pause time.Duration){
		"evenly, in time":     func(int) (int, time.Duration) { return 8 << 10, 80 * time.Millisecond },
		"as fast as they can": func(int) (int, time.Duration) { return len(piece), 0 },
		"quickly until near the end": func(i int) (int, time.Duration) { // and then just enough to be in time
			if i < 10 {
				return len(piece), 0
			}
			return 1 << 10, 100 * time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, nil)
			r.deliver(t, "push_main", guid(99)) // The hook has delivered before.
			begin := fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: %d\r\n\r\n",
				strings.Repeat("0", 64), sent)
			ctx, cancel := context.WithCancel(t.Context())
			var attack sync.WaitGroup
			defer attack.Wait()
			defer cancel()
			stranger := func() error {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(r.url, "http://"))
				if err != nil {
					return err
				}
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				_, err = conn.Write([]byte(begin))
				for i, left := 0, sent; err == nil && left > 0; i++ {
					size, pause := pace(i)
					size = min(size, left)
					left -= size
					if _, err = conn.Write(piece[:size]); pause > 0 { // the pace of the attack
						select {
						case <-time.After(pause):
						case <-ctx.Done():
						}
					}
				}
				if err == nil {
					_, err = conn.Read(make([]byte, 1))
				}
				return err
			}
			for range strangers {
				attack.Go(func() {
					for ctx.Err() == nil { // Who is thrown out comes again.
						_ = stranger() // Its errors are what it came for.
					}
				})
			}
			await(t, "the strangers", func() bool {
				r.bodies.strangers.medium.mu.Lock()
				defer r.bodies.strangers.medium.mu.Unlock()
				return len(r.bodies.strangers.medium.waiting) > strangers/3
			})
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			var honest sync.WaitGroup
			for i, size := range []int{65 << 10, 128 << 10, 256 << 10, 512 << 10, 700 << 10, 800 << 10, 900 << 10, mib, mib, mib} {
				honest.Go(func() {
					body := []byte(`{"a":"` + strings.Repeat("x", size-8) + `"}`)
					start := time.Now()
					resp, err := client.Do(request(t, r.url+"/webhook", "push", guid(i), body))
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
					took := time.Since(start)
					if resp.StatusCode != http.StatusOK { // who waits for too long is refused, however slow the machine is
						t.Errorf("%d bytes: %s after %s", size, resp.Status, took)
					}
					t.Logf("%7d bytes beside %d strangers: %s after %s", size, strangers, resp.Status, took.Round(time.Millisecond))
				})
			}
			honest.Wait()
		})
	}
}

func TestBodySizes(t *testing.T) {
	r := run(t, func(c *Config) { c.Limits.Body = 3 * mib })
	for _, tt := range []struct {
		size   int
		status int
	}{
		{8 << 10, 200}, {smallBody - 1, 200}, {smallBody, 200}, {smallBody + 1, 200},
		{mediumBody, 200}, {mediumBody + 1, 200}, {3 * mib, 200}, {3*mib + 1, 413}, {4 * mib, 413},
	} {
		for _, chunked := range []bool{false, true} {
			body := []byte(`{"a":"` + strings.Repeat("x", tt.size-8) + `"}`)
			req := request(t, r.url+"/webhook", "push", fmt.Sprintf("size-%d-%v", tt.size, chunked), body)
			if chunked {
				req.ContentLength = -1
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatalf("%d bytes, chunked %v: %v", tt.size, chunked, err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("%d bytes, chunked %v: %s", tt.size, chunked, resp.Status)
			}
		}
	}
	r.awaitRoom(t)
}

func TestHeaderFloodIsCutOff(t *testing.T) {
	r := run(t, nil)
	stop := r.honest(t)
	for range 20 {
		conn := r.dial(t)
		var b bytes.Buffer
		b.WriteString("POST /webhook HTTP/1.1\r\nHost: x\r\n")
		for i := range 20_000 {
			fmt.Fprintf(&b, "X-Flood-%d: %s\r\n", i, strings.Repeat("a", 50))
		}
		go func() { _, _ = conn.Write(b.Bytes()) }() // It is cut off in the middle.
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s", resp.Status)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	stop()
}

func TestPipelinedDeliveriesAreAllTaken(t *testing.T) {
	r := run(t, nil)
	conn := r.dial(t)
	const n = 50
	var b bytes.Buffer
	for i := range n {
		body := fmt.Sprintf(`{"a":%d}`, i)
		fmt.Fprintf(&b, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n%s",
			guid(i), secret.Sign(testSecret, []byte(body)), len(body), body)
	}
	if _, err := conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for i := range n {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), guid(i)) {
			t.Errorf("%d: %s %s", i, resp.Status, body)
		}
	}
}

func TestHTTP2IsOff(t *testing.T) {
	r := run(t, nil)
	conn := r.dial(t)
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	first, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "HTTP/1.1 4") && !strings.HasPrefix(first, "HTTP/1.1 505") {
		t.Errorf("%q, %v", first, err)
	}
}

func TestTooManyRequestsAtOnce(t *testing.T) {
	r := run(t, func(c *Config) { c.Limits.Requests = 1 })
	r.slots <- struct{}{}
	_, payload := sample(t, "push_main")
	if status, body := do(t, request(t, r.url+"/webhook", "push", guid(1), payload)); status != http.StatusTooManyRequests {
		t.Errorf("%d %v", status, body)
	}
	<-r.slots
	r.deliver(t, "push_main", guid(1))
}
