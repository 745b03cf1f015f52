package fleet

import (
	"time"

	"hookctl/hooks"
)

// Health is how a hook of ours is.
type Health string

// The healths. A hook of another service has none.
const (
	Healthy Health = "healthy"
	Unknown Health = "unknown" // nothing was delivered yet
	Warning Health = "warning"
	Failing Health = "failing"
)

// What is known of the secret that a hook signs with. Nobody can read it at GitHub: its deliveries tell.
const (
	SecretCurrent  = "current"  // that which it is to sign with
	SecretAccepted = "accepted" // another one that is still accepted, as within a grace period
	SecretRefused  = "refused"  // one that the receiver does not accept
	SecretUnproved = "unproved" // nothing was verified since its last change
	SecretNone     = "none"     // it has none
)

// The kinds of warnings that this package adds to those of package hooks.
const (
	WarnMoved      = "moved"       // it delivered here and was pointed elsewhere since
	WarnOldAddress = "old_address" // it is ours, and sends to another address than the public URL
	WarnPlainHTTP  = "plain_http"  // deliveries travel unencrypted
	WarnUnproved   = "unproved"    // its secret has not been proved since its last change
	WarnNoEvents   = "no_events"   // it subscribes to nothing
)

// Hook is a hook at GitHub with what this receiver knows of it.
type Hook struct {
	hooks.Hook
	Ours  bool // it delivers to this receiver
	Moved bool // it did, and was pointed elsewhere at GitHub since; setup takes it back with Adopt

	Health   Health          // "" for one of another service
	State    string          // the same in a few words: "delivers", "paused", "502 tunnel up, receiver down"
	Warnings []hooks.Warning // what is wrong, worst first, each with the command that leads out of it; none for another service's

	SecretState string    // one of the Secret constants; "" for one of another service
	Secret      string    // fingerprint of what its newest verified delivery was signed with
	SecretSince time.Time // since when the secret that it signs with is in use; zero where that is not known
	Seen        time.Time // when that delivery arrived here; zero for never
}

// LastAnswer is what GitHub got as an answer to the newest delivery, in words.
func (h Hook) LastAnswer() string { return "" }
