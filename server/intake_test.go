package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

func TestDeliveryIsRecordedAsTheDesignSays(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "workflow_run_failure")
	req := request(t, r.url+"/webhook", event, guid(1), payload)
	req.Header.Set("X-Github-Encoded-Secret", "c2VjcmV0")
	req.Header.Set("Authorization", "Bearer private")
	req.Header.Set("Cookie", "private")
	status, body := do(t, req)
	if status != http.StatusOK || body["status"] != "ok" || body["delivery"] != guid(1) || body["duplicate"] != false {
		t.Fatalf("%d %v", status, body)
	}
	rec := r.record(t, guid(1))
	if !bytes.Equal(rec.Payload, payload) {
		t.Error("the payload is not kept byte for byte")
	}
	if rec.Result != "ci_failure: CI Tests failed on feature/test" || rec.EventType != "workflow_run" || rec.HookID != 4711 || rec.Source != logs.SourceDelivery {
		t.Errorf("record %+v", rec)
	}
	s := rec.Summary
	if s.Action != "completed" || s.Sender != "octocat" || s.Repository != "octo-org/Hello-World" || s.Title != "CI Tests" ||
		s.Branch != "feature/test" || s.Conclusion != "failure" || s.Number != nil || !strings.HasPrefix(s.URL, "https://github.com/") {
		t.Errorf("summary %+v", s)
	}
	if !rec.Signature.Verified || rec.Signature.Secret != secret.Fingerprint(testSecret) {
		t.Errorf("signature %+v", rec.Signature)
	}
	if rec.Headers["X-GitHub-Event"] != "workflow_run" || rec.Headers["User-Agent"] != "GitHub-Hookshot/044aadd" || rec.Headers["X-Hub-Signature-256"] == "" {
		t.Errorf("headers %v", rec.Headers)
	}
	for name, value := range rec.Headers {
		if strings.Contains(strings.ToLower(name), "secret") || strings.Contains(value, "private") {
			t.Errorf("header %s is kept", name)
		}
	}
	if len(rec.Notifications) != 0 {
		t.Errorf("without sinks there are notifications: %v", rec.Notifications)
	}
}

