package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/route"
)

// Handler answers POST / and /webhook and /webhook/<name>, with or without a slash at the end, and GET /healthz.
// Deliveries that it takes are announced while [Server.Serve] runs.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	if r.URL.Path == "/healthz" {
		s.health(w, r)
		return
	}
	d := &delivery{s: s, set: s.settings.Load(), r: r, w: w}
	if !d.named() {
		d.refuse(http.StatusNotFound, "path", "no such path: deliveries go to /webhook")
		return
	}
	d.take()
}

// health says that the receiver runs, and which one it is. Who sent the nonce knows that the
// answer is fresh.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, map[string]any{"error": "use GET"})
		return
	}
	body := struct {
		Status   string `json:"status"`
		Version  string `json:"version"`
		Instance string `json:"instance"`
		Nonce    string `json:"nonce,omitempty"`
	}{"ok", s.version, s.instance, ""}
	if nonce := r.URL.Query().Get("nonce"); text.IsNonce(nonce) {
		body.Nonce = nonce
	}
	status := http.StatusOK
	switch {
	case s.draining.Load():
		body.Status, status = "stopping", http.StatusServiceUnavailable
	case !s.healthy():
		body.Status, status = "cut off", http.StatusServiceUnavailable
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		b = []byte(`{"error":"internal error"}`)
	}
	b = append(b, '\n')
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // The other side may be gone; there is nobody else to answer.
}

// delivery is one request on its way in.
type delivery struct {
	s    *Server
	set  *settings
	w    http.ResponseWriter
	r    *http.Request
	path string // without a slash at its end
	name string // of /webhook/<name>
	id   string // X-GitHub-Delivery, once it is known to be fit
	keys bool   // the secrets were tried
	// former is the fingerprint of a secret that is no longer accepted, which only the owner sees.
	former string
}

// named reads the path and reports whether deliveries go there. A slash at its end makes no difference.
func (d *delivery) named() bool {
	d.path = strings.TrimRight(d.r.URL.Path, "/")
	if d.path == "" || d.path == "/webhook" {
		return true
	}
	name, ok := strings.CutPrefix(d.path, "/webhook/")
	d.name = name
	return ok && pathName.MatchString(name)
}

// take checks what costs nothing first, then reads the body, then its signature, and parses
// nothing before that.
func (d *delivery) take() {
	if !d.admissible() {
		return
	}
	if d.s.shared != nil {
		ctx, cancel := context.WithTimeout(d.r.Context(), answerTime)
		defer cancel()
		d.r = d.r.WithContext(ctx)
	}
	if err := d.s.ready(d.r.Context()); err != nil {
		d.refuse(http.StatusServiceUnavailable, "cluster", "the receiver is waiting for the other nodes of its cluster")
		return
	}
	d.set = d.s.settings.Load() // The wait may have brought other secrets.
	hookID := d.hookID()
	d.s.reading.Add(1)
	body, release, err := d.s.bodies.read(d.w, d.r, d.s.acquainted.with(hookID))
	d.s.reading.Add(-1)
	defer release()
	if err != nil {
		d.w.Header().Set("Connection", "close")
		d.refuse(d.s.refusal(err))
		return
	}
	// Only whole requests count, so that slow senders cannot take the places of honest ones.
	select {
	case d.s.slots <- struct{}{}:
		defer func() { <-d.s.slots }()
	default:
		d.refuse(http.StatusTooManyRequests, "requests", "too many requests at once")
		return
	}
	d.s.conns.settle(d.r.Context())
	arrived := d.s.now()
	d.keys = true
	fingerprint, ok := d.set.Keys.Match(body, d.r.Header.Get("X-Hub-Signature-256"), hookID, d.path, arrived)
	if !ok && !d.s.healthy() {
		d.refuse(http.StatusServiceUnavailable, "cluster", "the secret may be newer than what this node knows while it is cut off")
		return
	}
	if !ok {
		d.former = d.set.Keys.Former(body, d.r.Header.Get("X-Hub-Signature-256"), hookID, arrived)
		d.refuse(http.StatusUnauthorized, "signature", "the signature does not match")
		return
	}
	d.s.acquainted.note(hookID)
	payload, err := extract(d.r, body)
	if err != nil {
		d.refuse(http.StatusBadRequest, "payload", err.Error())
		return
	}
	rec := &logs.Record{
		EventType: logs.SafeEvent(d.r.Header.Get("X-GitHub-Event")), DeliveryID: d.id, ReceivedAt: arrived, HookID: hookID,
		Source: d.source(), Headers: KeptHeaders(d.r.Header), Payload: payload,
	}
	if d.name != "" {
		rec.Headers[pathHeader] = d.name
	}
	rec.Signature.Verified, rec.Signature.Secret = true, fingerprint
	d.store(rec)
}

// hookID is the hook that a request claims to come from, 0 for none.
func (d *delivery) hookID() int64 {
	id, err := strconv.ParseInt(d.r.Header.Get("X-GitHub-Hook-ID"), 10, 64)
	if err != nil || id < 0 {
		return 0 // no id that GitHub gives
	}
	return id
}

