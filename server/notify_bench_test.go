package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/server/sink"
)

// BenchmarkNotify measures how fast a backlog over 20 repositories reaches a quick sink, one message for each, its outcome durable
// in its record. Beside it, in the same run, a bare client posts the same bodies to the same sink over as many kept-alive
// connections and records nothing.
func BenchmarkNotify(b *testing.B) {
	var got atomic.Int64
	var body atomic.Pointer[[]byte]
	var closed atomic.Pointer[chan struct{}]
	var opened sync.Map
	quick := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		opened.Store(r.RemoteAddr, true)
		sent, _ := io.ReadAll(r.Body)
		<-*closed.Load()
		body.CompareAndSwap(nil, &sent)
		got.Add(1)
	}))
	quick.Start()
	defer quick.Close()
	gate := make(chan struct{})
	closed.Store(&gate)

	n := max(b.N, 4000)
	r := run(b, func(c *Config) {
		c.Retry = Retry{}
		c.Sinks = []sink.Config{{Type: "http", URL: quick.URL, Timeout: time.Minute}}
	})
	backlog(b, r, n, 20)
	spent, start := processorTime(), time.Now()
	close(gate)
	await(b, "all notifications", func() bool { return r.Stats().Pending == 0 })
	own := float64(n) / time.Since(start).Seconds()
	spent = processorTime() - spent
	connections := 0
	opened.Range(func(any, any) bool { connections++; return true })

	bare := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	var left atomic.Int64
	left.Store(int64(n))
	start = time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := bare.Post(quick.URL, "application/json", bytes.NewReader(*body.Load()))
				if err != nil {
					b.Error(err)
					return
				}
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	peer := float64(n) / time.Since(start).Seconds()
	b.ReportMetric(own, "notified/s")
	b.ReportMetric(2000, "goal-notified/s")
	b.ReportMetric(peer, "bare-posts/s")
	b.ReportMetric(own/peer, "x-bare")
	b.ReportMetric(float64(connections), "connections")
	b.ReportMetric(spent.Seconds()*1e6/float64(n), "cpu-us/notified")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkNotifySlowSink measures how long it takes until a thousand events of one repository are notified to a sink that
// needs 50 ms a call. Beside it stands what one message for each takes at best.
func BenchmarkNotifySlowSink(b *testing.B) {
	const n, call = 1000, 50 * time.Millisecond
	var messages, announced atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		took := time.After(call) // of the sink, nothing that the benchmark waits for
		var e struct {
			Data struct{ Context map[string]any }
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			b.Error(err)
		}
		<-took
		messages.Add(1)
		if all, ok := e.Data.Context["notifications"].(float64); ok {
			announced.Add(int64(all))
		} else {
			announced.Add(1)
		}
	}))
	defer slow.Close()
	r := run(b, func(c *Config) {
		c.Retry, c.CoalesceMax = Retry{}, 0
		c.Sinks = []sink.Config{{Type: "http", URL: slow.URL}}
	})
	start := time.Now()
	backlog(b, r, n, 1)
	await(b, "all notifications", func() bool { return r.Stats().Pending == 0 })
	took := time.Since(start)
	if announced.Load() != n {
		b.Errorf("the messages speak for %d of %d", announced.Load(), n)
	}
	b.ReportMetric(took.Seconds(), "s/1000-notified")
	b.ReportMetric(10, "goal-s/1000-notified")
	b.ReportMetric((n * call).Seconds(), "one-by-one-s")
	b.ReportMetric(float64(messages.Load()), "messages")
	b.ReportMetric(0, "ns/op")
}

// backlog takes events in, a push each, over so many repositories.
func backlog(b *testing.B, r *receiver, n, repositories int) {
	b.Helper()
	event, payload := sample(b, "push_main")
	bodies := make([][]byte, repositories)
	for i := range bodies {
		bodies[i] = []byte(strings.ReplaceAll(string(payload), "octo-org/Hello-World", fmt.Sprintf("o/r%d", i)))
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				rec := &logs.Record{EventType: event, DeliveryID: guid(int(benchSerial.Add(1))), Payload: bodies[i%int64(repositories)]}
				if _, err := r.Ingest(b.Context(), rec); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
