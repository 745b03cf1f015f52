package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/sink"
)

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestSecretsAreShownNowhere goes through success, refusal and failure with everything logged, and looks for secrets in the log,
// the records, the answers, the statistics and the metrics.
func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	const sinkSecret, password, token = "sink-secret-7f3a", "password-91bc", "token-5d2e"
	var said lockedBuffer
	r := run(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Sinks = []sink.Config{
			{Type: "http", URL: "http://user:" + password + "@127.0.0.1:1/hook?token=" + token, Secret: sinkSecret},
			{Type: "command", Command: []string{"no-such-program-anywhere"}, Env: map[string]string{"TOKEN": token}},
		}
	})
	r.deliver(t, "push_main", guid(1))
	await(t, "failed attempts", func() bool {
		n := r.record(t, guid(1)).Notifications
		return n[0].Attempts > 0 && n[1].Attempts > 0
	})
	var answers strings.Builder
	for _, signature := range []string{"sha256=00", "", secret.Sign("another", nil)} {
		req := request(t, r.url+"/webhook", "push", guid(2), []byte("{}"))
		req.Header.Set("X-Hub-Signature-256", signature)
		req.Header.Set("X-Github-Encoded-Secret", testSecret)
		status, body := do(t, req)
		if status != http.StatusUnauthorized {
			t.Errorf("%d", status)
		}
		fmt.Fprint(&answers, body)
	}
	places := map[string]string{"the log": said.String(), "the answers": answers.String()}
	for name, value := range map[string]any{"stats": r.Stats(), "rejections": r.Rejections()} {
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		places[name] = string(b) + fmt.Sprintf("%+v %#v", value, value)
	}
	for name, value := range r.scrape(t) {
		places["metrics"] += name + " " + value + "\n"
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places[file] = string(b)
	}
	if !strings.Contains(places["the log"], "a notification was not sent") {
		t.Errorf("the log says little: %s", places["the log"])
	}
	for where, text := range places {
		for _, s := range []string{testSecret, sinkSecret, password, token} {
			if strings.Contains(text, s) {
				t.Errorf("%s shows %q", where, s)
			}
		}
	}
	if n := r.record(t, guid(1)).Notifications[0]; n.To != "127.0.0.1:1" || n.Status != logs.StatusPending {
		t.Errorf("%+v", n)
	}
}
