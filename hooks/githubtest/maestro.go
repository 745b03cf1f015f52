package githubtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaestroMode is how a simulated AI Maestro behaves.
type MaestroMode int

// The modes of a Maestro.
const (
	MaestroUp    MaestroMode = iota // takes messages
	MaestroDown                     // hangs up on every request, as a crashed one does
	MaestroFails                    // answers 500 with an empty body
	MaestroHangs                    // takes requests and never answers
)

// MaestroMessage is a message that a Maestro stored: of the content only type,
// message and context are kept.
type MaestroMessage struct {
	ID        string         `json:"id"`
	From      string         `json:"from"`
	To        string         `json:"to"`
	Subject   string         `json:"subject"`
	Priority  string         `json:"priority"`
	Timestamp time.Time      `json:"timestamp"`
	Status    string         `json:"status"`
	Content   MaestroContent `json:"content"`
}

// MaestroContent is what a message says.
type MaestroContent struct {
	Type    string         `json:"type"`
	Message string         `json:"message"`
	Context map[string]any `json:"context,omitempty"`
}

// Maestro is a simulated AI Maestro: it takes messages for the agents that it
// knows, resolves names and reports its health. The zero value knows no agent and
// is up.
type Maestro struct {
	mu       sync.Mutex
	mode     MaestroMode
	agents   []string
	messages []MaestroMessage
	server   *listening
}

// NewMaestro returns a Maestro that knows the named agents.
func NewMaestro(agents ...string) *Maestro { return &Maestro{agents: slices.Clone(agents)} }

// Start listens on a loopback address such as "127.0.0.1:0" and returns the
// base URL, without a slash at its end. After Close it may be started again.
func (m *Maestro) Start(addr string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.server != nil {
		return "", errors.New("the simulated AI Maestro is started already")
	}
	server, err := listen("tcp", addr, m)
	if err != nil {
		return "", fmt.Errorf("listen for the simulated AI Maestro: %w", err)
	}
	m.server = server
	return "http://" + server.addr, nil
}

// Close stops listening and ends requests that hang. What is stored stays.
func (m *Maestro) Close() {
	m.mu.Lock()
	server := m.server
	m.server = nil
	m.mu.Unlock()
	if server != nil {
		server.close()
	}
}

// SetMode changes how it behaves from the next request on.
func (m *Maestro) SetMode(mode MaestroMode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mode = mode
}

// Messages returns what was stored, oldest first.
func (m *Maestro) Messages() []MaestroMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.messages)
}

// ServeHTTP answers as AI Maestro does.
func (m *Maestro) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	mode := m.mode
	m.mu.Unlock()
	switch mode {
	case MaestroDown:
		hangUp(w)
		return
	case MaestroFails:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case MaestroHangs:
		<-r.Context().Done()
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /api/v1/health":
		ok(map[string]any{"status": "healthy", "version": "0.36.36"}).write(w)
	case "GET /api/messages": // which also lists them; the simulation resolves only
		m.look(r).write(w)
	case "POST /api/messages":
		m.take(w, r).write(w)
	default:
		maestroError(http.StatusNotFound, "not_found", "Not found").write(w)
	}
}

func maestroError(status int, code, message string) answer {
	return answer{status: status, body: map[string]any{"error": code, "message": message}}
}

// take stores a message; the order of its refusals is AI Maestro's.
func (m *Maestro) take(w http.ResponseWriter, r *http.Request) answer {
	var body struct {
		From, To, Subject, Priority, ToHost string
		FromVerified                        bool
		Content                             *MaestroContent
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		return maestroError(http.StatusBadRequest, "invalid_request", "Invalid JSON body")
	}
	switch {
	case body.From == "" || body.To == "" || body.Subject == "" || body.Content == nil:
		return maestroError(http.StatusBadRequest, "invalid_request", "Missing required fields: from, to, subject, content")
	case body.Content.Type == "" || body.Content.Message == "":
		return maestroError(http.StatusBadRequest, "invalid_request", "Content must have type and message fields")
	}
	name, host, _ := strings.Cut(body.To, "@")
	if host = cmp.Or(host, body.ToHost, "localhost"); host != "localhost" {
		return maestroError(http.StatusInternalServerError, "internal_error", "Target host '"+host+"' not found")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	alias, known := m.resolve(name)
	if !known {
		return maestroError(http.StatusInternalServerError, "internal_error", "No recipient agent UUID for "+name)
	}
	stored := MaestroMessage{ID: "msg-" + strconv.Itoa(len(m.messages)+1) + "-" + newGUID()[:8], From: body.From, To: alias,
		Subject: body.Subject, Priority: cmp.Or(body.Priority, "normal"), Timestamp: time.Now().UTC(), Status: "unread", Content: *body.Content}
	m.messages = append(m.messages, stored)
	return answer{status: http.StatusCreated, body: map[string]any{"message": stored, "notified": false}}
}

// resolve finds an agent by its name, or by the last segment of it.
func (m *Maestro) resolve(name string) (alias string, known bool) {
	if slices.Contains(m.agents, name) {
		return name, true
	}
	for _, a := range m.agents {
		if i := strings.LastIndexByte(name, '-'); i >= 0 && a == name[i+1:] {
			return a, true
		}
	}
	return "", false
}

// look resolves the name of an agent.
func (m *Maestro) look(r *http.Request) answer {
	alias, known := m.resolve(r.URL.Query().Get("agent"))
	if !known {
		return answer{status: http.StatusNotFound, body: map[string]any{"error": "Agent not found", "resolved": nil}}
	}
	return ok(map[string]any{"resolved": map[string]any{"agentId": "agent-" + alias, "alias": alias, "name": alias, "hostId": "localhost"}})
}
