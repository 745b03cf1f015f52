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
	ctx     context.Context // until the relay ends; the cause says how
	end     context.CancelCauseFunc
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

// openRelay readies the relay of a new cli hook. Call it with mu held.
func (s *Server) openRelay(h *hook) {
	h.relay = &relay{key: newGUID(), enqueue: make(chan relayed)}
	h.relay.ctx, h.relay.end = context.WithCancelCause(s.ctx)
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
	refused := 0
	switch {
	case r.Header.Get("Authorization") != DefaultToken:
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
		h.relay.run(conn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !h.relay.unnoticed {
		s.detach(t, h)
	}
}

// BreakRelays cuts every relay that is connected, as a network that breaks. With unnoticed, GitHub does
// not see it and their hooks stay.
func (s *Server) BreakRelays(unnoticed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all() {
		if h.relay != nil && h.relay.taken {
			h.relay.unnoticed = unnoticed
			h.relay.end(nil)
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

// run forwards until the program leaves, answers too late or what was not asked, or the hook goes.
func (r *relay) run(conn *websocket.Conn) {
	answers := make(chan relayAnswer)
	var reading sync.WaitGroup
	reading.Go(func() { r.end(r.read(conn, answers)) })
	for r.ctx.Err() == nil {
		select {
		case open := <-r.enqueue:
			if err := conn.Write(r.ctx, websocket.MessageText, open.frame); err != nil {
				r.end(err)
			}
			select {
			case a := <-answers:
				open.answer <- a
			case <-time.After(relayAnswerTime):
				r.end(websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "no answer in time"})
			case <-r.ctx.Done():
			}
		case a := <-answers:
			r.end(websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: "an answer to nothing: " + http.StatusText(a.Status)})
		case <-r.ctx.Done():
		}
	}
	if said, ok := errors.AsType[websocket.CloseError](context.Cause(r.ctx)); ok {
		_ = conn.Close(said.Code, said.Reason) // it is over either way
	}
	_ = conn.CloseNow()
	reading.Wait()
}

// read hands on what the program says, strictly: a text frame of JSON.
func (r *relay) read(conn *websocket.Conn, answers chan<- relayAnswer) error {
	for {
		kind, data, err := conn.Read(context.Background())
		if err != nil {
			return err
		}
		var a relayAnswer
		if err := json.Unmarshal(data, &a); err != nil || kind != websocket.MessageText || a.Status < 100 || a.Status > 599 {
			return websocket.CloseError{Code: websocket.StatusUnsupportedData, Reason: "not an answer"}
		}
		select {
		case answers <- a:
		case <-r.ctx.Done():
			return nil
		}
	}
}

// sendRelay sends through the relay of a cli hook. Header keys come in varying
// case, as they do from GitHub.
func (s *Server) sendRelay(ctx context.Context, d *delivery) (int, string) {
	headers := map[string][]string{}
	lower := d.GUID[0]%2 == 0
	for k, v := range d.request {
		if strings.HasPrefix(k, "X-Hub-Signature") && s.opts.RelayUnsigned {
			continue
		}
		if lower {
			k = strings.ToLower(k)
		}
		headers[k] = []string{v}
	}
	frame, err := json.Marshal(relayFrame{Header: headers, Body: d.body, DeliveryID: d.GUID, RequestID: newGUID()})
	if err != nil {
		return http.StatusBadGateway, unreachable
	}
	ctx, cancel := context.WithTimeout(ctx, relayAnswerTime)
	defer cancel()
	out, r := relayed{frame, make(chan relayAnswer, 1)}, d.hook.relay
	enqueue := r.enqueue
	for {
		select {
		case enqueue <- out:
			enqueue = nil
		case a := <-out.answer:
			d.Response = string(a.Body)
			for k, v := range a.Header {
				d.answer[k] = strings.Join(v, ", ")
			}
			return a.Status, statusOf(a.Status)
		case <-r.ctx.Done():
			return http.StatusBadGateway, unreachable
		case <-ctx.Done():
			return http.StatusGatewayTimeout, timedOut
		}
	}
}
