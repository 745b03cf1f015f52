package fleet

import (
	"context"
	"time"

	"hookctl/hooks"
)

// Proof is a ping that arrived.
type Proof struct {
	Hook    hooks.Hook
	Secret  string // fingerprint of what it was signed with
	Current bool   // that is the secret that the hook is to sign with
	File    string // its record
	At      time.Time
}

// Ping asks GitHub to send a ping to a hook.
func (f *Fleet) Ping(ctx context.Context, h hooks.Hook) error { return errTodo }

// Prove asks for a ping and waits until it is in the log, signed with any secret that the receiver accepts. What GitHub says
// became of it is watched in the meantime, so that a refusal is known at once, with its reason.
func (f *Fleet) Prove(ctx context.Context, h hooks.Hook, wait time.Duration) (Proof, error) {
	return Proof{}, errTodo
}

// Accept makes the receiver read its secrets again, and fails unless it says that it accepts all of these.
func (f *Fleet) Accept(ctx context.Context, fingerprints []string) error { return errTodo }
