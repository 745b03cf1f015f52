package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

func TestNotificationReachesAIMaestroAsItsContractSays(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	r.deliver(t, "check_run_failure", guid(1))
	n := r.awaitStatus(t, guid(1), logs.StatusSent)
	if n.Type != "ci_failure" || n.Priority != "medium" || n.Sink != "aimaestro" || n.To != "orchestrator-amoa" || n.Attempts != 1 || n.MessageID != "msg-1" || n.At.IsZero() || n.Error != "" {
		t.Errorf("notification %+v", n)
	}
	msg := m.messages()[0]
	if msg.From != "hookctl" || msg.To != "orchestrator-amoa" || msg.Priority != "normal" || msg.FromVerified == nil || *msg.FromVerified || msg.Content.Type != "notification" {
		t.Errorf("message %+v", msg)
	}
	if msg.Subject != "CI failed in octo-org/Hello-World (check 128620228)" {
		t.Errorf("subject %q", msg.Subject)
	}
	for _, part := range []string{"Octocoders-linter", "octo-org/Hello-World", "failure", "changes", "ec26c3e57ca3a959ca5aad62de7213c562f8c821", "https://github.com/"} {
		if !strings.Contains(msg.Content.Message, part) {
			t.Errorf("the message %q does not say %s", msg.Content.Message, part)
		}
	}
	for key, want := range map[string]any{
		"source": "hookctl", "notification_type": "ci_failure", "event": "check_run", "action": "completed", "delivery_id": guid(1),
		"repository": "octo-org/Hello-World", "sender": "octocat", "conclusion": "failure", "branch": "changes", "check": "Octocoders-linter",
	} {
		if msg.Content.Context[key] != want {
			t.Errorf("context %s: %v, want %v", key, msg.Content.Context[key], want)
		}
	}
	await(t, "nothing pending", func() bool { return r.Stats().Pending == 0 && r.Stats().Sent == 1 })
}

func TestHostileTitleChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	r.deliver(t, "pull_request_hostile_title", guid(1))
	r.awaitStatus(t, guid(1), logs.StatusSent)
	rec := r.record(t, guid(1))
	msg := m.messages()[0]
	if msg.Subject != "Pull request #2 opened in octo-org/Hello-World" {
		t.Errorf("subject %q", msg.Subject)
	}
	texts := []string{msg.Subject, msg.Content.Message, rec.Result, rec.Summary.Title, rec.Summary.Branch}
	for _, v := range msg.Content.Context {
		texts = append(texts, fmt.Sprint(v))
	}
	for _, s := range texts {
		for _, bad := range []string{"\x1b", "\a", "\n", "\u202e", "\u009b", "\u200b"} {
			if strings.Contains(s, bad) {
				t.Errorf("%q holds %q", s, bad)
			}
		}
		for _, tag := range []string{"<external-content", "</external-content", "<agent-message"} {
			if strings.Contains(strings.ToLower(s), tag) {
				t.Errorf("%q holds %s", s, tag)
			}
		}
	}
}

func TestDeliveryIsAnsweredWhateverAIMaestroDoes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(int) (int, string){
		"500 with words": func(int) (int, string) { return 500, `{"error":"boom"}` },
		"500 empty":      func(int) (int, string) { return 500, "" },
		"unknown agent":  func(int) (int, string) { return 500, `{"error":{"message":"No recipient agent UUID"}}` },
		"503":            func(int) (int, string) { return 503, "" },
		"hanging":        func(int) (int, string) { return 0, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMaestro(t)
			m.set(answer)
			r := run(t, func(c *Config) {
				c.Sinks = []sink.Config{m.sink()}
				if name == "hanging" {
					c.Sinks[0].Timeout = 20 * time.Millisecond
				}
			})
			r.deliver(t, "push_main", guid(1)) // Answered with 200, or deliver fails.
			n := r.awaitStatus(t, guid(1), logs.StatusPending)
			await(t, "a second attempt", func() bool { return m.attempts() >= 2 })
			if st := r.Stats(); st.Pending != 1 || st.Failed != 0 {
				t.Errorf("%+v", st)
			}
			m.set(nil)
			n = r.awaitStatus(t, guid(1), logs.StatusSent)
			if n.Attempts < 2 || n.Error != "" || !n.NextAt.IsZero() {
				t.Errorf("notification %+v", n)
			}
			// One that timed out may have been taken anyway; that is what at least once means.
			if got := len(m.messages()); got < 1 || (name != "hanging" && got > 1) {
				t.Errorf("%d messages", got)
			}
		})
	}
}

