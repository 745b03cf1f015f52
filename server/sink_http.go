package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks/secret"
)

// SignatureHeader carries the HMAC-SHA256 of the body that the http sink posts, as
// "sha256=<hex>", made with the sink's own secret.
const SignatureHeader = "X-Hookctl-Signature-256"

// cloudEvents posts CloudEvents 1.0 in structured JSON.
type cloudEvents struct {
	url     string
	secret  string
	timeout time.Duration
	client  *http.Client
}

func newCloudEvents(c SinkConfig) (sink, error) {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("url: an http or https address is needed")
	}
	return &cloudEvents{url: c.URL, secret: c.Secret, timeout: c.Timeout, client: httpSinkClient(c)}, nil
}

// The fields of a CloudEvent; its id is the same in every attempt, so that a receiver can drop repetitions.
type cloudEvent struct {
	SpecVersion     string         `json:"specversion"`
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         string         `json:"subject,omitempty"`
	Time            time.Time      `json:"time"`
	DataContentType string         `json:"datacontenttype"`
	Data            cloudEventData `json:"data"`
}

type cloudEventData struct {
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context"`
}

func (c *cloudEvents) send(ctx context.Context, m message) (string, error) {
	e := cloudEvent{
		SpecVersion: "1.0", ID: m.id, Source: "/hookctl", Type: "hookctl." + m.kind, Time: m.received.UTC(),
		DataContentType: "application/json",
		Data:            cloudEventData{Type: m.kind, Priority: m.priority, Subject: m.subject, Message: m.text, Context: m.context},
	}
	if repo, ok := m.context["repository"].(string); ok {
		e.Subject = repo
	}
	body, err := json.Marshal(e)
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the event: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("post the event: %w", withoutURL(err)))
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "hookctl")
	if c.secret != "" {
		req.Header.Set(SignatureHeader, secret.Sign(c.secret, body))
	}
	r, err := c.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("cannot reach %s: %w", hostOf(c.url), withoutURL(err))
	}
	answer := answerOf(r)
	if r.StatusCode >= 200 && r.StatusCode < 300 {
		return "", nil
	}
	return "", statusError(r, string(answer))
}

// check asks for the head of the address. What matters is that somebody answers; many
// takers of events know POST only.
func (c *cloudEvents) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.url, nil)
	if err != nil {
		return fmt.Errorf("ask the address: %w", withoutURL(err))
	}
	r, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", hostOf(c.url), withoutURL(err))
	}
	answerOf(r)
	if r.StatusCode >= 500 && r.StatusCode != http.StatusNotImplemented {
		return statusError(r, "")
	}
	return nil
}
