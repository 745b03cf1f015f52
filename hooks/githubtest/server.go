package githubtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options says how a Server behaves. The zero value is a GitHub that refuses
// local URLs and sends deliveries to whatever the hook's URL names.
type Options struct {
	// Now is the clock of timestamps, limits and retention; nil is time.Now.
	Now func() time.Time
	// Resolve maps a hook's URL to the address that a delivery is really sent
	// to, such as "https://hooks.example.com/webhook" to
	// "http://127.0.0.1:9000/webhook". An empty answer means that the host
	// cannot be reached. A nil Resolve sends to the URL itself.
	Resolve func(url string) string
	// AllowLocal accepts hook URLs that GitHub refuses because they are not on
	// the public internet.
	AllowLocal bool
	// Enterprise makes it a GitHub Enterprise Server: 250 hooks per event,
	// deliveries kept for 7 days, no relay.
	Enterprise bool
	// DeliveryTimeout is how long a receiver may take to answer; 0 is GitHub's
	// 10 seconds.
	DeliveryTimeout time.Duration
	// RelayUnsigned leaves the signature headers out of what a relay brings.
	RelayUnsigned bool
	// LabelLag is from how many lists by label a new issue is missing.
	LabelLag int
	// Seed starts the chance that faults with a probability use.
	Seed uint64
}

// Request is one API call that the simulation received.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
	// Status is the answer's, also where the answer was then dropped; 0 where
	// the call was dropped before it was acted on.
	Status int
	// Answer is the body of the answer.
	Answer []byte
	At     time.Time
}

// Server is a simulated GitHub. Its methods may be called from any goroutine.
type Server struct {
	opts    Options
	now     func() time.Time
	mux     *http.ServeMux
	ctx     context.Context
	stop    context.CancelFunc
	sending sync.WaitGroup

	mu       sync.Mutex
	rng      *rand.Rand
	lastID   int64
	scopes   []string           // of the token
	targets  map[string]*target // by lower case name
	renamed  map[string]*target // old lower case name → target
	faults   []*armed
	limits   limits
	requests []Request
	board    *project
	socket   string
	server   *listening
	files    *listening      // the host of logs
	signed   map[string]file // by signature
}

// New returns a simulation that knows one account, DefaultLogin with
// DefaultToken and the scopes that `gh auth login` asks for plus
// admin:repo_hook and admin:org_hook. It serves nothing before Start.
func New(opts Options) *Server {
	s := &Server{
		opts:    opts,
		now:     opts.Now,
		rng:     rand.New(rand.NewPCG(opts.Seed, opts.Seed)), // #nosec G404 -- chance for faults, repeatable by design
		lastID:  1,                                           // the account's
		scopes:  []string{"admin:org_hook", "admin:repo_hook", "gist", "read:org", "repo", "workflow"},
		targets: map[string]*target{},
		renamed: map[string]*target{},
		signed:  map[string]file{},
		limits:  newLimits(RateLimit{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.opts.DeliveryTimeout = cmp.Or(opts.DeliveryTimeout, 10*time.Second)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mux = s.routes()
	return s
}

// Start serves plain HTTP on a new unix socket at the given path, which must be
// shorter than 104 bytes, and returns once it listens.
func (s *Server) Start(socket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return errors.New("the simulated GitHub is started already")
	}
	files, err := listen("tcp", "127.0.0.1:0", http.HandlerFunc(s.serveFile))
	if err != nil {
		return fmt.Errorf("listen for logs: %w", err)
	}
	server, err := listen("unix", socket, s)
	if err != nil {
		files.close()
		return fmt.Errorf("listen for the simulated GitHub: %w", err)
	}
	s.socket, s.server, s.files = socket, server, files
	return nil
}

// Close stops serving, ends deliveries that are under way, and waits for both.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	server, files := s.server, s.files
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		files.close()
		server.close()
	}
	s.sending.Wait()
}

// listening is an HTTP server that runs until it is closed.
type listening struct {
	addr   string
	server *http.Server
	ended  chan struct{}
}

func listen(network, address string, h http.Handler) (*listening, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	on := &listening{addr: l.Addr().String(), ended: make(chan struct{}),
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}}
	go func() {
		defer close(on.ended)
		_ = on.server.Serve(l) // until close
	}()
	return on, nil
}

func (l *listening) close() {
	_ = l.server.Close() // the listener goes either way
	<-l.ended
}

// Requests returns every API call so far, in the order of their answers.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// maxBody is more than any call here may carry.
const maxBody = 1 << 20

// ServeHTTP answers one API call. Both /path and GitHub Enterprise Server's
// /api/v3/path are understood.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request body too large", http.StatusRequestEntityTooLarge)
		return
	}
	if trimmed, ok := strings.CutPrefix(r.URL.Path, "/api/v3/"); ok {
		r.URL.Path, r.URL.RawPath = "/"+trimmed, ""
	} else if r.URL.Path == "/api/graphql" {
		r.URL.Path = "/graphql"
	}
	if key, ok := strings.CutPrefix(r.URL.Path, relayPath); ok {
		s.serveRelay(w, r, key)
		return
	}
	f := s.strike(r)
	if !wait(r.Context(), s.ctx, f.Delay) || f.DropBefore {
		s.record(r, body, answer{})
		hangUp(w)
		return
	}
	c := &call{s: s, r: r, body: body, base: baseURL(r)}
	var a answer
	if f.Status == 0 || f.ActFirst {
		a = s.answer(c)
	}
	if f.Status != 0 {
		a = f.answer()
	}
	s.record(r, body, a)
	if f.DropAfter {
		hangUp(w)
		return
	}
	a.write(w)
}

func (s *Server) record(r *http.Request, body []byte, a answer) {
	sent := a.bytes()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: body, Status: a.status, Answer: sent, At: s.now()})
}

// wait sleeps for d; it is false where the caller or the server went away.
func wait(caller, server context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-caller.Done():
	case <-server.Done():
	}
	return false
}

// hangUp closes the connection without an answer, as a broken network does.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// nextID gives ids above 2^53 that a float64 cannot hold, ever rising, as
// GitHub's delivery ids are. Call it with mu held.
func (s *Server) nextID() int64 {
	s.lastID++
	return 1<<53 + 1 + 2*s.lastID
}