func TestWhatIsPendingIsSentByTheNextReceiver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return 500, "" })
	sinks := func(c *Config) { c.Sinks = []sink.Config{m.sink()} }
	r := runIn(t, dir, sinks)
	names := []string{"push_main", "check_run_failure", "pull_request_opened", "issues_labeled_blocked"}
	for i, name := range names {
		r.deliver(t, name, guid(i))
	}
	await(t, "an attempt", func() bool { return m.attempts() > 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if len(m.messages()) != 0 {
		t.Fatal("a message was taken")
	}
	m.set(nil)
	r = runIn(t, dir, sinks)
	for i := range names {
		r.awaitStatus(t, guid(i), logs.StatusSent)
	}
	var order []string
	for _, msg := range m.messages() {
		order = append(order, msg.Content.Context["delivery_id"].(string))
	}
	if want := []string{guid(0), guid(1), guid(2), guid(3)}; !slices.Equal(order, want) {
		t.Errorf("order %v", order)
	}
}

func TestRefusalIsFinalAndCanBeResent(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return 400, `{"error":"bad content"}` })
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	r.deliver(t, "push_main", guid(1))
	n := r.awaitStatus(t, guid(1), logs.StatusFailed)
	if n.Attempts != 1 || n.Error != "the answer is 400 Bad Request: bad content" {
		t.Errorf("notification %+v", n)
	}
	await(t, "counted", func() bool { st := r.Stats(); return st.Failed == 1 && st.Pending == 0 })
	m.set(nil)
	await(t, "the outcome is settled", func() bool {
		count, err := r.Resend(t.Context(), []string{r.record(t, guid(1)).File})
		return err == nil && count.Done == 1
	})
	n = r.awaitStatus(t, guid(1), logs.StatusSent)
	if n.Attempts != 1 || n.Error != "" {
		t.Errorf("notification %+v", n)
	}
	if _, err := r.Resend(t.Context(), []string{"20260101_000000_nothing.json"}); err == nil {
		t.Error("a record that is not there is resent")
	}

	// What has no sink any more stays as it is.
	if err := r.Reload(testConfig(r.log)); err != nil {
		t.Fatal(err)
	}
	await(t, "the second outcome is settled", func() bool {
		done, err := r.Resend(t.Context(), []string{r.record(t, guid(1)).File})
		return err == nil && done.Done == 0 && done.Pending == 0 && done.Lost == 1 && slices.Equal(done.Sinks, []string{n.Sink})
	})
	if n := r.record(t, guid(1)).Notifications[0]; n.Status != logs.StatusSent {
		t.Errorf("notification %+v", n)
	}
}

// What has arrived is not sent a second time with what failed.
func TestResendLeavesOutWhatHasArrived(t *testing.T) {
	t.Parallel()
	good, bad := newMaestro(t), newMaestro(t)
	bad.set(func(int) (int, string) { return 400, `{"error":"bad content"}` })
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{good.sink(), bad.sink()}
		c.Sinks[1].Name = "bad"
	})
	r.deliver(t, "push_main", guid(1))
	await(t, "both outcomes", func() bool { st := r.Stats(); return st.Sent == 1 && st.Failed == 1 && st.Pending == 0 })
	bad.set(nil)
	resend := func() {
		await(t, "the outcome is settled", func() bool {
			done, err := r.Resend(t.Context(), []string{r.record(t, guid(1)).File})
			return err == nil && done.Done > 0
		})
	}
	resend()
	await(t, "what failed", func() bool { st := r.Stats(); return st.Sent == 2 && st.Pending == 0 })
	if len(good.messages()) != 1 || len(bad.messages()) != 1 {
		t.Errorf("%d and %d messages, want one each", len(good.messages()), len(bad.messages()))
	}
	resend() // where none failed, all are sent again
	await(t, "all", func() bool { st := r.Stats(); return st.Sent == 4 && st.Pending == 0 })
	if len(good.messages()) != 2 || len(bad.messages()) != 2 {
		t.Errorf("%d and %d messages, want two each", len(good.messages()), len(bad.messages()))
	}
}

