package server

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Rejection is a request that was refused. Its texts are cleaned; nothing of its body is kept.
type Rejection struct {
	Time         time.Time `json:"time"`
	Address      string    `json:"address"`
	Reason       string    `json:"reason"`
	Event        string    `json:"event"`
	DeliveryID   string    `json:"delivery_id"`
	HookID       int64     `json:"hook_id,omitempty"`      // as the request claims
	Fingerprints []string  `json:"fingerprints,omitempty"` // of the secrets that were tried
	// Former is the fingerprint of a secret that is no longer accepted and that made the signature: a hook was not rotated.
	Former string `json:"former,omitempty"`
}

// rejections keeps the last hundred requests that look like GitHub's, and the last hundred of others, so that scanners
// cannot push out what an owner has to see.
type rejections struct {
	mu             sync.Mutex
	github, others []Rejection // the oldest first
}

const mostRejections = 100

// add keeps a rejection; fromGitHub is what [looksLikeGitHub] says of its request.
func (r *rejections) add(x Rejection, fromGitHub bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := &r.others
	if fromGitHub {
		list = &r.github
	}
	*list = append(*list, x)
	*list = (*list)[max(0, len(*list)-mostRejections):]
}

// all returns them, the newest last.
func (r *rejections) all() []Rejection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(slices.Concat(r.github, r.others)), func(a, b Rejection) int { return a.Time.Compare(b.Time) })
}

// looksLikeGitHub reports whether a request has the headers of a delivery. Anyone can write them; scanners do not. Old
// Enterprise Servers send no hook id, and hooks without a secret no signature.
func looksLikeGitHub(h http.Header) bool {
	signed := h.Get("X-Hub-Signature-256") != "" || h.Get("X-Hub-Signature") != ""
	return h.Get("X-GitHub-Event") != "" && h.Get("X-GitHub-Delivery") != "" && (signed || h.Get("X-GitHub-Hook-ID") != "")
}
