package fleet

import (
	"context"
	"time"

	"hookctl/hooks"
	"hookctl/server/daemon"
)

// SetupRequest says which hooks are to exist. Its zero value brings the hooks of every known target to the public URL.
type SetupRequest struct {
	Targets  []hooks.Target // nil for all that are known
	URL      string         // public URL, with or without /webhook; "" for that of the settings
	Path     string         // name of /webhook/<name>; "" for none
	Events   []string       // nil keeps those of a hook that is there; a new one gets those of the settings
	Inactive bool           // hooks that send nothing yet; without it a paused hook stays paused, and a new one is active
	Insecure bool           // GitHub does not check the certificate
	Wait     time.Duration  // for the proof of one hook; [hooks.DefaultWait] if zero

	Adopt            bool   // takes back hooks that were pointed elsewhere
	AllowUnreachable bool   // also an address that GitHub refuses or cannot reach, such as localhost
	Secret           string // kept where there is none yet; "" makes one
}

// SetupPlan is what setup would do, worked out by looking only: print it with String, as JSON, or as lines for gh with Calls.
type SetupPlan struct {
	hooks.SetupPlan
	Warnings []hooks.Warning // about the address, such as plain http
	Secret   string          // fingerprint of what the hooks are to sign with
	Fresh    bool            // that secret is new, and is kept once the plan is carried out

	request SetupRequest
	value   string
}

// Changes tells whether the plan does more than look and ping.
func (p SetupPlan) Changes() bool { return false }

// Able tells whether there is a target that something can be done with.
func (p SetupPlan) Able() bool { return false }

// Err joins why targets could not be looked at, nil where all could.
func (p SetupPlan) Err() error { return nil }

// SetupReport is what became of a plan. As JSON it is the list of its results.
type SetupReport struct {
	Results  []hooks.SetupResult
	Receiver daemon.Status
	Started  bool   // the receiver was started for it
	Secret   string // fingerprint of a secret that was made and kept; "" where there was one
	SavedURL string // the public URL, where it was kept in the settings
	// Address is what is odd about the address as seen from here, nil for nothing. GitHub may see what this machine cannot: the
	// pings are the proof.
	Address error
}

// Verified counts the hooks that proved themselves by a signed ping.
func (r SetupReport) Verified() int { return 0 }

// Failed tells whether a hook is not set up, or not verified.
func (r SetupReport) Failed() bool { return false }

// PlanSetup looks at the hooks of every target and says what is to be created, changed, adopted or left alone. An address
// that GitHub cannot reach is refused here, before anything exists. The error is about the request as a whole; a target that
// cannot be looked at is a failed item.
func (f *Fleet) PlanSetup(ctx context.Context, r SetupRequest) (SetupPlan, error) {
	return SetupPlan{}, errTodo
}

// Setup carries a plan out: the secret is kept, the receiver started or reloaded, hooks are created, changed and adopted, each
// is proved by a ping, a rotation under way takes them along, and the targets are remembered. What failed with a target is in
// its result; the error is about what belongs to no target. The report is as complete as it got.
func (f *Fleet) Setup(ctx context.Context, p SetupPlan, progress func(hooks.Step)) (SetupReport, error) {
	return SetupReport{}, errTodo
}