func TestNothingIsSentToAnotherAgent(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{{Type: "aimaestro", URL: m.URL, To: "other-amoa"}} })
	r.deliver(t, "push_main", guid(1))
	await(t, "an attempt", func() bool { return r.record(t, guid(1)).Notifications[0].Attempts > 1 })
	n := r.record(t, guid(1)).Notifications[0]
	if n.Status != logs.StatusPending || n.To != "other-amoa" || !strings.Contains(n.Error, "would reach another agent") || m.attempts() != 0 {
		t.Errorf("%+v, %d messages", n, m.attempts())
	}
	cfg := testConfig(r.log)
	cfg.Sinks = []sink.Config{m.sink()}
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if n := r.awaitStatus(t, guid(1), logs.StatusSent); n.To != "orchestrator-amoa" {
		t.Errorf("the record says that %s got the message", n.To)
	}
}

// TestPendingIsRightFromTheFirstAnswer asks a receiver before it has looked at what an earlier run left.
func TestPendingIsRightFromTheFirstAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return 500, "" })
	sinks := func(c *Config) { c.Sinks = []sink.Config{m.sink()} }
	r := runIn(t, dir, sinks)
	event, payload := sample(t, "push_main")
	for i := range 200 {
		if _, err := r.Ingest(t.Context(), &logs.Record{EventType: event, DeliveryID: guid(i), Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	s := newTestServerIn(t, dir, sinks)
	var st Stats
	await(t, "an answer that is no count so far", func() bool { st = s.Stats(); return !st.Counting }) // the first, but on a slow machine
	if st.Pending != 200 {
		t.Errorf("%d are pending before the queue runs", st.Pending)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, l)
	for tried := m.attempts(); m.attempts() < tried+5; { // While the queue takes them on.
		if n := s.Stats().Pending; n != 200 {
			t.Fatalf("%d are pending", n)
		}
	}
	m.set(nil)
	await(t, "all of them", func() bool { return s.Stats().Pending == 0 })
}

func TestGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	m.set(func(int) (int, string) { return 500, "" })
	var later atomic.Int64
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	r.deliver(t, "push_main", guid(1))
	await(t, "attempts", func() bool { return m.attempts() >= 2 })
	later.Store(int64(23 * time.Hour))
	tried := m.attempts()
	await(t, "attempts within the day", func() bool { return m.attempts() >= tried+2 })
	if n := r.record(t, guid(1)).Notifications[0]; n.Status != logs.StatusPending {
		t.Errorf("within the day: %+v", n)
	}
	later.Store(int64(25 * time.Hour))
	if n := r.awaitStatus(t, guid(1), logs.StatusFailed); n.Attempts < 4 || !strings.Contains(n.Error, "500") {
		t.Errorf("notification %+v", n)
	}
}

func TestReplayIsRoutedAgain(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	dir := t.TempDir()
	r := runIn(t, dir, nil)
	r.deliver(t, "push_main", guid(1))
	old := r.record(t, guid(1))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = runIn(t, dir, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	if err := r.Replay(t.Context(), old.File); err != nil {
		t.Fatal(err)
	}
	await(t, "the message", func() bool { return len(m.messages()) == 1 })
	found, err := r.log.Log().Find(t.Context(), guid(1))
	if err != nil || len(found) != 2 || found[0].Source != logs.SourceReplay {
		t.Fatalf("%+v, %v", found, err)
	}
	again, err := r.log.Log().Read(t.Context(), found[0].File)
	if err != nil || string(again.Payload) != string(old.Payload) {
		t.Errorf("%v, %v", again, err)
	}
	if err := r.Replay(t.Context(), "../secret.json"); err == nil {
		t.Error("a path is replayed")
	}
}

func TestIngestTakesWhatWasFetched(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	event, payload := sample(t, "pull_request_opened")
	rec := &logs.Record{EventType: event, DeliveryID: guid(1), Source: logs.SourceCatchup, Payload: payload}
	if duplicate, err := r.Ingest(t.Context(), rec); duplicate || err != nil {
		t.Fatal(duplicate, err)
	}
	r.awaitStatus(t, guid(1), logs.StatusSent)
	if got := r.record(t, guid(1)); got.Source != logs.SourceCatchup || got.Signature.Verified || got.Summary.Title == "" {
		t.Errorf("%+v", got)
	}
	again := &logs.Record{EventType: event, DeliveryID: guid(1), Source: logs.SourceCatchup, Payload: payload}
	if duplicate, err := r.Ingest(t.Context(), again); !duplicate || err != nil {
		t.Error(duplicate, err)
	}
}

func TestNoSinksNoPendingNotifications(t *testing.T) {
	t.Parallel()
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{} })
	r.deliver(t, "workflow_run_failure", guid(1))
	if rec := r.record(t, guid(1)); len(rec.Notifications) != 0 || rec.Result != "ci_failure: CI Tests failed on feature/test" {
		t.Errorf("%v %q", rec.Notifications, rec.Result)
	}
	if st := r.Stats(); st.Pending != 0 {
		t.Errorf("%+v", st)
	}
}

