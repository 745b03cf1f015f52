package sink

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The wire forms of services that can run anywhere, so that a test can stand in for them.
func TestChatOnTheWire(t *testing.T) {
	for name, tc := range map[string]struct {
		url  string // with HOST for the server's
		want func(*testing.T, posted)
	}{
		"ntfy": {"ntfy://user:pass-7f3a@HOST/builds?scheme=http", func(t *testing.T, p posted) {
			if p.path != "POST /builds" || p.header.Get("Title") != "CI failed in o/r (run 12)" || !strings.EqualFold(p.header.Get("Priority"), "high") {
				t.Errorf("%s, %v", p.path, p.header)
			}
			if !strings.HasPrefix(p.body, "CI failed: the workflow") || !strings.HasSuffix(p.body, " https://github.com/o/r/actions/runs/12") {
				t.Errorf("body %q", p.body)
			}
		}},
		"gotify": {"gotify://HOST/Abcdefgh.token1?disabletls=yes", func(t *testing.T, p posted) {
			var got struct {
				Title, Message string
				Priority       int
			}
			if err := json.Unmarshal([]byte(p.body), &got); err != nil || got.Title != "CI failed in o/r (run 12)" || got.Priority != 8 || !strings.HasPrefix(got.Message, "CI failed: ") {
				t.Errorf("%s, %v", p.body, err)
			}
		}},
		"mattermost": {"mattermost://HOST/token-91bc?disabletls=yes", func(t *testing.T, p posted) {
			var got struct{ Text string }
			if err := json.Unmarshal([]byte(p.body), &got); err != nil || p.path != "POST /hooks/token-91bc" ||
				!strings.HasPrefix(got.Text, "❗ CI failed in o/r (run 12)\nCI failed: ") || strings.Contains(got.Text, "<b>") {
				t.Errorf("%s %s, %v", p.path, p.body, err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url, next := taker(t, http.StatusOK)
			c := Config{Type: "chat", URL: strings.Replace(tc.url, "HOST", strings.TrimPrefix(url, "http://"), 1)}
			if err := sendTo(t, c); err != nil {
				t.Fatal(err)
			}
			tc.want(t, next())
			if to := c.Recipient(); to != name {
				t.Errorf("the record names %q", to)
			}
			if x := Check(t.Context(), c); x != nil {
				t.Error(x)
			}
		})
	}
}

// Whatever goes wrong, the URL and what it holds are in no error.
func TestChatURLIsShownNowhere(t *testing.T) {
	const key, password = "Abcdefgh.token1", "pass-7f3a"
	busy, _ := taker(t, http.StatusServiceUnavailable)
	refuses, _ := taker(t, http.StatusForbidden)
	for name, tc := range map[string]struct {
		url       string
		permanent bool
	}{
		"refused":        {"gotify://" + strings.TrimPrefix(refuses, "http://") + "/" + key + "?disabletls=yes", true},
		"busy":           {"gotify://" + strings.TrimPrefix(busy, "http://") + "/" + key + "?disabletls=yes", false},
		"down":           {"gotify://127.0.0.1:1/" + key + "?disabletls=yes", false},
		"down, password": {"ntfy://user:" + password + "@127.0.0.1:1/topic?scheme=http", false},
		"no such host":   {"gotify://no-such-host.invalid/" + key + "?disabletls=yes", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := sendTo(t, Config{Type: "chat", URL: tc.url})
			if err == nil {
				t.Fatal("no error")
			}
			permanent := (*backoff.PermanentError)(nil)
			if errors.As(err, &permanent) != tc.permanent {
				t.Errorf("permanent is %v: %v", !tc.permanent, err)
			}
			for _, part := range []string{key, password, "no-such-host", "127.0.0.1", "topic"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows %q: %v", part, err)
				}
			}
		})
	}
	for _, url := range []string{"", "nonsense", "slack://" + key, "unknown://" + key, "logger://", "ntfy://user:" + password + "@host", "http://host/" + key, "://" + key, "gotify://host/%zz" + key} {
		_, err := New(Config{Type: "chat", URL: url})
		if err == nil {
			t.Errorf("%q is taken", url)
			continue
		}
		if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), password) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// A service that never answers is left alone after the time limit, and only one call waits for it.
func TestChatThatHangs(t *testing.T) {
	let := make(chan struct{})
	calls := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls <- struct{}{}; <-let }))
	defer s.Close()
	defer close(let)
	made, err := New(Config{Type: "chat", URL: "mattermost://" + strings.TrimPrefix(s.URL, "http://") + "/token?disabletls=yes", Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := made.Send(t.Context(), failedRun()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
	<-calls
	if len(calls) > 0 {
		t.Error("a second call was made beside the one that hangs")
	}
}

func TestMessagesForPeople(t *testing.T) {
	m := failedRun()
	m.Text = `"@everyone <!channel> <https://evil.example|click> [here](https://evil.example) mail a@b.example" (@octocat) ` + strings.Repeat("x", 9000) + " https://github.com/o/r/actions/runs/12"
	for _, service := range []string{"discord", "pushover", "ntfy", "slack", "smtp"} {
		to := mediumOf(service)
		body, params := chatMessage(to, m)
		for _, bad := range []string{"@everyone", "<!", "<h", "](", "@octocat"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: %q stands in %.120q", service, bad, body)
			}
		}
		if !strings.Contains(body, "a@b.example") {
			t.Errorf("%s: an address was changed: %.120q", service, body)
		}
		if n := len([]rune(body)); n > to.limit || !strings.HasSuffix(body, " https://github.com/o/r/actions/runs/12") {
			t.Errorf("%s: %d characters of %d, ends with %q", service, n, to.limit, body[len(body)-40:])
		}
		if title := params[to.title]; to.title != "" && title != m.Subject {
			t.Errorf("%s: title %q", service, title)
		}
	}
}
