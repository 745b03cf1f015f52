package host

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/google/uuid"
)

// BenchmarkCluster compares, in one run and with the same clients on the same machine: a single receiver, three nodes of a
// cluster, and a bare publish to a stream of three replicas that sync every message.
//
//	go test ./server/host -run xxx -bench Cluster -benchtime 1x
func BenchmarkCluster(b *testing.B) {
	const took = 5 * time.Second
	body := payloadOf("octo/bench", 1, 7500) // 8 KiB
	for _, conns := range []int{1, 16, 64} {
		rates := map[string]float64{}
		b.Run(fmt.Sprintf("connections=%d", conns), func(b *testing.B) {
			for range b.N {
				single := newWorld(b, worldOptions{single: true})
				single.sink.bad.Store(true)
				single.nodes[0].start()
				single.wait("the receiver", func() bool {
					status, err := post(http.DefaultClient, single.nodes[0].url(), testSecret, uuid.NewString(), body)
					return err == nil && status == http.StatusOK
				})
				rates["single"] = measureReceivers(b, single, conns, took, body)
				memory(b, "single", single.nodes[:1])
				single.nodes[0].kill()

				three := newWorld(b, worldOptions{})
				three.sink.bad.Store(true) // as beside it: what is measured is the answer
				three.start()
				rates["cluster"] = measureReceivers(b, three, conns, took, body)
				memory(b, "cluster", three.nodes)
				for _, n := range three.nodes {
					n.kill()
				}
				rates["jetstream"] = measureJetStream(b, conns, took, body)
			}
			for what, rate := range rates {
				b.ReportMetric(rate, what+"/s")
			}
			b.ReportMetric(rates["cluster"]/rates["jetstream"], "of-jetstream")
			b.ReportMetric(rates["cluster"]/rates["single"], "of-single")
		})
	}
}

// measure calls do from so many goroutines and returns how often it succeeded in a second, and the slowest of a hundred.
func measure(b *testing.B, what string, conns int, took time.Duration, do func() error) float64 {
	b.Helper()
	var done atomic.Int64
	var all []time.Duration
	var mu sync.Mutex
	var group sync.WaitGroup
	begun := time.Now()
	for range conns {
		group.Go(func() {
			var mine []time.Duration
			for time.Since(begun) < took {
				at := time.Now()
				if err := do(); err != nil {
					b.Logf("%s: %v", what, err)
					continue
				}
				mine = append(mine, time.Since(at))
				done.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	group.Wait()
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, what+"-p99-ms")
	}
	return float64(done.Load()) / time.Since(begun).Seconds()
}

func measureReceivers(b *testing.B, w *world, conns int, took time.Duration, body []byte) float64 {
	b.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: conns}}
	var next atomic.Int64
	what := "single"
	if len(w.nodes) > 1 {
		what = "cluster"
	}
	return measure(b, what, conns, took, func() error {
		n := w.nodes[int(next.Add(1))%len(w.nodes)]
		status, err := post(client, n.url(), testSecret, uuid.NewString(), body)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("answered %d", status)
		}
		return err
	})
}

// memory reports what processes have in memory, each on average.
func memory(b *testing.B, what string, nodes []*node) {
	b.Helper()
	total := 0.0
	for _, n := range nodes {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.process.Process.Pid))
		if err != nil {
			return // not Linux
		}
		_, rest, _ := strings.Cut(string(data), "VmRSS:")
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			b.Fatal(err)
		}
		total += float64(kib) / 1024
	}
	b.ReportMetric(total/float64(len(nodes)), what+"-MiB")
}

const bareVariable = "HOOKCTL_TEST_NATS"

// nats3 is a NATS of three servers that somebody has already, each a process.
type nats3 struct {
	t         testing.TB
	urls      []string
	configs   []string
	processes []*exec.Cmd
}

// newNATS starts one; more goes into the configuration of each server.
func newNATS(t testing.TB, more string) *nats3 {
	t.Helper()
	n := &nats3{t: t, processes: make([]*exec.Cmd, 3)}
	ports := freePorts(t, 6)
	for i := range 3 {
		var routes []string
		for j := range 3 {
			if i != j {
				routes = append(routes, strconv.Quote(fmt.Sprintf("nats-route://127.0.0.1:%d", ports[j])))
			}
		}
		n.configs = append(n.configs, fmt.Sprintf("server_name: n%d\nlisten: 127.0.0.1:%d\njetstream { store_dir: %q, sync_interval: always }\ncluster { name: bare, listen: 127.0.0.1:%d, routes: [%s] }\n%s",
			i, ports[3+i], filepath.Join(t.TempDir(), strconv.Itoa(i)), ports[i], strings.Join(routes, ","), more))
		n.urls = append(n.urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[3+i]))
		n.start(i)
		t.Cleanup(func() { n.kill(i) })
	}
	return n
}

func (n *nats3) start(i int) {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	n.processes[i] = exec.Command(self, "-test.run=^$") // #nosec G204 -- this test itself
	n.processes[i].Env = append(os.Environ(), bareVariable+"="+n.configs[i])
	if err := n.processes[i].Start(); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nats3) kill(i int) {
	_ = n.processes[i].Process.Kill()
	_ = n.processes[i].Wait() // it was killed
}

// runBare is a NATS server of the comparison.
func runBare(config string) error {
	opts := &natsd.Options{}
	if err := opts.ProcessConfigString(config); err != nil {
		return err
	}
	s, err := natsd.NewServer(opts)
	if err != nil {
		return err
	}
	s.Start()
	select {}
}

func measureJetStream(b *testing.B, conns int, took time.Duration, body []byte) float64 {
	b.Helper()
	urls := newNATS(b, "").urls
	var streams []jetstream.JetStream
	for _, url := range urls {
		conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			b.Fatal(err)
		}
		streams = append(streams, js)
	}
	for end := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		_, err := streams[0].CreateStream(ctx, jetstream.StreamConfig{Name: "bare", Subjects: []string{"d.>"}, Replicas: 3, Storage: jetstream.FileStorage})
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			b.Fatal(err)
		}
	}
	var next atomic.Int64
	return measure(b, "jetstream", conns, took, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := streams[int(next.Add(1))%3].Publish(ctx, "d."+uuid.NewString(), body, jetstream.WithExpectLastSequencePerSubject(0))
		return err
	})
}
