package server

import (
	"sync"
	"time"
)

// Rejection is a request that was refused. Its texts are cleaned; nothing of its body is kept.
type Rejection struct {
	Time         time.Time `json:"time"`
	Address      string    `json:"address"`
	Status       int       `json:"status"`
	Reason       string    `json:"reason"`
	Event        string    `json:"event"`
	DeliveryID   string    `json:"delivery_id"`
	Path         string    `json:"path"`
	Fingerprints []string  `json:"fingerprints,omitempty"` // of the secrets that were tried
	// Former is the fingerprint of a secret that is no longer accepted and that made the signature: a hook was not rotated.
	Former string `json:"former,omitempty"`
}

// rejections keeps the last hundred.
type rejections struct {
	mu   sync.Mutex
	ring [100]Rejection
	n    int // ever added
}

func (r *rejections) add(x Rejection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.n%len(r.ring)] = x
	r.n++
}

// list returns them newest first.
func (r *rejections) list() []Rejection {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Rejection, 0, min(r.n, len(r.ring)))
	for i := range cap(out) {
		out = append(out, r.ring[(r.n-1-i)%len(r.ring)])
	}
	return out
}
