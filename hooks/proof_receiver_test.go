package hooks

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hookctl/hooks/secret"
)

// proofReceiver holds its keys in memory, as the real one does, and takes them again when it is asked to.
type proofReceiver struct {
	store *secret.Store
	ring  atomic.Pointer[secret.Ring]
	// reloading keeps the reload that a killed child asked for from undoing the one of its successor.
	reloading sync.Mutex

	mu       sync.Mutex
	accepted map[string]string    // the fingerprint by GUID
	pings    map[string]time.Time // by hook and fingerprint
	changed  chan struct{}
}

func (r *proofReceiver) reload() error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	ring, err := r.store.Ring(time.Now())
	if err == nil {
		r.ring.Store(ring)
	}
	return err
}

func (r *proofReceiver) snapshot() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.accepted)
}

func (r *proofReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/reload":
		if err := r.reload(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(r.ring.Load().Fingerprints(time.Now()))
	case "/confirm":
		r.confirm(w, req)
	default:
		r.receive(w, req)
	}
}

func (r *proofReceiver) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	hook := req.Header.Get("X-GitHub-Hook-ID")
	id, _ := strconv.ParseInt(hook, 10, 64)
	print, ok := r.ring.Load().Match(body, req.Header.Get("X-Hub-Signature-256"), id, req.URL.Path, time.Now())
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted[req.Header.Get("X-GitHub-Delivery")] = print
	if req.Header.Get("X-GitHub-Event") == "ping" {
		r.pings[hook+" "+print] = time.Now()
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// confirm answers when a ping has arrived since a time.
func (r *proofReceiver) confirm(w http.ResponseWriter, req *http.Request) {
	since, err := strconv.ParseInt(req.URL.Query().Get("since"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for {
		r.mu.Lock()
		at, changed := r.pings[req.URL.Query().Get("ping")], r.changed
		r.mu.Unlock()
		if !at.IsZero() && at.UnixNano() >= since {
			return
		}
		select {
		case <-changed:
		case <-req.Context().Done():
			return
		}
	}
}

func (r *proofReceiver) post(address, value string) int {
	req, err := http.NewRequest(http.MethodPost, address+"/webhook", strings.NewReader("{}"))
	if err != nil {
		return 0
	}
	req.Header.Set("X-Hub-Signature-256", secret.Sign(value, []byte("{}")))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
