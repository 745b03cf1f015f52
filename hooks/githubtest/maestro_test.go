package githubtest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const goodMessage = `{"from":"hookctl","to":"orchestrator-amoa","subject":"s","priority":"high","fromVerified":false,
 "content":{"type":"notification","message":"m","context":{"event":"push"},"extra":1}}`

func startMaestro(t *testing.T) (*Maestro, string) {
	t.Helper()
	m := NewMaestro("orchestrator-amoa")
	url, err := m.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, url
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestMaestroTakesMessages(t *testing.T) {
	m, url := startMaestro(t)
	for _, test := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"good", goodMessage, 201, `"notified":false`},
		{"no subject", `{"from":"a","to":"b","content":{"type":"t","message":"m"}}`, 400, "Missing required fields"},
		{"no content type", `{"from":"a","to":"b","subject":"s","content":{"message":"m"}}`, 400, "Content must have"},
		{"unknown recipient", strings.Replace(goodMessage, "orchestrator-amoa", "nobody", 1), 500, "No recipient agent UUID"},
		{"unknown host", strings.Replace(goodMessage, "orchestrator-amoa", "orchestrator-amoa@mars", 1), 500, "Target host 'mars' not found"},
		{"torn", `{"from":`, 400, "Invalid JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body := ask(t, "POST", url+"/api/messages", test.body)
			if status != test.status || !strings.Contains(body, test.says) {
				t.Errorf("%d %s, want %d with %q", status, body, test.status, test.says)
			}
		})
	}
	if list := m.Messages(); len(list) != 1 || list[0].Content.Context["event"] != "push" {
		t.Errorf("stored: %+v", list)
	}
}

func TestMaestroResolves(t *testing.T) {
	_, url := startMaestro(t)
	if status, body := ask(t, "GET", url+"/api/messages?agent=orchestrator-amoa&action=resolve", ""); status != 200 || !strings.Contains(body, `"alias":"orchestrator-amoa"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask(t, "GET", url+"/api/messages?agent=nobody&action=resolve", ""); status != 404 || !strings.Contains(body, "Agent not found") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask(t, "GET", url+"/api/v1/health", ""); status != 200 || !strings.Contains(body, "healthy") {
		t.Errorf("%d %s", status, body)
	}
}

func TestMaestroMisbehaves(t *testing.T) {
	m, url := startMaestro(t)
	m.SetMode(MaestroFails)
	if status, body := ask(t, "POST", url+"/api/messages", goodMessage); status != 500 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	m.SetMode(MaestroDown)
	if _, err := http.Post(url+"/api/messages", "application/json", strings.NewReader(goodMessage)); err == nil {
		t.Error("a Maestro that is down answered")
	}
	m.SetMode(MaestroHangs)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/api/messages", strings.NewReader(goodMessage))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Error("a Maestro that hangs answered")
	}
	if len(m.Messages()) != 0 {
		t.Errorf("%d messages", len(m.Messages()))
	}
	m.SetMode(MaestroUp)
	if status, body := ask(t, "POST", url+"/api/messages", goodMessage); status != 201 || len(m.Messages()) != 1 {
		t.Errorf("up again: %d %s", status, body)
	}
}