// admissible refuses what needs no body to be refused.
func (d *delivery) admissible() bool {
	h := d.r.Header
	d.id = h.Get("X-GitHub-Delivery")
	switch {
	case d.r.Method != http.MethodPost:
		d.w.Header().Set("Allow", "POST")
		d.refuse(http.StatusMethodNotAllowed, "method", "use POST")
	case d.s.draining.Load():
		d.refuse(http.StatusServiceUnavailable, "stopping", "the receiver is stopping")
	case !d.set.admits(d.r):
		d.refuse(http.StatusForbidden, "address", "deliveries from this address are not accepted")
	case encoded(h):
		d.refuse(http.StatusUnsupportedMediaType, "encoding", "content encodings are not accepted")
	case contentType(h) == "":
		d.refuse(http.StatusUnsupportedMediaType, "type", "the content type must be application/json or application/x-www-form-urlencoded")
	case d.r.ContentLength > d.s.limits.Body:
		d.refuse(d.s.refusal(errBodyTooLong))
	case h.Get("X-Hub-Signature-256") == "" && h.Get("X-Hub-Signature") != "":
		d.refuse(http.StatusUnauthorized, "sha1", "X-Hub-Signature (SHA-1) is not enough: X-Hub-Signature-256 is missing")
	case h.Get("X-Hub-Signature-256") == "":
		d.refuse(http.StatusUnauthorized, "unsigned", "X-Hub-Signature-256 is missing: set a secret on the hook")
	case d.id != "" && !text.IsDeliveryID(d.id):
		d.refuse(http.StatusBadRequest, "delivery_id", "X-GitHub-Delivery is not a valid GUID")
	default:
		return true
	}
	return false
}

// store decides, appends and answers.
func (d *delivery) store(rec *logs.Record) {
	start := time.Now()
	duplicate, err := d.s.ingest(d.r.Context(), d.set, rec)
	if err != nil {
		status, reason, words := d.s.refusal(err)
		if reason == "storage" {
			d.s.logger.Error("a delivery could not be stored", "delivery", rec.DeliveryID, "error", err)
		}
		d.refuse(status, reason, words)
		return
	}
	d.s.logger.Debug("accepted a delivery", "event", rec.EventType, "delivery", rec.DeliveryID, "hook", rec.HookID, "repository", rec.Summary.Repository,
		"duplicate", duplicate, "file", rec.File, "bytes", len(rec.Payload), "result", rec.Result)
	if !duplicate {
		d.s.metrics.durable.Observe(time.Since(start).Seconds())
	}
	answer(d.w, http.StatusOK, struct {
		Status    string `json:"status"`
		Delivery  string `json:"delivery"`
		Duplicate bool   `json:"duplicate"`
	}{"ok", rec.DeliveryID, duplicate})
}

// refusal is what a stranger sees of an error; the log says more.
func (s *Server) refusal(err error) (status int, reason, words string) {
	for _, x := range []struct {
		err           error
		status        int
		reason, words string
	}{
		{errBodyTooLong, http.StatusRequestEntityTooLarge, "length", fmt.Sprintf("the body is longer than %d bytes", s.limits.Body)},
		{errNoRoom, http.StatusServiceUnavailable, "busy", "too many large bodies at once"},
		{errTooSlow, http.StatusServiceUnavailable, "slow", "the body came too slowly while others waited"},
		{errTorn, http.StatusBadRequest, "body", "the body did not arrive whole and in time"},
		{route.ErrNotObject, http.StatusBadRequest, "json", route.ErrNotObject.Error()},
		{logs.ErrFull, http.StatusInsufficientStorage, "full", "the disk is full"},
		{ErrNotShared, http.StatusServiceUnavailable, "cluster", "the delivery is stored here, but the other nodes cannot be reached"},
		{logs.ErrBusy, http.StatusServiceUnavailable, "busy", "the log cannot keep up"},
	} {
		if errors.Is(err, x.err) {
			return x.status, x.reason, x.words
		}
	}
	return http.StatusServiceUnavailable, "storage", "the delivery could not be stored"
}

// retryAfter is after how many seconds who got an answer of that status may try again.
var retryAfter = map[int]string{http.StatusServiceUnavailable: "5", http.StatusTooManyRequests: "1"}

// refuse answers with an error and remembers it. Nothing of a refused request is recorded.
func (d *delivery) refuse(status int, reason, words string) {
	if after := retryAfter[status]; after != "" {
		d.w.Header().Set("Retry-After", after)
	}
	x := Rejection{
		Time: d.s.now(), Address: d.set.client(d.r), Reason: words,
		Event: text.Line(d.r.Header.Get("X-GitHub-Event"), 64), DeliveryID: text.Line(d.r.Header.Get("X-GitHub-Delivery"), 64),
		HookID: d.hookID(), Former: d.former,
	}
	if d.keys {
		x.Fingerprints = d.set.Keys.Fingerprints(x.Time)
	}
	d.s.rejected.add(x, looksLikeGitHub(d.r.Header))
	d.s.metrics.reject(reason)
	d.s.quiet.do(func() {
		d.s.logger.Warn("refused a request", "status", status, "reason", words, "address", x.Address, "event", x.Event, "delivery", x.DeliveryID)
	})
	answer(d.w, status, map[string]string{"error": words})
}

