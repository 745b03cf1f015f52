package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/cenkalti/backoff/v5"
)

// httpSink posts notifications in one of the forms of http_form.go.
type httpSink struct {
	Config
	form   form
	client *http.Client
}

func newHTTP(c Config) (Sink, error) {
	u, ok := webAddress(c.URL)
	if !ok {
		return nil, errors.New("url: an http or https address is needed")
	}
	form, err := newForm(c)
	if err != nil {
		return nil, err
	}
	if c.Format == FormatOpenClaw && (u.Path == "" || u.Path == "/") {
		u.Path = "/hooks/wake"
	}
	c.URL = u.String()
	return &httpSink{c, form, newClient()}, nil
}

func (c *httpSink) Send(ctx context.Context, m Message) (string, error) {
	body, header, err := c.form(m)
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the event: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	header.Set("User-Agent", "hookctl")
	r, err := ask(ctx, c.client, hostOf(c.URL), http.MethodPost, c.URL, header, body)
	if err != nil {
		return "", err
	}
	if r.StatusCode >= 200 && r.StatusCode < 300 {
		return "", nil
	}
	return "", statusError(r, string(r.Body))
}

// Check asks for the head of the address. What matters is that somebody answers; many
// takers of events know POST only.
func (c *httpSink) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r, err := ask(ctx, c.client, hostOf(c.URL), http.MethodHead, c.URL, http.Header{}, nil)
	if err != nil {
		return err
	}
	if r.StatusCode >= 500 && r.StatusCode != http.StatusNotImplemented {
		return statusError(r, "")
	}
	return nil
}

// encodeJSON does not escape HTML, since the readers are programs.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
