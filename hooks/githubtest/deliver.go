package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the old X-Hub-Signature is SHA-1 by definition
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// userAgent is the form in which GitHub's sender names itself.
const userAgent = "GitHub-Hookshot/51d1a0e"

// Delivery is one attempt to bring an event to a hook, as GitHub recorded it.
type Delivery struct {
	HookID, ID  int64
	GUID        string
	Event       string
	Redelivery  bool
	DeliveredAt time.Time
	Duration    time.Duration
	// StatusCode and Status are the receiver's answer: "OK", "Invalid HTTP
	// Response: 404", "timed out" or "failed to connect to host".
	StatusCode int
	Status     string
	// Response is the body of the receiver's answer.
	Response string
}

// OK reports whether the receiver accepted the delivery.
func (d Delivery) OK() bool { return d.Status == "OK" }

// delivery is what is kept of a Delivery for the API.
type delivery struct {
	Delivery
	action, url     string
	request, answer map[string]string // headers
	payload         []byte
}

// message is what is to be sent to a hook.
type message struct {
	event, guid string
	payload     []byte
	redelivery  bool
}

// shipment is a message with everything about its hook that sending needs,
// taken while mu was held.
type shipment struct {
	message
	hook       *hook
	hookID     int64 // and its settings, as they were then: both may change while it is on its way
	config     Config
	targetID   int64
	targetType string
}

// maxPayload is the largest payload that GitHub delivers.
const maxPayload = 25_000_000

// Deliver sends an event to every active hook of a repository, and of its
// organization, that subscribes to it, all at the same time, and returns once
// each has answered or failed. All get the same GUID, because it names the event.
// A failed delivery is not an error: its result says why. A payload above 25 MB is
// sent to nobody, as with GitHub.
func (s *Server) Deliver(ctx context.Context, repo, event string, payload []byte) ([]Delivery, error) {
	if !json.Valid(payload) {
		return nil, fmt.Errorf("deliver %s to %s: the payload is not JSON", event, repo)
	}
	s.mu.Lock()
	t := s.targets[strings.ToLower(repo)]
	if t == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("deliver %s: no repository %q", event, repo)
	}
	if event == "push" {
		t.lastPush = slices.Clone(payload)
	}
	out := s.shipments(t, event, payload)
	s.mu.Unlock()

	results := make([]Delivery, len(out))
	var wg sync.WaitGroup
	for i, sh := range out {
		wg.Go(func() { results[i] = s.send(ctx, sh) })
	}
	wg.Wait()
	return results, ctx.Err()
}

// shipments are an event's to every hook that gets it. Call it with mu held.
func (s *Server) shipments(t *target, event string, payload []byte) (out []shipment) {
	m := message{event: event, guid: newGUID(), payload: payload}
	for i, at := range []*target{t, s.targets[strings.ToLower(t.owner)]} {
		if at == nil || i > 0 && at == t || len(payload) > maxPayload {
			continue
		}
		for _, h := range at.hooks {
			if h.Active && h.subscribed(event) {
				out = append(out, s.load(at, h, m))
			}
		}
	}
	return out
}

// Deliveries returns every attempt for a hook, oldest first, however old.
func (s *Server) Deliveries(hookID int64) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Delivery
	for _, h := range s.all() {
		if h.ID != hookID {
			continue
		}
		for _, d := range h.deliveries {
			list = append(list, d.Delivery)
		}
	}
	return list
}

// load gathers what sending a message needs. Call it with mu held.
func (s *Server) load(t *target, h *hook, m message) shipment {
	kind := "repository"
	if t.repo == "" {
		kind = "organization"
	}
	if m.guid == "" {
		m.guid = newGUID()
	}
	return shipment{message: m, hook: h, hookID: h.ID, config: h.Config, targetID: t.id, targetType: kind}
}

// sendLater sends in the background, as GitHub does what an API call asked for.
// Call it with mu held.
func (s *Server) sendLater(t *target, h *hook, m message) { s.ship(s.load(t, h, m)) }

func (s *Server) ship(shipments ...shipment) {
	for _, sh := range shipments {
		if s.ctx.Err() == nil {
			s.sending.Go(func() { s.send(s.ctx, sh) })
		}
	}
}

// ping sends what GitHub sends when a hook is created or asked to, active or not.
func (c *call) ping(h *hook) {
	body := map[string]any{"zen": "Keep it logically awesome.", "hook_id": h.ID, "hook": hookJSON(c.base, c.t, h),
		"sender": map[string]any{"login": c.user.Login, "id": c.user.id, "type": "User"}}
	if c.t.repo == "" {
		body["organization"] = map[string]any{"login": c.t.owner, "id": c.t.id}
	} else {
		body["repository"] = c.s.eventRepository(c.t)
	}
	c.s.sendLater(c.t, h, message{event: "ping", payload: payload(body)})
}

