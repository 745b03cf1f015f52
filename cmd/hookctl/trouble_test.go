package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/githubtest"
	"hookctl/logs"
)

// cmdFault makes the simulated GitHub misbehave:
//
//	fault METHOD PATH STATUS|drop-before|drop-after [TIMES]
//	fault clear
func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if args[0] == "clear" {
		w.github.ClearFaults()
		return
	}
	f := githubtest.Fault{Method: args[0], Path: args[1]}
	switch args[2] {
	case "drop-before":
		f.DropBefore = true
	case "drop-after":
		f.DropAfter = true
	default:
		status, err := strconv.Atoi(args[2])
		ts.Check(err)
		f.Status = status
	}
	if len(args) > 3 {
		times, err := strconv.Atoi(args[3])
		ts.Check(err)
		f.Times = times
	}
	w.github.Fault(f)
}

// pushTraffic is what repositories send without a pause.
type pushTraffic struct {
	stop          context.CancelFunc
	senders       sync.WaitGroup
	sent, refused atomic.Int64
}

// cmdTraffic lets repositories send a push every ten milliseconds, each seen through to its answer:
//
//	traffic start owner/repo…
//	traffic stop               prints how many were sent and how many refused, and fails where one was
func cmdTraffic(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if args[0] == "start" {
		ctx, stop := context.WithCancel(context.Background())
		w.traffic = &pushTraffic{stop: stop}
		d := &demo{github: w.github}
		for _, repo := range args[1:] {
			w.traffic.senders.Go(func() { d.sendSteadily(ctx, context.Background(), repo, &w.traffic.sent, &w.traffic.refused) })
		}
		return
	}
	t := w.traffic
	w.traffic = nil
	t.stop()
	t.senders.Wait()
	fmt.Fprintf(ts.Stdout(), "sent %d refused %d\n", t.sent.Load(), t.refused.Load())
	if t.sent.Load() == 0 || t.refused.Load() > 0 {
		ts.Fatalf("sent %d, refused %d", t.sent.Load(), t.refused.Load())
	}
}

// cmdPast fills the log with records of the past:
//
//	past N                               any, spread over thirty days
//	past failure owner/repo AGE TITLE    a workflow run that failed that long ago
func cmdPast(ts *testscript.TestScript, neg bool, args []string) {
	s, err := settings.Load(environment{"HOOKCTL_HOME": worldOf(ts).home}.get)
	ts.Check(err)
	if args[0] != "failure" {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		ts.Check(logs.Generate(context.Background(), s.Log.Dir, n, time.Now(), 30*24*time.Hour, 1, nil))
		return
	}
	age, err := time.ParseDuration(args[2])
	ts.Check(err)
	at := time.Now().Add(-age).UTC()
	record := logs.Record{
		EventType: "workflow_run", Timestamp: at.Format("20060102_150405"), ReceivedAt: at, Source: logs.SourceDelivery, DeliveryID: uuid.NewString(),
		Summary: logs.Summary{Action: "completed", Repository: args[1], Title: args[3], Conclusion: "failure"},
		Payload: []byte(`{"action":"completed"}`),
	}
	data, err := record.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(s.Log.Dir, record.Timestamp+"_workflow_run.json"), data, 0o600))
}
