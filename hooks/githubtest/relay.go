package githubtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// relayPath leads to the WebSocket that brings the deliveries of a "cli" hook
// to the program that created it, so that it needs no public address.
const relayPath = "/forward/"

// relayAnswerTime is how long GitHub waits for the answer to one delivery.
const relayAnswerTime = 10 * time.Second

// relay carries the deliveries of one cli hook, one at a time. It lives as long
// as its hook, and its hook as long as its connection.
type relay struct {
	key     string
	enqueue chan relayed
	done    chan struct{}
	once    sync.Once
	broken  chan struct{}
	frozen  atomic.Bool
	// Guarded by Server.mu: whether a connection was made, and whether the hook
	// stays when it ends.
	taken, unnoticed bool
}

// relayed is one delivery on its way through a relay.
type relayed struct {
	frame  []byte
	answer chan relayAnswer // with room for one
}

// relayFrame goes to the program, relayAnswer comes back.
type relayFrame struct {
	Header     map[string][]string `json:"header"`
	Body       []byte              `json:"body"`
	DeliveryID string              `json:"delivery_id"`
	RequestID  string              `json:"request_id"`
}

type relayAnswer struct {
	Status int
	Header map[string][]string
	Body   []byte
}

func (r *relay) stop() { r.once.Do(func() { close(r.done) }) }

func (r *relay) url() string { return "wss://webhook-forwarder.github.com" + relayPath + r.key }

// openRelay readies the relay of a new cli hook. Call it with mu held.
func (s *Server) openRelay(h *hook) {
	h.relay = &relay{key: newGUID(), enqueue: make(chan relayed), done: make(chan struct{}), broken: make(chan struct{})}
	h.URL = "https://webhook-forwarder.github.com/hook/" + h.relay.key
}

// findRelay is the hook whose relay has a key. Call it with mu held.
func (s *Server) findRelay(key string) (*target, *hook) {
	for t, h := range s.all() {
		if h.relay != nil && h.relay.key == key {
			return t, h
		}
	}
	return nil, nil
}

// serveRelay takes the connection of a relay. The token comes without a scheme.
func (s *Server) serveRelay(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	t, h := s.findRelay(key)
	u := s.users[r.Header.Get("Authorization")]
	refused := 0
	switch {
	case u == nil:
		refused = http.StatusUnauthorized
	case h == nil:
		refused = http.StatusNotFound
	case h.relay.taken:
		refused = http.StatusConflict
	case s.ctx.Err() != nil:
		refused = http.StatusServiceUnavailable
	default:
		h.relay.taken = true
		s.sending.Add(1)
	}
	s.mu.Unlock()
	if refused != 0 {
		http.Error(w, http.StatusText(refused), refused)
		return
	}
	defer s.sending.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { return !h.relay.frozen.Load() }})
	if err == nil {
		conn.SetReadLimit(32 << 20)
		err = h.relay.run(s.ctx, conn)
		_ = conn.CloseNow() // it is over either way
	}
	s.mu.Lock()
	s.log.Debug("relay over", "hook", h.ID, "error", err)
	if !h.relay.unnoticed {
		s.detach(t, h)
	}
	s.mu.Unlock()
}

// errBroken ends a relay as a network that breaks.
var errBroken = errors.New("broken")

// BreakRelays cuts every relay that is connected. With unnoticed, GitHub does
// not see it and their hooks stay.
func (s *Server) BreakRelays(unnoticed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all() {
		if r := h.relay; r != nil && r.taken && !r.unnoticed {
			r.unnoticed = unnoticed
			select {
			case <-r.broken:
			default:
				close(r.broken)
			}
		}
	}
}

// FreezeRelays makes every relay that is there now dead without a sign: it stays
// connected and does not even answer a ping of the WebSocket.
func (s *Server) FreezeRelays() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all() {
		if h.relay != nil {
			h.relay.frozen.Store(true)
		}
	}
}

// run forwards until the program leaves, answers too late, or the hook goes.
func (r *relay) run(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan relayAnswer)
	failed := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() { failed <- readAnswers(ctx, conn, answers) })
	var open relayed // the delivery that is under way
	next := r.enqueue
	var late <-chan time.Time
	for {
		select {
		case open = <-next:
			if err := conn.Write(ctx, websocket.MessageText, open.frame); err != nil {
				return err
			}
			next, late = nil, time.After(relayAnswerTime)
		case a := <-answers:
			if next != nil {
				return conn.Close(websocket.StatusPolicyViolation, "an answer to nothing: "+http.StatusText(a.Status))
			}
			open.answer <- a
			next, late = r.enqueue, nil
		case <-late:
			return conn.Close(websocket.StatusPolicyViolation, "no answer in time")
		case err := <-failed:
			return err
		case <-r.broken:
			return errBroken
		case <-r.done:
			return conn.Close(websocket.StatusNormalClosure, "hook deleted")
		case <-ctx.Done():
			return conn.Close(websocket.StatusGoingAway, "server stops")
		}
	}
}

// readAnswers hands on what the program says, strictly: a text frame of JSON.
func readAnswers(ctx context.Context, conn *websocket.Conn, answers chan<- relayAnswer) error {
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var a relayAnswer
		if err := json.Unmarshal(data, &a); err != nil || kind != websocket.MessageText || a.Status < 100 || a.Status > 599 {
			return conn.Close(websocket.StatusUnsupportedData, "not an answer")
		}
		select {
		case answers <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendRelay sends through the relay of a cli hook. Header keys come in varying
// case, as they do from GitHub.
func (s *Server) sendRelay(ctx context.Context, sh shipment, d *delivery, body []byte) (int, string) {
	headers := map[string][]string{}
	lower := sh.guid[0]%2 == 0
	for k, v := range d.request {
		if strings.HasPrefix(k, "X-Hub-Signature") && s.opts.RelayUnsigned {
			continue
		}
		if lower {
			k = strings.ToLower(k)
		}
		headers[k] = []string{v}
	}
	frame, err := json.Marshal(relayFrame{Header: headers, Body: body, DeliveryID: sh.guid, RequestID: newGUID()})
	if err != nil {
		return http.StatusBadGateway, unreachable
	}
	ctx, cancel := context.WithTimeout(ctx, relayAnswerTime)
	defer cancel()
	r := relayed{frame: frame, answer: make(chan relayAnswer, 1)}
	select {
	case sh.hook.relay.enqueue <- r:
	case <-sh.hook.relay.done:
		return http.StatusBadGateway, unreachable
	case <-ctx.Done():
		return http.StatusGatewayTimeout, timedOut
	}
	select {
	case a := <-r.answer:
		d.Response = string(a.Body)
		for k, v := range a.Header {
			d.answer[k] = strings.Join(v, ", ")
		}
		return a.Status, statusOf(a.Status)
	case <-sh.hook.relay.done:
		return http.StatusBadGateway, unreachable
	case <-ctx.Done():
		return http.StatusGatewayTimeout, timedOut
	}
}
