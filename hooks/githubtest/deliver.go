package githubtest

import (
	"bytes"
	"cmp"
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

// delivery is what is kept of a Delivery for the API, and what sending it needs: its hook as it was when it was loaded.
type delivery struct {
	Delivery
	hook            *hook
	config          Config
	action          string
	request, answer map[string]string // headers
	payload, body   []byte            // body is what is sent of the payload
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
	for i, d := range out {
		wg.Go(func() { results[i] = s.send(ctx, d) })
	}
	wg.Wait()
	return results, ctx.Err()
}

// shipments are an event's to every hook that gets it. Call it with mu held.
func (s *Server) shipments(t *target, event string, payload []byte) (out []*delivery) {
	if len(payload) > maxPayload {
		return nil
	}
	guid, at := newGUID(), []*target{t}
	if org := s.targets[strings.ToLower(t.owner)]; org != nil && org != t {
		at = append(at, org)
	}
	for _, at := range at {
		for _, h := range at.hooks {
			if h.Active && h.subscribed(event) {
				out = append(out, s.load(at, h, Delivery{Event: event, GUID: guid}, payload))
			}
		}
	}
	return out
}

// Deliveries returns every attempt for a hook, oldest first, however old.
func (s *Server) Deliveries(hookID int64) (list []Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all() {
		for _, d := range h.deliveries {
			if h.ID == hookID {
				list = append(list, d.Delivery)
			}
		}
	}
	return list
}

// load readies a delivery. Call it with mu held.
func (s *Server) load(t *target, h *hook, d Delivery, payload []byte) *delivery {
	d.HookID, d.GUID = h.ID, cmp.Or(d.GUID, newGUID())
	out := &delivery{Delivery: d, hook: h, config: h.Config, payload: payload, action: actionOf(payload), answer: map[string]string{}}
	contentType := "application/json"
	if out.body = payload; h.ContentType == "form" {
		contentType, out.body = "application/x-www-form-urlencoded", []byte("payload="+url.QueryEscape(string(payload)))
	}
	out.request = map[string]string{"Accept": "*/*", "Content-Type": contentType, "User-Agent": userAgent,
		"X-GitHub-Delivery": d.GUID, "X-GitHub-Event": d.Event, "X-GitHub-Hook-ID": itoa(h.ID),
		"X-GitHub-Hook-Installation-Target-ID": itoa(t.id), "X-GitHub-Hook-Installation-Target-Type": t.kind()}
	if h.Secret != "" {
		out.request["X-Hub-Signature"] = "sha1=" + sign(sha1.New, h.Secret, out.body)
		out.request["X-Hub-Signature-256"] = "sha256=" + sign(sha256.New, h.Secret, out.body)
	}
	return out
}

// ship sends in the background, as GitHub does what an API call asked for. Call it with mu held.
func (s *Server) ship(out ...*delivery) {
	for _, d := range out {
		if s.ctx.Err() == nil {
			s.sending.Go(func() { s.send(s.ctx, d) })
		}
	}
}

// ping sends what GitHub sends when a hook is created or asked to, active or not.
func (c *call) ping(h *hook) {
	body := c.s.event(c.t, "", map[string]any{"zen": "Keep it logically awesome.", "hook_id": h.ID, "hook": c.hookJSON(h)})
	c.s.ship(c.s.load(c.t, h, Delivery{Event: "ping"}, body))
}

// send brings a delivery to its receiver and records what came of it.
func (s *Server) send(ctx context.Context, d *delivery) Delivery {
	start := time.Now()
	bring := s.post
	if d.hook.relay != nil {
		bring = s.sendRelay
	}
	d.StatusCode, d.Status = bring(ctx, d)
	d.Duration = time.Since(start)

	s.mu.Lock()
	defer s.mu.Unlock()
	d.ID, d.DeliveredAt = s.nextID(), s.now().UTC()
	d.hook.deliveries = append(d.hook.deliveries, d)
	last := LastResponse{Code: d.StatusCode, Message: d.Status}
	switch {
	case d.OK():
		last.Status = "active"
	case d.Status == timedOut:
		last.Status, last.Message = "timeout", "Service Timeout"
	}
	d.hook.Last = last
	return d.Delivery
}

const (
	timedOut    = "timed out"
	unreachable = "failed to connect to host"
)

// post sends over HTTP. GitHub follows no redirect and accepts 2xx only.
func (s *Server) post(ctx context.Context, d *delivery) (int, string) {
	to := d.config.URL
	if s.opts.Resolve != nil {
		to = s.opts.Resolve(to)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.DeliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(d.body))
	if err != nil || to == "" {
		return http.StatusBadGateway, unreachable
	}
	for k, v := range d.request {
		req.Header[k] = []string{v} // as they are: GitHub writes X-GitHub-Event
	}
	// A fresh connection for each delivery, so that a receiver that was restarted is never met through a dead one.
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: d.config.InsecureSSL == "1"}}).RoundTrip(req) // #nosec G402 -- what insecure_ssl=1 means
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