func TestHostileInputsGetTheirDocumentedAnswer(t *testing.T) {
	r := run(t, nil)
	_, payload := sample(t, "push_main")
	signed := func(body string) *http.Request { return request(t, r.url+"/webhook", "push", guid(1), []byte(body)) }
	tests := []struct {
		name   string
		make   func() *http.Request
		status int
		reason string
	}{
		{"tampered body", func() *http.Request {
			req := signed(string(payload))
			req.Body = io.NopCloser(strings.NewReader(strings.Replace(string(payload), "octocat", "octodog", 1)))
			return req
		}, 401, "does not match"},
		{"wrong secret", func() *http.Request {
			req := signed(`{}`)
			req.Header.Set("X-Hub-Signature-256", secret.Sign("another", []byte(`{}`)))
			return req
		}, 401, "does not match"},
		{"an empty secret", func() *http.Request {
			req := signed(`{}`)
			req.Header.Set("X-Hub-Signature-256", secret.Sign("", []byte(`{}`)))
			return req
		}, 401, "does not match"},
		{"no signature", func() *http.Request { req := signed(`{}`); req.Header.Del("X-Hub-Signature-256"); return req }, 401, "missing"},
		{"only sha1", func() *http.Request {
			req := signed(`{}`)
			req.Header.Del("X-Hub-Signature-256")
			req.Header.Set("X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6")
			return req
		}, 401, "SHA-1"},
		{"sha1 in the header of sha256", func() *http.Request {
			req := signed(`{}`)
			req.Header.Set("X-Hub-Signature-256", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6")
			return req
		}, 401, "does not match"},
		{"no hexadecimal", func() *http.Request {
			req := signed(`{}`)
			req.Header.Set("X-Hub-Signature-256", "sha256=zz")
			return req
		}, 401, "does not match"},
		{"an array", func() *http.Request { return signed(`[]`) }, 400, "not a JSON object"},
		{"null", func() *http.Request { return signed(`null`) }, 400, "not a JSON object"},
		{"a number", func() *http.Request { return signed(`1`) }, 400, "not a JSON object"},
		{"torn", func() *http.Request { return signed(`{"action":"opened"`) }, 400, "not a JSON object"},
		{"two objects", func() *http.Request { return signed(`{}{}`) }, 400, "not a JSON object"},
		{"nothing", func() *http.Request { return signed(``) }, 400, "not a JSON object"},
		{"nested too deep", func() *http.Request {
			return signed(`{"a":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`)
		}, 400, "not a JSON object"},
		{"unsigned and torn is unsigned", func() *http.Request { req := signed(`{`); req.Header.Del("X-Hub-Signature-256"); return req }, 401, "missing"},
		{"too long", func() *http.Request { return signed(`{"a":"` + strings.Repeat("x", 26*mib) + `"}`) }, 413, "longer than 26214400 bytes"},
		{"gzip", func() *http.Request { req := signed(`{}`); req.Header.Set("Content-Encoding", "gzip"); return req }, 415, "content encodings"},
		{"text", func() *http.Request { req := signed(`{}`); req.Header.Set("Content-Type", "text/plain"); return req }, 415, "content type"},
		{"no type", func() *http.Request { req := signed(`{}`); req.Header.Del("Content-Type"); return req }, 415, "content type"},
		{"a GUID that is none", func() *http.Request {
			req := signed(`{}`)
			req.Header.Set("X-GitHub-Delivery", "../../etc/passwd")
			return req
		}, 400, "not a valid GUID"},
		{"GET", func() *http.Request { req := signed(``); req.Method = http.MethodGet; return req }, 405, "use POST"},
		{"PUT", func() *http.Request { req := signed(`{}`); req.Method = http.MethodPut; return req }, 405, "use POST"},
		{"another path", func() *http.Request { req := signed(`{}`); req.URL.Path = "/admin"; return req }, 404, "no such path"},
		{"a name that is none", func() *http.Request { req := signed(`{}`); req.URL.Path = "/webhook/a/../b"; return req }, 404, "no such path"},
		{"a form without payload", func() *http.Request {
			req := signed(`a=b`)
			req.Header.Set("Content-Type", formType)
			return req
		}, 400, "no payload"},
		{"a form that is badly encoded", func() *http.Request {
			req := signed(`payload=%zz`)
			req.Header.Set("Content-Type", formType)
			return req
		}, 400, "URL-encoded"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := do(t, tt.make())
			text, _ := body["error"].(string)
			if status != tt.status || !strings.Contains(text, tt.reason) {
				t.Errorf("%d %v, want %d %q", status, body, tt.status, tt.reason)
			}
			list := r.Rejections()
			if last := list[len(list)-1]; last.Reason != text || last.Address != "127.0.0.1" {
				t.Errorf("remembered as %+v", last)
			}
			if n := r.Stats().Rejected; n != int64(i+1) {
				t.Errorf("%d are counted", n)
			}
		})
	}
	if n, err := r.log.Log().Count(t.Context(), logs.Filter{}); n != 0 || err != nil {
		t.Errorf("%d records of refused requests, %v", n, err)
	}
	if x := r.Rejections()[0]; len(x.Fingerprints) != 1 || x.Fingerprints[0] != secret.Fingerprint(testSecret) {
		t.Errorf("the secrets that were tried: %v", x.Fingerprints)
	}
}

