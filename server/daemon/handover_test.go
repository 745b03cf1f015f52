//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// traffic sends requests to address, each on a new connection as GitHub does, until stop is called. It reports which
// processes answered and every request that failed.
type traffic struct {
	group    sync.WaitGroup
	end      context.CancelFunc
	answered atomic.Int64
	mu       sync.Mutex
	pids     map[string]int
	failures []error
}

func startTraffic(t *testing.T, address string) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tr := &traffic{end: cancel, pids: map[string]int{}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	for range 4 {
		tr.group.Go(func() {
			for ctx.Err() == nil {
				res, err := client.Post("http://"+address+"/", "application/json", strings.NewReader("{}"))
				var body []byte
				if err == nil {
					body, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				tr.mu.Lock()
				if err != nil {
					tr.failures = append(tr.failures, err)
				} else {
					tr.pids[string(body)]++
				}
				tr.mu.Unlock()
				tr.answered.Add(1)
			}
		})
	}
	t.Cleanup(tr.stop)
	return tr
}

func (tr *traffic) stop() {
	tr.end()
	tr.group.Wait()
}

func TestRestartUnderTrafficRefusesNoConnection(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr := startTraffic(t, st.Address)
	more := func() {
		seen := tr.answered.Load()
		within(t, "requests to be answered", func() bool { return tr.answered.Load() > seen+50 })
	}
	more()
	generations := []int{st.PID}
	for range 4 {
		next, err := Restart(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if next.Address != st.Address {
			t.Fatalf("the address changed from %s to %s", st.Address, next.Address)
		}
		generations = append(generations, next.PID)
		more()
	}
	tr.stop()
	if len(tr.failures) > 0 {
		t.Errorf("%d of %d requests failed, the first: %v", len(tr.failures), tr.answered.Load(), tr.failures[0])
	}
	if len(tr.pids) != len(generations) || len(slices.Compact(slices.Sorted(slices.Values(generations)))) != len(generations) {
		t.Errorf("answers came from %v, generations were %v", tr.pids, generations)
	}
	for _, pid := range generations[:len(generations)-1] {
		within(t, "the old process to be gone", func() bool { return !alive(pid) })
	}
}

func TestARestartThatFailsLeavesTheOldReceiverAlone(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	bad := toyConfigIn(t, cfg.Home, "nosecret")
	_, err = Restart(t.Context(), bad)
	if err == nil || !strings.Contains(err.Error(), "no secret") || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d) keeps running", st.PID)) {
		t.Errorf("got %v", err)
	}
	if now, err := Dial(cfg.Home).Status(t.Context()); err != nil || now.PID != st.PID || now.Stopping {
		t.Errorf("the old receiver: %+v, %v", now, err)
	}
	get(t, st.Address)
}

