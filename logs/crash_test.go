package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashEnv makes the test binary the child that is killed: "directory|round".
const crashEnv = "HOOKCTL_LOGS_CRASH"

func TestMain(m *testing.M) {
	if job := os.Getenv(crashEnv); job != "" {
		if err := crashChild(job); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(firstPageEnv); dir != "" {
		if err := firstPage(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if millionDir != "" {
		_ = os.RemoveAll(millionDir)
	}
	os.Exit(code)
}

// crashChild appends as fast as it can and says what was acknowledged, until
// it is killed.
func crashChild(job string) error {
	dir, round, _ := strings.Cut(job, "|")
	w, err := OpenWriter(context.Background(), Config{Dir: dir, segmentSize: 128 << 10})
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(round); err == nil && n > 0 {
		// GitHub sends again what it sent before the crash.
		for i := range 8 {
			id := fmt.Sprintf("r%d-%d-0", n-1, i)
			found, err := w.Log().Find(context.Background(), id)
			if err != nil {
				return err
			}
			err = w.Append(context.Background(), crashRecord(id))
			if dup := new(*DuplicateError); len(found) > 0 != errors.As(err, dup) {
				return fmt.Errorf("%s was found %d times, and sent again: %v", id, len(found), err)
			}
		}
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				r := crashRecord(fmt.Sprintf("r%s-%d-%d", round, g, i))
				if err := w.Append(context.Background(), r); err != nil {
					continue // not acknowledged
				}
				fmt.Println("ack", r.DeliveryID)
				if len(r.Notifications) > 0 {
					if err := w.SetNotifications(context.Background(), r.File, crashOutcome()); err == nil {
						fmt.Println("sent", r.DeliveryID)
					}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func crashRecord(id string) *Record {
	r := &Record{EventType: "push", DeliveryID: id, Payload: fmt.Appendf(nil, `{"id":%q,"fill":%q}`, id, strings.Repeat(id, 100))}
	if strings.HasSuffix(id, "3") {
		r.Notifications = []Notification{{Type: "push", Priority: "low", Sink: "test", Status: StatusPending}}
	}
	return r
}

func crashOutcome() []Notification {
	return []Notification{{Type: "push", Priority: "low", Sink: "test", Status: StatusSent, Attempts: 1, At: time.Now().UTC()}}
}

func TestKilledAtAnyMomentNothingAcknowledgedIsLost(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acked, sent := map[string]bool{}, map[string]bool{}
	for round := range 30 {
		cmd := exec.Command(exe, "-test.run=^$")
		cmd.Env = append(os.Environ(), crashEnv+"="+dir+"|"+strconv.Itoa(round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		left := 1 + rng.IntN(150)
		killed := false
		for lines := bufio.NewScanner(out); lines.Scan(); left-- {
			what, id, _ := strings.Cut(lines.Text(), " ")
			switch what {
			case "ack":
				acked[id] = true
			case "sent":
				sent[id] = true
			case "error":
				t.Errorf("round %d: %s", round, id)
			}
			if left <= 0 && !killed {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
	}
	w := openWriter(t, Config{Dir: dir})
	if err := errors.Join(w.Log().Settle(t.Context()), w.Close()); err != nil { // files come when there is time
		t.Fatal(err)
	}
	checkRecords(t, dir, acked, sent)
	t.Logf("%d acknowledged, %d outcomes", len(acked), len(sent))
}

// checkRecords holds every file against what was promised: each acknowledged
// delivery has exactly one whole record, and the index agrees.
func checkRecords(t *testing.T, dir string, acked, sent map[string]bool) {
	t.Helper()
	l := openLog(t, dir)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, name := range recordFiles(t, dir) {
		r, err := l.Read(t.Context(), name)
		if err != nil {
			t.Error(err)
			continue
		}
		if other := seen[r.DeliveryID]; other != "" {
			t.Errorf("delivery %s is in %s and in %s", r.DeliveryID, other, name)
		}
		seen[r.DeliveryID] = name
		if want := crashRecord(r.DeliveryID).Payload; string(r.Payload) != string(want) {
			t.Errorf("%s: the payload is not what was sent", name)
		}
		if sent[r.DeliveryID] && r.Notifications[0].Status != StatusSent {
			t.Errorf("%s: the outcome that was durable is lost", name)
		}
	}
	lost := 0
	for id := range acked {
		if seen[id] == "" {
			lost++
			t.Errorf("delivery %s was acknowledged and is lost", id)
		}
	}
	n, err := l.Count(t.Context(), Filter{})
	if err != nil || n != len(seen) {
		t.Errorf("the index has %d records, %v; there are %d files", n, err, len(seen))
	}
}