func TestEventHeaderNeverReachesTheFileSystem(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "log")
	r := runIn(t, dir, nil)
	for i, event := range []string{"../../etc/passwd", "", "Push", "a b", "x\u202ey", strings.Repeat("e", 65), "push/../x", "..", "con."} {
		status, body := do(t, request(t, r.url+"/", event, guid(i), []byte(`{"a":1}`)))
		if status != http.StatusOK {
			t.Fatalf("%q: %d %v", event, status, body)
		}
		if rec := r.record(t, guid(i)); rec.EventType != "unknown" {
			t.Errorf("%q is recorded as %q", event, rec.EventType)
		}
	}
	name := regexp.MustCompile(`^\d{8}_\d{6}_[a-z0-9_]{1,64}\.json$`)
	err := filepath.WalkDir(parent, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == ".hookctl" {
			return filepath.SkipDir
		}
		if !e.IsDir() && (filepath.Dir(path) != dir || (!name.MatchString(e.Name()) && e.Name() != "latest.json")) {
			return fmt.Errorf("%s was written", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestHookIDThatGitHubDoesNotGiveIsNone(t *testing.T) {
	r := run(t, nil)
	for i, c := range []struct {
		id   string
		want int64
	}{{"9007199254740993", 9007199254740993}, {"99999999999999999999", 0}, {"-5", 0}, {"here", 0}, {"", 0}} {
		req := request(t, r.url+"/", "push", guid(i), []byte(`{"a":1}`))
		req.Header.Set("X-GitHub-Hook-ID", c.id)
		if status, body := do(t, req); status != http.StatusOK {
			t.Fatalf("%q: %d %v", c.id, status, body)
		}
		if rec := r.record(t, guid(i)); rec.HookID != c.want {
			t.Errorf("%q is recorded as %d", c.id, rec.HookID)
		}
	}
}

func TestEventNames(t *testing.T) {
	for in, want := range map[string]string{
		"push": "push", "a_1": "a_1", strings.Repeat("e", 64): strings.Repeat("e", 64),
		"": "unknown", "Push": "unknown", "push\n": "unknown", "../x": "unknown", strings.Repeat("e", 65): "unknown",
	} {
		if got := logs.SafeEvent(in); got != want {
			t.Errorf("logs.SafeEvent(%q) = %q", in, got)
		}
	}
}

func TestFormEncodedDelivery(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "push_main")
	form := []byte("a=b&payload=" + url.QueryEscape(string(payload)))
	req := request(t, r.url+"/webhook", event, guid(1), form)
	req.Header.Set("Content-Type", formType)
	if status, body := do(t, req); status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	rec := r.record(t, guid(1))
	if !bytes.Equal(rec.Payload, payload) || rec.Result != "push: 3 commits to main by octocat" {
		t.Errorf("result %q, payload %.80s", rec.Result, rec.Payload)
	}
}

func TestDuplicateIsAnsweredAndNotRecorded(t *testing.T) {
	dir := t.TempDir()
	r := runIn(t, dir, nil)
	r.deliver(t, "push_main", guid(1))
	event, payload := sample(t, "push_main")
	for range 2 {
		status, body := do(t, request(t, r.url+"/", event, guid(1), payload))
		if status != http.StatusOK || body["duplicate"] != true || body["delivery"] != guid(1) {
			t.Fatalf("%d %v", status, body)
		}
		if st := r.Stats(); st.Duplicates != 1 && st.Received > 1 {
			t.Errorf("%+v", st)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r = runIn(t, dir, nil) // It is known after a restart too.
	}
	r.record(t, guid(1))
}

func TestAcceptedDeliveriesAreLoggedForDebugging(t *testing.T) {
	var out lockedBuffer
	r := run(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r.deliver(t, "push_main", guid(1))
	r.deliver(t, "push_main", guid(1))
	for _, part := range []string{
		`level=DEBUG msg="accepted a delivery" event=push delivery=` + guid(1) + ` hook=4711 repository=octo-org/Hello-World duplicate=false file=`, "duplicate=true",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, out.String())
		}
	}
}

// GitHub gives one GUID to all hooks of an event.
func TestOneEventAtTwoPathsIsTwoDeliveries(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "push_main")
	for _, again := range []bool{false, true} {
		for _, path := range []string{"/webhook/a", "/webhook/b", "/webhook"} {
			if status, body := do(t, request(t, r.url+path, event, guid(1), payload)); status != http.StatusOK || body["duplicate"] != again {
				t.Errorf("%s: %d %v, want duplicate %v", path, status, body, again)
			}
		}
	}
	if status, body := do(t, request(t, r.url+"/", event, guid(1), payload)); status != http.StatusOK || body["duplicate"] != true {
		t.Errorf("/ is not /webhook: %d %v", status, body)
	}
}

func TestTwoHundredDeliveriesInOneSecond(t *testing.T) {
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	event, payload := sample(t, "push_main")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if status, body := do(t, request(t, r.url+"/webhook", event, guid(i), payload)); status != http.StatusOK {
				t.Errorf("%d: %d %v", i, status, body)
			}
		})
	}
	wg.Wait()
	await(t, "200 messages", func() bool { return len(m.messages()) == 200 })
	await(t, "nothing is pending", func() bool { return r.Stats().Pending == 0 })
	n, err := r.log.Log().Count(t.Context(), logs.Filter{})
	if n != 200 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "2*_push*.json"))
	if len(files) != 200 || err != nil {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestHealthTellsWhichReceiverAnswers(t *testing.T) {
	a, b := run(t, nil), run(t, nil)
	ask := func(r *receiver, method, query string) (int, map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/healthz"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, req)
	}
	status, body := ask(a, http.MethodGet, "?nonce=abc-123")
	if status != http.StatusOK || body["status"] != "ok" || body["version"] != "test" || body["nonce"] != "abc-123" || body["instance"] != a.Instance() {
		t.Errorf("%d %v", status, body)
	}
	if a.Instance() == b.Instance() || len(a.Instance()) < 26 {
		t.Errorf("instances %q and %q", a.Instance(), b.Instance())
	}
	if _, body := ask(a, http.MethodGet, "?nonce="+url.QueryEscape("<script>")); body["nonce"] != nil {
		t.Errorf("an unfit nonce is echoed: %v", body)
	}
	if status, _ := ask(a, http.MethodPost, ""); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
}

func TestNoSecretNoReceiver(t *testing.T) {
	w, err := logs.OpenWriter(t.Context(), logs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, keys := range []*secret.Ring{nil, secret.NewRing(), secret.NewRing(secret.Key{Value: ""})} {
		cfg := testConfig(w)
		cfg.Keys = keys
		if _, err := New(cfg); !errors.Is(err, ErrNoSecret) {
			t.Errorf("error %v", err)
		}
	}
	r := run(t, nil)
	cfg := testConfig(w)
	cfg.Keys = secret.NewRing()
	if err := r.Reload(cfg); !errors.Is(err, ErrNoSecret) {
		t.Errorf("reload: %v", err)
	}
	r.deliver(t, "push_main", guid(1)) // The old secret is still in force.
}

func TestSourceTestIsKept(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "push_main")
	req := request(t, r.url+"/webhook", event, guid(1), payload)
	req.Header.Set("X-Hookctl-Source", "test")
	if status, _ := do(t, req); status != http.StatusOK {
		t.Fatal(status)
	}
	if rec := r.record(t, guid(1)); rec.Source != logs.SourceTest {
		t.Errorf("source %q", rec.Source)
	}
}

func TestATestSaysSo(t *testing.T) {
	for source, test := range map[string]bool{logs.SourceTest: true, logs.SourceDelivery: false, logs.SourceReplay: false} {
		m := messageOf(&logs.Record{Source: source}, logs.Notification{Type: "push"}, route.Notice{Type: "push", Subject: "s", Message: "m"})
		_, marked := m.Context["test"]
		if marked != test || strings.HasPrefix(m.Subject, "[test] ") != test || strings.Contains(m.Text, "This is a test") != test {
			t.Errorf("%s: %q, %q, %v", source, m.Subject, m.Text, m.Context["test"])
		}
	}
}

func TestStoppingFinishesWhatIsAccepted(t *testing.T) {
	r := run(t, nil)
	_, payload := sample(t, "push_main")
	body := &gate{data: payload, open: make(chan struct{}), begun: make(chan struct{})}
	req := request(t, r.url+"/webhook", "push", guid(1), payload)
	req.Body, req.ContentLength = io.NopCloser(body), int64(len(payload))
	type result struct {
		status int
		body   map[string]any
	}
	answered := make(chan result, 1)
	go func() {
		status, body := do(t, req)
		answered <- result{status, body}
	}()
	<-body.begun
	await(t, "the request is under way", func() bool { return r.conns.count() == 1 })
	await(t, "its handler reads", func() bool { return r.reading.Load() == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	await(t, "the receiver is stopping", r.draining.Load)
	close(body.open)
	if got := <-answered; got.status != http.StatusOK {
		t.Errorf("%d %v", got.status, got.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(filepath.Join(r.dir, "*_push.json")); len(files) != 1 {
		t.Errorf("%d records", len(files))
	}
}

func TestStoppingPartsWithKeptConnectionsOverAnAnswer(t *testing.T) {
	r := run(t, func(c *Config) { c.Limits.Farewell = time.Minute })
	_, payload := sample(t, "push_main")
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	deliver := func(n int) (kept bool) {
		t.Helper()
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		resp, err := client.Do(request(t, r.url+"/webhook", "push", guid(n), payload).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || reused != (n > 1) {
			t.Errorf("delivery %d: %d, %v, on a kept connection: %t", n, resp.StatusCode, err, reused)
		}
		return !resp.Close
	}
	if !deliver(1) {
		t.Error("the connection is not kept")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	await(t, "the receiver is leaving", r.leaving.Load)
	if deliver(2) {
		t.Error("the connection is kept although the receiver stops")
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(filepath.Join(r.dir, "*_push*.json")); len(files) != 2 {
		t.Errorf("%d records", len(files))
	}
}

// gate is a body that stops after its first byte until it is opened.
type gate struct {
	data  []byte
	at    int
	begun chan struct{}
	open  chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	switch {
	case g.at == len(g.data):
		return 0, io.EOF
	case g.at == 0:
		close(g.begun)
		g.at = 1
		return copy(p, g.data[:1]), nil
	case g.at == 1:
		<-g.open
	}
	n := copy(p, g.data[g.at:])
	g.at += n
	return n, nil
}

func TestStorageErrorsHaveTheirStatus(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("append: %w", logs.ErrFull), http.StatusInsufficientStorage},
		{fmt.Errorf("append: %w", logs.ErrBusy), http.StatusServiceUnavailable},
		{fmt.Errorf("append: %w", fs.ErrPermission), http.StatusServiceUnavailable},
		{fmt.Errorf("%w: torn", route.ErrNotObject), http.StatusBadRequest},
	} {
		status, reason, text := new(Server).refusal(tt.err)
		if status != tt.status || reason == "" || text == "" || strings.Contains(text, "append") {
			t.Errorf("%v: %d %s %s", tt.err, status, reason, text)
		}
	}
}