// send brings one shipment to its receiver and records what came of it.
func (s *Server) send(ctx context.Context, sh shipment) Delivery {
	d := &delivery{Delivery: Delivery{HookID: sh.hookID, GUID: sh.guid, Event: sh.event, Redelivery: sh.redelivery},
		url: sh.config.URL, payload: sh.payload, action: actionOf(sh.payload), answer: map[string]string{}}
	body, contentType := encode(sh.payload, sh.config.ContentType)
	d.request = deliveryHeaders(sh, body, contentType)
	start := time.Now()
	var code int
	var status string
	if sh.hook.relay != nil {
		code, status = s.sendRelay(ctx, sh, d, body)
	} else {
		code, status = s.post(ctx, sh, d, body)
	}
	d.Duration, d.StatusCode, d.Status = time.Since(start), code, status

	s.mu.Lock()
	defer s.mu.Unlock()
	d.ID, d.DeliveredAt = s.nextID(), s.now().UTC()
	sh.hook.deliveries = append(sh.hook.deliveries, d)
	last := LastResponse{Code: code, Message: status}
	switch {
	case d.OK():
		last.Status = "active"
	case status == timedOut:
		last.Status, last.Message = "timeout", "Service Timeout"
	}
	sh.hook.Last = last
	s.log.Debug("delivery", "hook", sh.hookID, "event", sh.event, "guid", sh.guid, "code", code, "status", status)
	return d.Delivery
}

const (
	timedOut    = "timed out"
	unreachable = "failed to connect to host"
)

// post sends over HTTP. GitHub follows no redirect and accepts 2xx only.
func (s *Server) post(ctx context.Context, sh shipment, d *delivery, body []byte) (int, string) {
	to := sh.config.URL
	if s.opts.Resolve != nil {
		to = s.opts.Resolve(to)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.DeliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil || to == "" {
		return http.StatusBadGateway, unreachable
	}
	for k, v := range d.request {
		req.Header[k] = []string{v} // as they are: GitHub writes X-GitHub-Event
	}
	client := s.client
	if sh.config.InsecureSSL == "1" {
		client = s.insecure
	}
	resp, err := client.Do(req)
	if err == nil {
		var answer []byte
		answer, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		err = errors.Join(err, resp.Body.Close())
		d.Response = string(answer)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return http.StatusGatewayTimeout, timedOut
	case err != nil:
		s.log.Debug("delivery failed", "error", err)
		return http.StatusBadGateway, unreachable
	}
	for k := range resp.Header {
		d.answer[k] = resp.Header.Get(k)
	}
	return resp.StatusCode, statusOf(resp.StatusCode)
}

func statusOf(code int) string {
	if code >= 200 && code < 300 {
		return "OK"
	}
	return fmt.Sprintf("Invalid HTTP Response: %d", code)
}

// encode is the body that is sent: the JSON itself, or a form with it.
func encode(payload []byte, contentType string) (body []byte, header string) {
	if contentType == "form" {
		return []byte("payload=" + url.QueryEscape(string(payload))), "application/x-www-form-urlencoded"
	}
	return payload, "application/json"
}

func deliveryHeaders(sh shipment, body []byte, contentType string) map[string]string {
	h := map[string]string{"Accept": "*/*", "Content-Type": contentType, "User-Agent": userAgent,
		"X-GitHub-Delivery": sh.guid, "X-GitHub-Event": sh.event, "X-GitHub-Hook-ID": itoa(sh.hookID),
		"X-GitHub-Hook-Installation-Target-ID": itoa(sh.targetID), "X-GitHub-Hook-Installation-Target-Type": sh.targetType}
	if secret := sh.config.Secret; secret != "" {
		h["X-Hub-Signature"] = "sha1=" + sign(sha1.New, secret, body)
		h["X-Hub-Signature-256"] = "sha256=" + sign(sha256.New, secret, body)
	}
	return h
}

func sign(algorithm func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func actionOf(payload []byte) string {
	var p struct {
		Action any `json:"action"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return "" // no object: an event without an action
	}
	action, _ := p.Action.(string)
	return action
}

func newGUID() string { return uuid.NewString() }

// deliveryClient uses a fresh connection for each delivery, so that a receiver
// that was restarted is never met through a dead one.
func deliveryClient(insecure bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}}, // #nosec G402 -- what insecure_ssl=1 means
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
