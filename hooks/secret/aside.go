package secret

import "time"

// AsideHook is a hook that could not take part in a rotation, because GitHub refuses this user its repository. What it signs
// with stays accepted from it alone, until it can be rotated or a rotation is finished without it. It prints itself redacted.
type AsideHook struct {
	Repository string    `json:"repository"`
	HookID     int64     `json:"hook_id"`
	Secret     string    `json:"secret"`
	Since      time.Time `json:"since"`
	Error      string    `json:"error,omitempty"`
	Cure       string    `json:"cure,omitempty"`
}
