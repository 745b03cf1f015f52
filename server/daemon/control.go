package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// Control is what the receiver offers on its socket. Functions may be called at the same time.
type Control struct {
	// Status fills in what the receiver knows; the rest is added: Running, PID, Since, InFlight, Stopping, Manager, Supervisor,
	// Args, and Address where it is empty.
	Status func() Status
	// Rejected lists the last refused requests, newest last.
	Rejected func() []Rejected
	// Reload reads secrets and settings again; an error leaves the old ones in force.
	Reload func(context.Context) error
	// Stop asks the receiver to finish; it returns at once. The socket keeps answering until Serve's context ends,
	// so that a caller can see what a slow stop waits for.
	Stop func()
	// Extra are further handlers by pattern, as in http.ServeMux: "POST /catchup".
	Extra map[string]http.Handler
}

// Serve answers on the control socket until ctx ends. Call it once the receiver can accept deliveries: a caller that waits
// for the start takes the first answer as the sign that it has.
func (i *Instance) Serve(ctx context.Context, c Control) error {
	if err := i.unclaimed(); err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           i.handler(c),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(os.Stderr, "control socket: ", 0),
	}
	d, err := i.openDoor(srv)
	if err != nil {
		return err
	}
	if d, err = i.watch(ctx, c, srv, d); err != nil {
		return errors.Join(err, srv.Close())
	}
	// Answers under way (that of /stop among them) get a moment.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err = srv.Shutdown(end)
	if err != nil {
		err = srv.Close()
	}
	if served := <-d.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the control socket: %w", served))
	}
	if d.inPlace() {
		err = errors.Join(err, os.Remove(d.path))
	}
	return err
}

func (i *Instance) handler(c Control) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, i.status(c))
	})
	mux.HandleFunc("GET /rejected", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, append([]Rejected{}, c.Rejected()...))
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		if err := c.Reload(r.Context()); err != nil {
			answer(w, http.StatusUnprocessableEntity, failure{Error: err.Error(), Hint: hintOf(err), Code: codeOf(err)})
			return
		}
		answer(w, http.StatusOK, i.status(c))
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		i.markStopping()
		answer(w, http.StatusAccepted, i.status(c))
		_ = http.NewResponseController(w).Flush() // the caller need not wait for the rest
		i.Stopping()
		c.Stop()
	})
	mux.HandleFunc("POST /handover", i.handOver(c))
	for pattern, h := range c.Extra {
		mux.Handle(pattern, h)
	}
	return mux
}

// beginHandover claims the listeners for one new receiver.
func (i *Instance) beginHandover() ([]*listener, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.handing || i.stopping || len(i.listeners) == 0 {
		return nil, false
	}
	i.handing = true
	return i.listeners, true
}

// endHandover takes the claim back: the new receiver did not come about.
func (i *Instance) endHandover() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handing = false
}

// HandedOver reports whether another receiver has taken the listening sockets, and waits for this one to end.
func (i *Instance) HandedOver() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.handing && i.stopping
}

// restLimit bounds how long a stop waits for requests that come in just now, before the server is shut down.
const restLimit = 3 * time.Second

// Stopping stops accepting, answers what has been accepted, and marks the receiver as one that finishes. POST /stop
// does this by itself; call it before the server is shut down when a signal asked for the stop. It takes three
// seconds at most. Connections that nobody has accepted stay in the queue of the socket; where systemd or the
// next receiver has the socket too, they are found there.
func (i *Instance) Stopping() {
	i.markStopping()
	i.restOnce.Do(i.rest)
}

func (i *Instance) markStopping() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopping = true
}

func (i *Instance) rest() {
	i.mu.Lock()
	listeners := i.listeners
	i.mu.Unlock()
	i.notify(sd.SdNotifyStopping)
	var group sync.WaitGroup
	for _, l := range listeners {
		group.Go(func() { l.rest(restLimit) })
	}
	group.Wait()
}

func (i *Instance) status(c Control) Status {
	st := c.Status()
	i.mu.Lock()
	defer i.mu.Unlock()
	st.Running, st.PID, st.Since, st.Stopping = true, os.Getpid(), i.since, i.stopping
	st.Manager, st.Supervisor, st.Args = os.Getenv(envManager), i.supervisor, os.Args[1:]
	for _, l := range i.listeners {
		st.InFlight += l.owing()
	}
	if st.Address == "" && len(i.listeners) > 0 {
		st.Address = i.listeners[0].Addr().String()
	}
	return st
}

// failure is the body of every answer other than success.
type failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Code  string `json:"code,omitempty"`
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`)
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// The other side may be gone; nobody is left to answer.
	_, _ = w.Write(body)
}
