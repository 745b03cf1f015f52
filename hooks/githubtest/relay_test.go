package githubtest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const cliHook = `{"name":"cli","active":false,"events":["push"],"config":{"content_type":"json","insecure_ssl":"0","url":"","secret":"k"}}`

// forwarder makes a cli hook, connects to its relay and activates it.
func forwarder(t *testing.T, s *Server, socket, token string) (*websocket.Conn, int64, *http.Response, error) {
	t.Helper()
	var made struct {
		ID    int64
		URL   string
		WSURL string `json:"ws_url"`
	}
	r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks", cliHook)
	if r.into(&made); r.status != 201 || made.WSURL == "" || made.URL == "" {
		t.Fatalf("%d %s", r.status, r.text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, strings.Replace(made.WSURL, "wss://", "ws://", 1),
		&websocket.DialOptions{HTTPClient: overSocket(t, socket), HTTPHeader: http.Header{"Authorization": {token}}})
	if err != nil {
		return nil, made.ID, resp, err
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	octocat(t, s, "PATCH", "/repos/"+widgets+"/hooks/"+itoa(made.ID), `{"active":true}`)
	return conn, made.ID, resp, nil
}

func forRelay(t *testing.T, opts Options) (*Server, string) {
	t.Helper()
	opts.Resolve = func(string) string { return "" }
	s, socket := start(t, opts)
	s.AddRepository(widgets, Repository{})
	return s, socket
}

func awaitNoHooks(t *testing.T, s *Server) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(s.Hooks(widgets)) > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("hooks left: %+v", s.Hooks(widgets))
		}
	}
}

func TestRelayBringsDeliveriesAndTakesAnswers(t *testing.T) {
	for _, unsigned := range []bool{false, true} {
		s, socket := forRelay(t, Options{RelayUnsigned: unsigned})
		conn, id, _, err := forwarder(t, s, socket, DefaultToken)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan []Delivery, 1)
		go func() {
			results, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main"))
			if err != nil {
				t.Error(err)
			}
			done <- results
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var frame relayFrame
		if err := wsjson.Read(ctx, conn, &frame); err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		for k, v := range frame.Header {
			header[http.CanonicalHeaderKey(k)] = v
		}
		if header.Get("X-Github-Event") != "push" || string(frame.Body) != string(Sample("push.main")) || frame.DeliveryID == "" || frame.RequestID == "" {
			t.Errorf("frame %+v", frame)
		}
		if signed := header.Get("X-Hub-Signature-256") != ""; signed == unsigned {
			t.Errorf("signed: %v", signed)
		}
		if err := wsjson.Write(ctx, conn, map[string]any{"Status": 202, "Header": http.Header{"A": {"b"}}, "Body": []byte("ok")}); err != nil {
			t.Fatal(err)
		}
		if results := <-done; len(results) != 1 || results[0].HookID != id || results[0].StatusCode != 202 || results[0].Response != "ok" {
			t.Errorf("%+v", results)
		}
		if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
		awaitNoHooks(t, s)
	}
}

func TestRelayIsStrict(t *testing.T) {
	s, socket := forRelay(t, Options{})
	if _, _, resp, err := forwarder(t, s, socket, "token "+DefaultToken); err == nil || resp.StatusCode != 401 {
		t.Errorf("a scheme before the token: %v", err)
	}
	if r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks", cliHook); r.status != 422 || !strings.Contains(r.text, "Hook already exists on this repository") {
		t.Errorf("a stale cli hook: %d %s", r.status, r.text)
	}
	octocat(t, s, "DELETE", "/repos/"+widgets+"/hooks/"+itoa(s.Hooks(widgets)[0].ID), "")
	for _, bad := range []string{`{}`, `nonsense`, `{"Status":200}`} { // the last answers nothing
		conn, _, _, err := forwarder(t, s, socket, DefaultToken)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		if err := conn.Write(ctx, websocket.MessageText, []byte(bad)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.Read(ctx); err == nil {
			t.Errorf("%s was taken", bad)
		}
		cancel()
		awaitNoHooks(t, s)
	}
}

func TestRelayEndsWithItsHook(t *testing.T) {
	s, socket := forRelay(t, Options{})
	conn, id, _, err := forwarder(t, s, socket, DefaultToken)
	if err != nil {
		t.Fatal(err)
	}
	octocat(t, s, "DELETE", "/repos/"+widgets+"/hooks/"+itoa(id), "")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after the hook went: %v", err)
	}
}

func TestRelayNeedsGitHubDotCom(t *testing.T) {
	s := quiet(t, Options{Enterprise: true})
	if r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks", cliHook); r.status != 422 {
		t.Errorf("enterprise server: %d %s", r.status, r.text)
	}
	s = quiet(t, Options{})
	if r := octocat(t, s, "POST", "/orgs/octo-org/hooks", cliHook); r.status != 422 {
		t.Errorf("organization: %d %s", r.status, r.text)
	}
	raw, err := json.Marshal(relayFrame{Body: []byte("x")})
	if err != nil || !strings.Contains(string(raw), `"body":"eA=="`) {
		t.Errorf("a frame's body is base64: %s %v", raw, err)
	}
}
