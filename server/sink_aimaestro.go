package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// aiMaestro posts to the message API of AI Maestro (23blocks-OS, v0.36.36).
type aiMaestro struct {
	base, to, from string
	timeout        time.Duration
	client         *http.Client
}

func newAIMaestro(c SinkConfig) (sink, error) {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("url: an http or https address is needed, as http://127.0.0.1:23000")
	}
	if c.To == "" {
		return nil, errors.New("to: the name of an agent is needed")
	}
	def(&c.From, "hookctl")
	return &aiMaestro{
		base: strings.TrimRight(c.URL, "/"), to: c.To, from: c.From, timeout: c.Timeout, client: httpSinkClient(c),
	}, nil
}

func (a *aiMaestro) send(ctx context.Context, m message) (string, error) {
	priority := m.priority
	if priority == "medium" {
		priority = "normal" // "medium" is accepted and breaks the server's statistics.
	}
	body, err := json.Marshal(map[string]any{
		"from": a.from, "to": a.to, "subject": m.subject, "priority": priority, "fromVerified": false,
		"content": map[string]any{"type": "notification", "message": m.text, "context": m.context},
	})
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the message: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	r, err := a.do(ctx, http.MethodPost, "/api/messages", body)
	if err != nil {
		return "", err
	}
	answer := answerOf(r)
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusCreated {
		var got struct {
			Message struct {
				ID text `json:"id"`
			} `json:"message"`
			ID text `json:"id"`
		}
		_ = json.Unmarshal(answer, &got) // The message is taken; an id is welcome and not needed.
		id := string(got.Message.ID)
		if id == "" {
			id = string(got.ID)
		}
		return line(id, 100), nil
	}
	return "", a.refusal(r, answer)
}

// refusal explains an answer. Its error is {"error":"<text>"}, or an object with a message since v0.29, or nothing.
// An unknown recipient is a 500 and is tried again: the agent may be registered any minute.
func (a *aiMaestro) refusal(r *http.Response, answer []byte) error {
	var got struct {
		Error   json.RawMessage `json:"error"`
		Message text            `json:"message"`
	}
	words := string(answer)
	if json.Unmarshal(answer, &got) == nil {
		var inner struct {
			Message text `json:"message"`
		}
		var plain string
		switch {
		case json.Unmarshal(got.Error, &plain) == nil:
			words = plain
		case json.Unmarshal(got.Error, &inner) == nil && inner.Message != "":
			words = string(inner.Message)
		case got.Message != "":
			words = string(got.Message)
		}
	}
	if strings.Contains(words, "No recipient agent UUID") {
		words += fmt.Sprintf(" (AI Maestro knows no agent %q; register it or change the sink's recipient)", a.to)
	}
	return statusError(r, words)
}

// check asks whether the server is well and whether the recipient is the one meant: where the name is
// unknown, AI Maestro falls back to its last part, and the message would reach somebody else.
func (a *aiMaestro) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := a.healthy(ctx); err != nil {
		return err
	}
	r, err := a.do(ctx, http.MethodGet, "/api/messages?action=resolve&agent="+url.QueryEscape(a.to), nil)
	if err != nil {
		return err
	}
	answer := answerOf(r)
	if r.StatusCode == http.StatusNotFound {
		return fmt.Errorf("AI Maestro knows no agent %q", a.to)
	}
	if r.StatusCode != http.StatusOK {
		return a.refusal(r, answer)
	}
	var got struct {
		Resolved struct {
			Alias text `json:"alias"`
		} `json:"resolved"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("AI Maestro's answer cannot be read: %w", err)
	}
	if alias := string(got.Resolved.Alias); alias != a.to {
		return fmt.Errorf("AI Maestro takes %q for %q: notifications would reach another agent", a.to, line(alias, 100))
	}
	return nil
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
		return fmt.Errorf("AI Maestro is not well: %w", a.refusal(r, answer))
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
	return line(u.Host, 200)
}
