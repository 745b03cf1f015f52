package sink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs/text"
)

// aiMaestro posts to the message API of AI Maestro (23blocks-OS, v0.36.36).
type aiMaestro struct {
	Config
	client *http.Client

	verified atomic.Int64 // when AI Maestro last took the recipient's name for the recipient, in nanoseconds of Unix time
}

// verifiedFor is how long a recipient is believed to be the one meant.
const verifiedFor = 10 * time.Minute

func newAIMaestro(c Config) (Sink, error) {
	if _, ok := webAddress(c.URL); !ok {
		return nil, errors.New("url: not a valid URL; use one such as http://127.0.0.1:23000")
	}
	if c.To == "" {
		return nil, errors.New("to: the name of an agent is needed")
	}
	c.From, c.URL = cmp.Or(c.From, "hookctl"), strings.TrimRight(c.URL, "/")
	return &aiMaestro{Config: c, client: newClient()}, nil
}

func (a *aiMaestro) Send(ctx context.Context, m Message) (string, error) {
	body, err := json.Marshal(map[string]any{
		"from": a.From, "to": a.To, "subject": m.Subject, "priority": maestroPriority(m), "fromVerified": false,
		"content": map[string]any{"type": "notification", "message": m.Text, "context": m.Context},
	})
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the message: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	if err := a.meant(ctx); err != nil {
		return "", err
	}
	r, err := ask(ctx, a.client, "AI Maestro", http.MethodPost, a.URL+"/api/messages", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return "", err
	}
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusCreated {
		var got struct {
			Message struct {
				ID lenient `json:"id"`
			} `json:"message"`
			ID lenient `json:"id"`
		}
		_ = json.Unmarshal(r.Body, &got) // The message is taken; an id is welcome and not needed.
		return text.Line(string(cmp.Or(got.Message.ID, got.ID)), 100), nil
	}
	return "", a.refusal(r)
}

// maestroPriority is a message's priority in the words of AI Maestro: it accepts "medium", which breaks its statistics.
func maestroPriority(m Message) string {
	if m.Priority == "medium" {
		return "normal"
	}
	return m.Priority
}

// refusal explains an answer. Its error is {"error":"<text>"} before v0.29, {"error":"<code>","message":"<text>"} since, an object
// with a message, or nothing. An unknown recipient is a 500 and is tried again: the agent may be registered any minute.
func (a *aiMaestro) refusal(r answer) error {
	var got struct {
		Error   json.RawMessage `json:"error"` // an object or a text
		Message lenient         `json:"message"`
		Details lenient         `json:"details"`
	}
	words := string(r.Body)
	if json.Unmarshal(r.Body, &got) == nil {
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
		words += fmt.Sprintf(" (AI Maestro knows no agent %q; register it or change the sink's recipient)", a.To)
	}
	return statusError(r, words)
}

// Check asks whether the server is healthy and whether the recipient is the one meant.
func (a *aiMaestro) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	if err := a.healthy(ctx); err != nil {
		return err
	}
	status, alias, err := a.resolve(ctx)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		return fmt.Errorf("AI Maestro knows no agent %q", a.To)
	case status != http.StatusOK:
		return fmt.Errorf("AI Maestro does not say who %q is: %d %s", a.To, status, http.StatusText(status))
	case alias != a.To:
		return a.anotherAgent(alias)
	}
	return nil
}

// meant makes sure, now and then, that a message would reach the agent that the settings name: where the name is
// unknown, AI Maestro falls back to its last part, and somebody else would read it. Where the server does not know,
// it gets the message and decides.
func (a *aiMaestro) meant(ctx context.Context) error {
	if time.Since(time.Unix(0, a.verified.Load())) < verifiedFor {
		return nil
	}
	_, alias, err := a.resolve(ctx)
	switch {
	case err != nil:
		return err
	case alias == a.To:
		a.verified.Store(time.Now().UnixNano())
	case alias != "":
		return a.anotherAgent(alias)
	}
	return nil
}

func (a *aiMaestro) anotherAgent(alias string) error {
	return fmt.Errorf("AI Maestro takes %q for %q: notifications would reach another agent", a.To, text.Line(alias, 100))
}

// resolve asks who the recipient is; alias is "" where the answer does not say.
func (a *aiMaestro) resolve(ctx context.Context) (status int, alias string, err error) {
	r, err := a.get(ctx, "/api/messages?action=resolve&agent="+url.QueryEscape(a.To))
	if err != nil {
		return 0, "", err
	}
	var got struct {
		Resolved struct {
			Alias lenient `json:"alias"`
		} `json:"resolved"`
	}
	if r.StatusCode == http.StatusOK {
		_ = json.Unmarshal(r.Body, &got) // Before there was such a question, the answer is of another kind.
	}
	return r.StatusCode, string(got.Resolved.Alias), nil
}

// healthy asks /api/v1/health, and before v0.20, which has none, /api/config.
func (a *aiMaestro) healthy(ctx context.Context) error {
	r, err := a.get(ctx, "/api/v1/health")
	if err == nil && r.StatusCode == http.StatusNotFound {
		r, err = a.get(ctx, "/api/config")
	}
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("AI Maestro is not healthy: %w", a.refusal(r))
	}
	return nil
}

func (a *aiMaestro) get(ctx context.Context, path string) (answer, error) {
	return ask(ctx, a.client, "AI Maestro", http.MethodGet, a.URL+path, http.Header{}, nil)
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