// source is test for what `hookctl test` sent; it is signed like any other.
func (d *delivery) source() string {
	if d.r.Header.Get("X-Hookctl-Source") == logs.SourceTest {
		return logs.SourceTest
	}
	return logs.SourceDelivery
}

func encoded(h http.Header) bool {
	for _, v := range h.Values("Content-Encoding") {
		if v = strings.TrimSpace(v); v != "" && !strings.EqualFold(v, "identity") {
			return true
		}
	}
	return false
}

const formType = "application/x-www-form-urlencoded"

// contentType returns the type of the body if it is one that GitHub sends, else "".
func contentType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && (t == "application/json" || t == formType) {
		return t
	}
	return ""
}

// extract returns the payload of a body whose signature is known to be right.
func extract(r *http.Request, body []byte) ([]byte, error) {
	if contentType(r.Header) != formType {
		return body, nil
	}
	for field := range strings.SplitSeq(string(body), "&") {
		if value, ok := strings.CutPrefix(field, "payload="); ok {
			text, err := url.QueryUnescape(value)
			if err != nil {
				return nil, fmt.Errorf("the form's payload is not URL-encoded: %w", err)
			}
			return []byte(text), nil
		}
	}
	return nil, errors.New("the form has no payload")
}

// pathHeader keeps the name of /webhook/<name> in the record, so that a replay is decided by the same table.
const pathHeader = logs.PathHeader

// KeptHeaders is an allow-list: GitHub once sent hooks' secrets in X-Github-Encoded-Secret.
func KeptHeaders(h http.Header) map[string]string {
	kept := make(map[string]string, len(keptNames))
	for _, name := range keptNames {
		if text := text.Line(h.Get(name), 300); text != "" {
			kept[name] = text
		}
	}
	return kept
}

// keptNames are the headers that a record keeps, as GitHub writes them.
var keptNames = []string{
	"X-GitHub-Event", "X-GitHub-Delivery", "X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type", "X-GitHub-Hook-Installation-Target-ID",
	"X-GitHub-Enterprise-Host", "X-GitHub-Enterprise-Version", "X-Hub-Signature-256", "Content-Type", "User-Agent",
}

// ingest decides what a record means, stores it with its notifications pending, and hands those
// to the queue. It returns once the record is durable.
func (s *Server) ingest(ctx context.Context, set *settings, rec *logs.Record) (duplicate bool, err error) {
	if rec.DeliveryID == "" && s.shared != nil {
		rec.DeliveryID = uuid.NewString() // Nodes know a delivery by its GUID.
	}
	name := rec.Headers[pathHeader]
	members, err := rec.Open()
	if err != nil {
		return false, fmt.Errorf("%w: %w", route.ErrNotObject, err)
	}
	ev := route.ReadEvent(rec.EventType, rec.Payload, members)
	decision := route.Decide(set.tables[set.path(name)], ev)
	for _, x := range decision.Overruns {
		s.warn(fmt.Sprintf("%s.%d", alarmRoute, x.Index), x.Text, "hookctl config edit")
	}
	rec.Result, rec.Summary = decision.Result, ev.Summary()
	rec.Notifications = set.pending(name, decision.Notifications)
	set.judge(rec)
	// A client that hangs up must not leave a record that is durable and unannounced.
	err = s.append(context.WithoutCancel(ctx), rec)
	if known := (*logs.DuplicateError)(nil); errors.As(err, &known) {
		s.metrics.duplicates.Inc()
		return true, s.shareStored(ctx, known.File)
	}
	if err != nil {
		s.SetAlarm(alarmStorage, "deliveries cannot be stored: "+err.Error(), "hookctl doctor")
		return false, err
	}
	s.SetAlarm(alarmStorage, "", "")
	s.metrics.received.Inc()
	defer s.consuming.add(rec) // behind the queue, which takes a record on as it was stored
	if s.shares(rec) {         // It is announced when all nodes can have it.
		return false, s.shared.Publish(ctx, rec)
	}
	s.queue.add(routed{rec, ev, decision})
	return false, nil
}

// pending makes a record's notifications, one for each notice and sink.
func (set *settings) pending(name string, notices []route.Notice) []logs.Notification {
	var all []logs.Notification
	for _, n := range notices {
		for _, t := range set.targetsOf(name, n) {
			all = append(all, logs.Notification{
				Type: n.Type, Priority: n.Priority, Sink: t.name, To: t.to, Status: logs.StatusPending,
			})
		}
	}
	return all
}