func TestOrderHoldsPerRepositoryAndNobodyElseWaits(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	open := m.gate()
	quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(quick.Close)
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink(), {Type: "http", URL: quick.URL}}
	})
	_, payload := sample(t, "push_main")
	for i := range 20 {
		body := strings.ReplaceAll(string(payload), "octo-org/Hello-World", fmt.Sprintf("o/r%d", i%2))
		if status, _ := do(t, request(t, r.url+"/", "push", guid(i), []byte(body))); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	// The other sink has everything while this one hangs.
	for i := range 20 {
		await(t, "the quick sink", func() bool { return r.record(t, guid(i)).Notifications[1].Status == logs.StatusSent })
		if s := r.record(t, guid(i)).Notifications[0].Status; s != logs.StatusPending {
			t.Errorf("%d is %s", i, s)
		}
	}
	open()
	await(t, "all", func() bool { return len(m.messages()) == 20 })
	last := map[string]string{}
	for _, msg := range m.messages() {
		repo, id := msg.Content.Context["repository"].(string), msg.Content.Context["delivery_id"].(string)
		if id <= last[repo] {
			t.Errorf("%s after %s in %s", id, last[repo], repo)
		}
		last[repo] = id
	}
}

// gate makes the sink hang until it is opened.
func (m *maestro) gate() (open func()) {
	closed := make(chan struct{})
	m.set(func(n int) (int, string) {
		<-closed
		return http.StatusCreated, fmt.Sprintf(`{"message":{"id":"msg-%d"}}`, n)
	})
	return func() { close(closed) }
}

// TestMoreIsPendingThanIsHeld leaves most of a backlog in the log and still sends all of it in order.
func TestMoreIsPendingThanIsHeld(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	open := m.gate()
	s := newTestServer(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	s.queue.most = 10
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, l)
	event, payload := sample(t, "push_main")
	send := func(i int) {
		if _, err := s.Ingest(t.Context(), &logs.Record{EventType: event, DeliveryID: guid(i), Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		send(i)
	}
	s.queue.mu.Lock()
	held := s.queue.held
	s.queue.mu.Unlock()
	if pending := s.Stats().Pending; held > 10 || pending != 60 {
		t.Errorf("%d are held, %d are pending", held, pending)
	}
	open()
	for i := 60; i < 100; i++ {
		send(i)
	}
	await(t, "all of them", func() bool { return len(m.messages()) >= 100 })
	last := ""
	for _, msg := range m.messages() {
		id := msg.Content.Context["delivery_id"].(string)
		if id <= last {
			t.Errorf("%s after %s", id, last)
		}
		last = id
	}
}

// TestOneRepositoryHoldsNoOtherUp lets the sink hang for one repository and answer for another.
func TestOneRepositoryHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var mu sync.Mutex
	var got []string
	there := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ Subject string }
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if e.Subject == "o/slow" {
			<-release
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.Subject)
	}))
	t.Cleanup(there.Close)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{{Type: "http", URL: there.URL, Timeout: time.Minute}} })
	event, payload := sample(t, "push_main")
	for i, repo := range []string{"o/slow", "o/slow", "o/quick", "o/quick", "o/quick"} {
		r.send(t, event, guid(i), strings.ReplaceAll(string(payload), "octo-org/Hello-World", repo))
	}
	for i := 2; i < 5; i++ {
		r.awaitStatus(t, guid(i), logs.StatusSent)
	}
	mu.Lock()
	if want := []string{"o/quick", "o/quick", "o/quick"}; !slices.Equal(got, want) {
		t.Errorf("sent before the slow one was answered: %v", got)
	}
	mu.Unlock()
	close(release)
	r.awaitStatus(t, guid(1), logs.StatusSent)
}

