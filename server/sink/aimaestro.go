package sink

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs/text"
)

// aiMaestro posts to the message API of AI Maestro (23blocks-OS, v0.36.36).
type aiMaestro struct {
	base, to, from string
	timeout        time.Duration
	client         *http.Client

	mu       sync.Mutex
	verified time.Time // when AI Maestro last took the recipient's name for the recipient
}

// verifiedFor is how long a recipient is believed to be the one meant.
const verifiedFor = 10 * time.Minute

func newAIMaestro(c Config) (Sink, error) {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("url: not a valid URL; use one such as http://127.0.0.1:23000")
	}
	if c.To == "" {
		return nil, errors.New("to: the name of an agent is needed")
	}
	c.From = cmp.Or(c.From, "hookctl")
	return &aiMaestro{
		base: strings.TrimRight(c.URL, "/"), to: c.To, from: c.From, timeout: c.Timeout, client: clientOf(c),
	}, nil
}

func (a *aiMaestro) Send(ctx context.Context, m Message) (string, error) {
	priority := m.Priority
	if priority == "medium" {
		priority = "normal" // "medium" is accepted and breaks the server's statistics.
	}
	body, err := json.Marshal(map[string]any{
		"from": a.from, "to": a.to, "subject": m.Subject, "priority": priority, "fromVerified": false,
		"content": map[string]any{"type": "notification", "message": m.Text, "context": m.Context},
	})
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the message: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := a.meant(ctx); err != nil {
		return "", err
	}
	r, err := a.do(ctx, http.MethodPost, "/api/messages", body)
	if err != nil {
		return "", err
	}
	answer := answerOf(r)
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusCreated {
		var got struct {
			Message struct {
				ID lenient `json:"id"`
			} `json:"message"`
			ID lenient `json:"id"`
		}
		_ = json.Unmarshal(answer, &got) // The message is taken; an id is welcome and not needed.
		id := string(got.Message.ID)
		if id == "" {
			id = string(got.ID)
		}
		return text.Line(id, 100), nil
	}
	return "", a.refusal(r, answer)
}

// refusal explains an answer. Its error is {"error":"<text>"} before v0.29, {"error":"<code>","message":"<text>"} since, an object
// with a message, or nothing. An unknown recipient is a 500 and is tried again: the agent may be registered any minute.
func (a *aiMaestro) refusal(r *http.Response, answer []byte) error {
	var got struct {
		Error   json.RawMessage `json:"error"` // an object or a text
		Message lenient         `json:"message"`
		Details lenient         `json:"details"`
	}
	words := string(answer)
	if json.Unmarshal(answer, &got) == nil {
		var inner struct {
			Message lenient `json:"message"`
		}
		var code lenient
		_ = errors.Join(json.Unmarshal(got.Error, &inner), json.Unmarshal(got.Error, &code)) // one of both fits
		var parts []string
		for _, part := range []string{string(code), string(inner.Message), string(got.Message), string(got.Details)} {
			if part != "" && !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		if len(parts) > 0 {
			words = strings.Join(parts, ": ")
		}
	}
	if strings.Contains(words, "No recipient agent UUID") {
		words += fmt.Sprintf(" (AI Maestro knows no agent %q; register it or change the sink's recipient)", a.to)
	}
	return statusError(r, words)
}

// Check asks whether the server is healthy and whether the recipient is the one meant.
func (a *aiMaestro) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := a.healthy(ctx); err != nil {
		return err
	}
	status, alias, err := a.resolve(ctx)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		return fmt.Errorf("AI Maestro knows no agent %q", a.to)
	case status != http.StatusOK:
		return fmt.Errorf("AI Maestro does not say who %q is: %d %s", a.to, status, http.StatusText(status))
	case alias != a.to:
		return a.anotherAgent(alias)
	}
	return nil
}

// meant makes sure, now and then, that a message would reach the agent that the settings name: where the name is
// unknown, AI Maestro falls back to its last part, and somebody else would read it. Where the server does not know,
// it gets the message and decides.
func (a *aiMaestro) meant(ctx context.Context) error {
	a.mu.Lock()
	fresh := time.Since(a.verified) < verifiedFor
	a.mu.Unlock()
	if fresh {
		return nil
	}
	_, alias, err := a.resolve(ctx)
	if err != nil {
		return err
	}
	if alias != "" && alias != a.to {
		return a.anotherAgent(alias)
	}
	if alias == a.to {
		a.mu.Lock()
		a.verified = time.Now()
		a.mu.Unlock()
	}
	return nil
}

func (a *aiMaestro) anotherAgent(alias string) error {
	return fmt.Errorf("AI Maestro takes %q for %q: notifications would reach another agent", a.to, text.Line(alias, 100))
}

// resolve asks who the recipient is; alias is "" where the answer does not say.
func (a *aiMaestro) resolve(ctx context.Context) (status int, alias string, err error) {
	r, err := a.do(ctx, http.MethodGet, "/api/messages?action=resolve&agent="+url.QueryEscape(a.to), nil)
	if err != nil {
		return 0, "", err
	}
	var got struct {
		Resolved struct {
			Alias lenient `json:"alias"`
		} `json:"resolved"`
	}
	if answer := answerOf(r); r.StatusCode == http.StatusOK {
		_ = json.Unmarshal(answer, &got) // Before there was such a question, the answer is of another kind.
	}
	return r.StatusCode, string(got.Resolved.Alias), nil
}

// healthy asks /api/v1/health, and before v0.20, which has none, /api/config.
func (a *aiMaestro) healthy(ctx context.Context) error {
	r, err := a.do(ctx, http.MethodGet, "/api/v1/health", nil)
	if err != nil {
		return err
	}
	answer := answerOf(r)
	if r.StatusCode == http.StatusNotFound {
		if r, err = a.do(ctx, http.MethodGet, "/api/config", nil); err != nil {
			return err
		}
		answer = answerOf(r)
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("AI Maestro is not healthy: %w", a.refusal(r, answer))
	}
	return nil
}

func (a *aiMaestro) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("ask AI Maestro: %w", err))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	r, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach AI Maestro: %w", withoutURL(err))
	}
	return r, nil
}

// withoutURL takes the address out of an error, since it may hold a password.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return text.Line(u.Host, 200)
}

// lenient is a string that forgives: whatever else stands in its place leaves it empty.
type lenient string

// UnmarshalJSON takes a string and ignores anything else.
func (t *lenient) UnmarshalJSON(b []byte) error {
	var s string
	_ = json.Unmarshal(b, &s)
	*t = lenient(s)
	return nil
}