func TestRestartOnAnotherAddress(t *testing.T) {
	t.Parallel()
	for range 5 { // a port that was free a moment ago may be somebody's now
		address := freeAddress(t)
		cfg := toyConfig(t, "serve")
		st, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Env = append(cfg.Env, "TOY_ADDR="+address)
		next, err := Restart(t.Context(), cfg)
		if err != nil && strings.Contains(err.Error(), "in use") {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if next.Address != address {
			t.Errorf("it listens on %s, want %s", next.Address, address)
		}
		if got := get(t, address); got != strconv.Itoa(next.PID) {
			t.Errorf("%s is answered by %s, want %d", address, got, next.PID)
		}
		if conn, err := net.Dial("tcp", st.Address); err == nil {
			_ = conn.Close()
			t.Error("the old address is still open, and nobody answers there")
		}
		return
	}
	t.Fatal("no free port in five tries")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func TestRestartEndsAnOldReceiverThatDoesNotFinish(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "stubborn")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	next := toyConfigIn(t, cfg.Home, "serve")
	next.StopTimeout = 100 * time.Millisecond
	var notices []string
	next.Notice = func(text string) { notices = append(notices, text) }
	now, err := Restart(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	if now.PID == st.PID || now.Address != st.Address {
		t.Errorf("before %+v, after %+v", st, now)
	}
	within(t, "the old process to be gone", func() bool { return !alive(st.PID) })
	if text := strings.Join(notices, "\n"); !strings.Contains(text, "did not stop within 100ms") {
		t.Errorf("notices: %q", text)
	}
}

func TestAHandoverThatIsNotConfirmedChangesNothing(t *testing.T) {
	t.Parallel()
	home := shortDirT(t)
	inst, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := inst.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var stops atomic.Int32
	go func() {
		done <- inst.Serve(ctx, Control{Status: func() Status { return Status{} }, Stop: func() { stops.Add(1) }})
	}()
	within(t, "the control socket", func() bool {
		_, err := Dial(home).Status(t.Context())
		return err == nil
	})
	conn, err := net.Dial("unix", SocketFile(home))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(handoverRequest)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // the answer comes, and with it the socket
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil { // the new receiver crashes
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted <- c.Close()
		}
	}()
	// The receiver still accepts, and gives its listeners to the next that asks.
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), <-accepted); err != nil {
		t.Error(err)
	}
	if stops.Load() != 0 {
		t.Error("the receiver stops")
	}
	var sockets []inherited
	within(t, "the next handover", func() bool {
		sockets, err = takeOver(t.Context(), home)
		return err == nil
	})
	if len(sockets) != 1 || sockets[0].Addr().String() != ln.Addr().String() {
		t.Errorf("handed over: %v", sockets)
	}
	for _, s := range sockets {
		_ = s.Close()
	}
	within(t, "the stop", func() bool { return stops.Load() == 1 })
	if _, err := takeOver(t.Context(), home); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("a handover of a receiver that stops: %v", err)
	}
	cancel()
	if err := errors.Join(<-done, ln.Close(), inst.Close()); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestEverySocketFindsItsPlaceAtTheNextReceiver(t *testing.T) {
	t.Parallel()
	home := shortDirT(t)
	first, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	var given []net.Listener
	for range 3 { // deliveries, metrics, and one that the next receiver no longer wants
		ln, err := first.Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, ln)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	stopped := make(chan struct{})
	go func() {
		done <- first.Serve(ctx, Control{Status: func() Status { return Status{} }, Stop: func() { close(stopped) }})
	}()
	within(t, "the control socket", func() bool {
		_, err := Dial(home).Status(t.Context())
		return err == nil
	})
	sockets, err := takeOver(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	for _, ln := range given { // nobody accepts in this test, so the old receiver would wait for them to rest for ever
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	}
	<-stopped
	cancel()
	if err := errors.Join(<-done, first.Close()); err != nil {
		t.Error(err)
	}

	second, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	second.inherited = sockets
	for _, n := range []int{1, 0} { // in whatever order it asks
		want := given[n].Addr().String()
		ln, err := second.Listen(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if ln.Addr().String() != want {
			t.Errorf("asked for %s, got %s", want, ln.Addr())
		}
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(second.unclaimed(), second.Close()); err != nil {
		t.Error(err)
	}
	for _, s := range sockets { // dialing would not show it: another program may have the port by now
		if err := s.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the socket %s is still open", s.Addr())
		}
	}
}

func TestSameAddress(t *testing.T) {
	tests := []struct {
		have, want string
		same       bool
	}{
		{"127.0.0.1:9000", "127.0.0.1:9000", true},
		{"127.0.0.1:9000", "127.0.0.1:0", true},
		{"127.0.0.1:9000", "127.0.0.1:9001", false},
		{"127.0.0.1:9000", "0.0.0.0:9000", false},
		{"[::]:9000", "0.0.0.0:9000", true},
		{"[::]:9000", ":9000", true},
		{"0.0.0.0:9000", "127.0.0.1:9000", false},
		{"127.0.0.1:9000", "nonsense", false},
	}
	for _, tt := range tests {
		have, err := net.ResolveTCPAddr("tcp", tt.have)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameAddress(have, tt.want); got != tt.same {
			t.Errorf("sameAddress(%s, %s) = %v", tt.have, tt.want, got)
		}
	}
}

func TestTheOrderToTakeOverIsNotInherited(t *testing.T) {
	home := shortDirT(t)
	t.Setenv(envTakeover, "1s")
	inst, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close()
	if text, ok := os.LookupEnv(envTakeover); ok {
		t.Errorf("children of the receiver would see %s=%s", envTakeover, text)
	}
}
