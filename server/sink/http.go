package sink

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hookctl/hooks/secret"
	"hookctl/server/bound"
	"net/http"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// httpSink posts notifications in one of the forms below.
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

// The formats of the http sink.
const (
	FormatCloudEvents      = "cloudevents"       // CloudEvents 1.0, structured JSON; the default
	FormatOpenClaw         = "openclaw"          // OpenClaw's POST /hooks/wake {"text","mode"}, which wakes an agent
	FormatStandardWebhooks = "standard-webhooks" // {"type","timestamp","data"}, signed as standardwebhooks.com has it
	FormatTemplate         = "template"          // what Config.Template makes
)

// SignatureHeader carries the HMAC-SHA256 of the body that the http sink posts as CloudEvents or from a template, as
// "sha256=<hex>", made with the sink's own secret.
const SignatureHeader = "X-Hookctl-Signature-256"

// form makes the request of a message: its body and the header that goes with it.
type form func(m Message) ([]byte, http.Header, error)

// newForm compiles the format of a sink.
func newForm(c Config) (form, error) {
	if c.Template != "" && c.Format != FormatTemplate {
		return nil, errors.New("template: only with format: template")
	}
	switch c.Format {
	case "", FormatCloudEvents:
		return func(m Message) ([]byte, http.Header, error) {
			return signed(c.Secret, "application/cloudevents+json; charset=utf-8")(encodeJSON(newCloudEvent(m)))
		}, nil
	case FormatOpenClaw:
		if c.Secret == "" {
			return nil, errors.New("secret: the variable with OpenClaw's hook token is needed")
		}
		return func(m Message) ([]byte, http.Header, error) {
			body, err := encodeJSON(map[string]string{"text": m.Subject + "\n" + m.Text, "mode": "now"})
			return body, http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.Secret}}, err
		}, nil
	case FormatStandardWebhooks:
		return newStandardWebhook(c.Secret)
	case FormatTemplate:
		return newTemplateForm(c)
	}
	return nil, fmt.Errorf("format: %q is not one of cloudevents, openclaw, standard-webhooks, template", c.Format)
}

// signed adds the header of a body, with a signature where there is a key.
func signed(key, contentType string) func([]byte, error) ([]byte, http.Header, error) {
	return func(body []byte, err error) ([]byte, http.Header, error) {
		h := http.Header{"Content-Type": {contentType}}
		if key != "" {
			h.Set(SignatureHeader, secret.Sign(key, body))
		}
		return body, h, err
	}
}

// The fields of a CloudEvent; its id is the same in every attempt, so that a receiver can drop repetitions.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            eventData `json:"data"`
}

// eventData is a notification as JSON.
type eventData struct {
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context"`
}

func newEventData(m Message) eventData {
	return eventData{Type: m.Kind, Priority: m.Priority, Subject: m.Subject, Message: m.Text, Context: m.Context}
}

func newCloudEvent(m Message) cloudEvent {
	e := cloudEvent{
		SpecVersion: "1.0", ID: m.ID, Source: "/hookctl", Type: "hookctl." + m.Kind, Time: m.Received.UTC(),
		DataContentType: "application/json", Data: newEventData(m),
	}
	if repo, ok := m.Context["repository"].(string); ok {
		e.Subject = repo
	}
	return e
}

// newStandardWebhook signs as https://github.com/standard-webhooks/standard-webhooks has it: HMAC-SHA256 of
// "<id>.<timestamp>.<body>", in base64, after "v1,". The key is whsec_ and base64.
func newStandardWebhook(given string) (form, error) {
	text, prefixed := strings.CutPrefix(given, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !prefixed || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("secret: a key of Standard Webhooks is needed: whsec_ and 24 to 64 bytes in base64")
	}
	return func(m Message) ([]byte, http.Header, error) {
		body, err := encodeJSON(struct {
			Type      string    `json:"type"`
			Timestamp time.Time `json:"timestamp"`
			Data      eventData `json:"data"`
		}{m.Kind, m.Received.UTC(), newEventData(m)})
		at := strconv.FormatInt(time.Now().Unix(), 10)
		h := http.Header{"Content-Type": {"application/json"}}
		h.Set("Webhook-Id", m.ID)
		h.Set("Webhook-Timestamp", at)
		h.Set("Webhook-Signature", standardSignature(key, m.ID, at, body))
		return body, h, err
	}, nil
}

func standardSignature(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// httpFields are what a template of the http sink can use.
type httpFields struct {
	ID, Type, Priority, Subject, Message string
	Event, Repository, URL, DeliveryID   string
	Time                                 time.Time
	Context                              map[string]any
}

// mostPosted bounds the body that a template makes.
const mostPosted = 256 << 10

// CheckTemplate finds a mistake in the template of an http sink.
func CheckTemplate(text string) error {
	_, err := newTemplateForm(Config{Template: text})
	return err
}

func newTemplateForm(c Config) (form, error) {
	if strings.TrimSpace(c.Template) == "" {
		return nil, errors.New("template: not set")
	}
	encode := func(v any) (string, error) {
		b, err := encodeJSON(v)
		return string(b), err
	}
	t, err := bound.ParseTemplate("template", c.Template, template.FuncMap{"json": encode}, httpFields{})
	if err != nil {
		return nil, err // it begins with "template: "
	}
	return func(m Message) ([]byte, http.Header, error) {
		body, err := t.Execute(httpFields{
			ID: m.ID, Type: m.Kind, Priority: m.Priority, Subject: m.Subject, Message: m.Text, Event: m.Event,
			Repository: m.Field("repository"), URL: m.Field("url"), DeliveryID: m.DeliveryID, Time: m.Received.UTC(), Context: m.Context,
		}, mostPosted)
		if err != nil {
			return nil, nil, err
		}
		kind := "text/plain; charset=utf-8"
		if json.Valid(body) {
			kind = "application/json"
		}
		return signed(c.Secret, kind)(body, nil)
	}, nil
}
