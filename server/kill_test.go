package server

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hookctl/logs"
	"hookctl/server/sink"
)

// receiverHelper is what the test binary does when it is to be the receiver that gets killed.
func receiverHelper(dir string) int {
	w, err := logs.OpenWriter(context.Background(), logs.Config{Dir: dir})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	cfg := testConfig(w)
	cfg.Sinks = []sink.Config{{Type: "aimaestro", URL: os.Getenv("HELPER_SINK"), To: "orchestrator-amoa"}}
	s, err := New(cfg)
	if err != nil {
		fmt.Println("new:", err)
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("listen:", err)
		return 1
	}
	fmt.Println("http://" + l.Addr().String())
	fmt.Println("ended:", s.Serve(context.Background(), l))
	return 1
}

// TestKilledReceiverOwesNothing kills the receiver again and again while it takes deliveries and notifies. Every delivery
// that was acknowledged has one whole record, and its notification arrives at least once.
func TestKilledReceiverOwesNothing(t *testing.T) {
	t.Parallel()
	const rounds = 30
	m := newMaestro(t)
	dir := t.TempDir()
	event, payload := sample(t, "push_main")
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var next atomic.Int64
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RECEIVER_HELPER="+dir, "HELPER_SINK="+m.URL)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		url, err := bufio.NewReader(out).ReadString('\n')
		if url = strings.TrimSpace(url); err != nil || !strings.HasPrefix(url, "http://") {
			t.Fatalf("round %d: %q, %v", round, url, err)
		}
		killAt := int64(1 + rand.IntN(60)) // acknowledgements
		var taken atomic.Int64
		var wg sync.WaitGroup
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		for range 8 {
			wg.Go(func() {
				for {
					id := guid(int(next.Add(1)))
					resp, err := client.Do(request(t, url+"/webhook", event, id, payload))
					if err != nil {
						return // It is dead.
					}
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						continue
					}
					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()
					if taken.Add(1) == killAt {
						_ = cmd.Process.Kill()
					}
				}
			})
		}
		wg.Wait()
		_ = cmd.Wait() // It was killed; that is an error by design.
		client.CloseIdleConnections()
	}
	r := runIn(t, dir, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	arrived := map[string]int{}
	await(t, "every notification", func() bool {
		clear(arrived)
		for _, msg := range m.messages() {
			arrived[msg.Content.Context["delivery_id"].(string)]++
		}
		for id := range acknowledged {
			if arrived[id] == 0 {
				return false
			}
		}
		return r.Stats().Pending == 0
	})
	if err := r.log.Log().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := r.log.Log().Page(t.Context(), logs.Query{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]int{}
	for _, e := range page.Entries {
		records[e.DeliveryID]++
		rec, err := r.log.Log().Read(t.Context(), e.File)
		if err != nil || string(rec.Payload) != string(payload) {
			t.Errorf("%s is not whole: %v", e.File, err)
		}
	}
	more := 0
	for id := range acknowledged {
		if records[id] != 1 {
			t.Errorf("%s has %d records", id, records[id])
		}
		if arrived[id] > 1 {
			more++
		}
	}
	t.Logf("%d acknowledged in %d lives, all recorded and announced, %d of them more than once", len(acknowledged), rounds, more)
}
