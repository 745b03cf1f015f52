package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hookctl/server/cluster"
	"hookctl/server/daemon"
)

// clusterReceiver answers on the control socket of a home until the test is over.
func clusterReceiver(t *testing.T, home string, status func() cluster.Status, republish func()) {
	t.Helper()
	inst, err := daemon.Lock(daemon.Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(what func() any) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(what()) // who asked may be gone
		})
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		err := inst.Serve(ctx, daemon.Control{
			Status: func() daemon.Status { return daemon.Status{Running: true} },
			Extra: map[string]http.Handler{
				"POST /cluster/status":    answer(func() any { return status() }),
				"POST /cluster/republish": answer(func() any { republish(); return cluster.Republished{Records: 3, Of: 3, Added: 2} }),
			},
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		serving.Wait()
		if err := inst.Close(); err != nil {
			t.Error(err)
		}
	})
	for {
		if _, err := daemon.Dial(home).Status(t.Context()); err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("the control socket never answers")
		}
	}
}

// onNode runs commands on the home of a node.
func onNode(t *testing.T) (home string, run func(args ...string) (stdout, stderr string, err error)) {
	t.Helper()
	home, err := os.MkdirTemp("", "hc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	run = func(args ...string) (string, string, error) {
		var stdout, stderr strings.Builder
		p := &program{in: os.Stdin, out: &stdout, err: &stderr, environ: environment{"HOOKCTL_HOME": home}.get}
		root := newRoot(p)
		root.SetArgs(args)
		err := root.ExecuteContext(t.Context())
		p.report(err)
		return stdout.String(), stderr.String(), err
	}
	if _, text, err := run("cluster", "init", "--node", "a", "--listen", "127.0.0.1:6222", "--peers", "127.0.0.1:6223,127.0.0.1:6224"); err != nil {
		t.Fatal(text)
	}
	return home, run
}

func nodesUp(names ...string) (list []cluster.Member) {
	for _, name := range names {
		list = append(list, cluster.Member{Node: name, Up: true, Secrets: []string{"7e71259f"}})
	}
	return list
}

// --wait returns when every node of the settings is up and has everything, or says that they were not in time.
func TestClusterStatusWaitsForEveryNode(t *testing.T) {
	t.Parallel()
	home, run := onNode(t)
	var asked atomic.Int32
	come := atomic.Bool{}
	come.Store(true)
	clusterReceiver(t, home, func() cluster.Status {
		s := cluster.Status{Name: "hooks", Node: "a", Quorum: true, Ready: true, Members: nodesUp("a", "b")}
		if asked.Add(1) > 2 && come.Load() {
			s.Members = nodesUp("a", "b", "c")
		}
		return s
	}, nil)
	out, text, err := run("cluster", "status", "--wait", "1h")
	if err != nil || asked.Load() != 3 || !strings.Contains(out, "\nc  ") {
		t.Errorf("after %d questions: %v\n%s%s", asked.Load(), err, out, text)
	}
	come.Store(false)
	out, text, err = run("cluster", "status", "--wait", "1ms")
	if code := exitCode(err); code != 5 || !strings.Contains(out, "a (this one)") || !strings.Contains(text, "not every node is up with everything") || !strings.Contains(text, "hint: hookctl cluster status") {
		t.Errorf("in too little time: exit code %d\n%s%s", code, out, text)
	}
}

// What republish has looked at is printed while it works, and what it added at the end.
func TestClusterRepublishShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	home, run := onNode(t)
	asked := make(chan struct{})
	clusterReceiver(t, home, func() cluster.Status {
		select {
		case asked <- struct{}{}:
		case <-t.Context().Done():
		}
		return cluster.Status{Republishing: &cluster.Republished{Records: 12_000, Of: 80_000}}
	}, func() {
		<-asked
		<-asked // by now the first answer was shown
	})
	out, text, err := run("cluster", "republish")
	if err != nil || out != "3 records looked at, 2 added to the stream\n" || !strings.Contains(text, "12,000 of 80,000 records\n") {
		t.Errorf("%v\n%s%s", err, out, text)
	}
}

// endless is an input that goes on and on.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 4<<20 {
		return 0, errors.New("too much was read")
	}
	return copy(p, bytes.Repeat([]byte("line\n"), len(p)/5+1)), nil
}

func TestAKeyIsNotReadWithoutEnd(t *testing.T) {
	p := &program{in: &endless{}}
	if key, err := p.readClusterKey("-"); err == nil || !strings.Contains(err.Error(), "stdin is longer than 1048576 bytes") {
		t.Errorf("%q, %v", key, err)
	}
}