func TestWaitsGrowWithJitterUpToTheirMost(t *testing.T) {
	t.Parallel()
	waits := Retry{First: time.Second, Max: 10 * time.Second}.withDefaults().waits()
	for i, middle := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
		middle *= time.Second
		if got := waits.NextBackOff(); got < middle*7/10 || got > middle*13/10+1 {
			t.Errorf("wait %d is %s, not about %s", i, got, middle)
		}
	}
	if d := (Retry{}).withDefaults(); d.GiveUp != 24*time.Hour {
		t.Errorf("given up after %s", d.GiveUp)
	}
}

func TestSinkConnectionsAreReused(t *testing.T) {
	var opened atomic.Int64
	all := make(chan struct{})
	there := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-all }))
	there.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	there.Start()
	defer there.Close()
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{{Type: "http", URL: there.URL}} })
	event, payload := sample(t, "push_main")
	for i := range 200 {
		body := strings.ReplaceAll(string(payload), "octo-org/Hello-World", fmt.Sprintf("o/r%d", i%20))
		if _, err := r.Ingest(t.Context(), &logs.Record{EventType: event, DeliveryID: guid(i), Payload: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	close(all)
	await(t, "all of them", func() bool { return r.Stats().Sent == 200 })
	// net/http may dial while it waits for a connection that is given back in the same moment, so one for each is not exact.
	if n, most := opened.Load(), 2*int64(r.queue.retry.PerSink); n > most {
		t.Errorf("%d connections for 200 notifications, %d at once", n, r.queue.retry.PerSink)
	}
}

func TestCloudEventsSink(t *testing.T) {
	type got struct {
		header http.Header
		body   []byte
	}
	taken := make(chan got, 1)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		b, _ := io.ReadAll(r.Body)
		taken <- got{r.Header, b}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer there.Close()
	to := sink.Config{Type: "http", URL: strings.Replace(there.URL, "http://", "http://user:password@", 1) + "/hook?token=private", Secret: "between us"}
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{to} })
	r.deliver(t, "push_main", guid(1))
	g := <-taken
	if ct := g.header.Get("Content-Type"); ct != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
	if g.header.Get(sink.SignatureHeader) != secret.Sign("between us", g.body) {
		t.Error("the signature is wrong")
	}
	var e map[string]any
	if err := json.Unmarshal(g.body, &e); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"specversion": "1.0", "id": guid(1) + "/push", "source": "/hookctl", "type": "hookctl.push",
		"subject": "octo-org/Hello-World", "datacontenttype": "application/json",
	} {
		if e[key] != want {
			t.Errorf("%s: %v, want %v", key, e[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, e["time"].(string)); err != nil {
		t.Error(err)
	}
	data := e["data"].(map[string]any)
	if data["priority"] != "low" || data["context"].(map[string]any)["branch"] != "main" {
		t.Errorf("data %v", data)
	}
	n := r.awaitStatus(t, guid(1), logs.StatusSent)
	if n.To != strings.TrimPrefix(there.URL, "http://") {
		t.Errorf("to %q", n.To)
	}
	if x := sink.Check(t.Context(), to); x != nil {
		t.Error(x)
	}
	there.Close()
	x := sink.Check(t.Context(), to)
	if x == nil || strings.Contains(x.Error(), "private") || strings.Contains(x.Error(), "password") {
		t.Errorf("%v", x)
	}
}

func TestMistakesInTheNamesOfSinks(t *testing.T) {
	twice := []sink.Config{{Type: "http", URL: "http://a"}, {Type: "http", URL: "http://b"}}
	if _, err := compileSettings(Config{Sinks: twice}); err == nil || !strings.Contains(err.Error(), "give one a name") {
		t.Errorf("%v", err)
	}
	twice[1].Name = "second"
	if _, err := compileSettings(Config{Sinks: twice, Rules: route.Rules{Routes: []route.Route{{Event: "*", Notify: "x", Sinks: []string{"second"}}}}}); err != nil {
		t.Error(err)
	}
	if _, err := compileSettings(Config{Sinks: twice, Rules: route.Rules{Routes: []route.Route{{Event: "*", Notify: "x", Sinks: []string{"third"}}}}}); err == nil {
		t.Error("a route to a sink that is not there is accepted")
	}
}
