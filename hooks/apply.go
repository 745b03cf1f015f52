package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hookctl/hooks/secret"
)

// The states of a Step.
const (
	StateRunning = "running"
	StateDone    = "done"
	StateFailed  = "failed"
	StateSkipped = "skipped"
)

// Step is progress: one thing being done to one hook. Progress functions get them one at a time.
type Step struct {
	Target Target
	HookID int64  // 0 while it does not exist
	Name   string // "create hook", "edit hook", "configure hook", "set secret", "verify"; "accept secrets", "promote" for a rotation
	State  string // one of the State constants
	Detail string
	Err    error // for a failure
}

// SetupResult is what became of one target.
type SetupResult struct {
	SetupItem // the plan, with the id and the name that a new hook got
	URL       string
	Created   bool
	Changed   []string // the settings that were changed
	Verified  bool
	Err       error // why it is not set up, or not verified
}

// MarshalJSON writes the shape of `setup`.
func (r SetupResult) MarshalJSON() ([]byte, error) {
	out := struct {
		Repository string   `json:"repository"`
		HookID     int64    `json:"hook_id"`
		URL        string   `json:"url"`
		Events     []string `json:"events"`
		Created    bool     `json:"created"`
		Changed    bool     `json:"changed"`
		Verified   bool     `json:"verified"`
		Paused     bool     `json:"paused,omitempty"`
		Changes    []string `json:"changes,omitempty"`
		Error      string   `json:"error,omitempty"`
		Reason     string   `json:"reason,omitempty"`
	}{r.Target.String(), r.HookID, r.URL, r.Events, r.Created, len(r.Changed) > 0, r.Verified, r.Paused, r.Changed, "", CureOf(r.Err)}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// ErrIncomplete says that not every hook is set up and verified; the results say which and why.
var ErrIncomplete = errors.New("not every hook is set up and verified")

// Apply does what a plan says, a few targets at a time, and proves every hook by a ping. One target's failure does not
// stop the others. The results are complete in any case; the error is [ErrIncomplete] where one has an Err.
//
// Applying a plan twice is harmless: a hook is never created twice and keeps its secret.
func (c *Client) Apply(ctx context.Context, p SetupPlan, confirm Confirm, progress func(Step)) ([]SetupResult, error) {
	progress = oneAtATime(progress)
	results := make([]SetupResult, len(p.Items))
	each(len(p.Items), c.waiters(), func(i int) {
		a := applying{c: c, req: p.req, progress: progress, confirm: confirm, result: SetupResult{SetupItem: p.Items[i], URL: p.URL}}
		if a.secret, a.result.Err = p.req.secretOf(a.result.HookID); a.result.Err == nil {
			a.result.Err = a.run(ctx)
		}
		results[i] = a.result
	})
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
		}
	}
	if failed > 0 {
		return results, fmt.Errorf("%w: %d of %d", ErrIncomplete, failed, len(results))
	}
	return results, nil
}

// secretOf is what a hook is to sign with; 0 is one that does not exist yet.
func (r SetupRequest) secretOf(hookID int64) (string, error) {
	if hookID != 0 && r.OwnSecret != nil {
		if own, err := r.OwnSecret(hookID); err != nil || own != "" {
			return own, err
		}
	}
	return r.Secret, nil
}

// doing runs one thing and reports it.
func doing(progress func(Step), s Step, do func() error) error {
	s.State = StateRunning
	progress(s)
	s.State, s.Err = StateDone, do()
	if s.Err != nil {
		s.State = StateFailed
	}
	progress(s)
	return s.Err
}

func oneAtATime(progress func(Step)) func(Step) {
	var mu sync.Mutex
	return func(s Step) {
		if progress == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		progress(s)
	}
}

// applying is the work on one target.
type applying struct {
	c        *Client
	req      SetupRequest
	result   SetupResult
	confirm  Confirm
	progress func(Step)
	created  time.Time // when creating began, by our clock
	secret   string    // that the hook is to sign with
}

func (a *applying) run(ctx context.Context) error {
	switch a.result.Action {
	case ActionFail:
		a.progress(Step{Target: a.result.Target, Name: "look at hooks", State: StateFailed, Err: a.result.SetupItem.Err})
		return a.result.SetupItem.Err
	case ActionCreate:
		err := a.create(ctx)
		if errors.Is(err, ErrExists) {
			err = a.found(ctx, err)
		}
		if err != nil {
			return err
		}
	case ActionUpdate:
		if err := a.update(ctx); err != nil {
			return err
		}
	}
	return a.verify(ctx)
}

// step runs one thing and reports it.
func (a *applying) step(name, detail string, do func() error) error {
	return doing(func(s Step) {
		s.HookID = a.result.HookID // which creating it gives
		a.progress(s)
	}, Step{Target: a.result.Target, Name: name, Detail: detail}, do)
}

func (a *applying) create(ctx context.Context) error {
	return a.step("create hook", a.req.URL, func() error {
		began, request := time.Now(), a.req
		request.Secret = a.secret
		h, err := a.c.Create(ctx, a.result.Target, request)
		if err != nil {
			return err
		}
		a.result.HookID, a.result.Created, a.created = h.ID, true, began
		a.result.renamed(h.Target)
		return nil
	})
}

// found goes on with a hook that someone else created after the plan.
func (a *applying) found(ctx context.Context, exists error) error {
	item := a.c.planOne(ctx, a.req, a.result.Target)
	if item.HookID == 0 {
		return exists
	}
	a.result.SetupItem = item
	var err error
	if a.secret, err = a.req.secretOf(item.HookID); err != nil {
		return err
	}
	return a.update(ctx)
}

// update changes what differs: the config before the hook is made active, so that nothing is sent in between that
// the receiver would refuse.
func (a *applying) update(ctx context.Context) error {
	var config ConfigChange
	for _, c := range a.result.Changes {
		switch c.Field {
		case "url":
			config.URL = &c.To
		case "content_type":
			config.ContentType = &c.To
		case "insecure_ssl":
			config.InsecureSSL = &c.To
		case "secret":
			config.Secret = &a.secret
		}
	}
	if config != (ConfigChange{}) {
		if err := a.step("configure hook", config.String(), func() error { return a.c.Configure(ctx, a.result.Target, a.result.HookID, config) }); err != nil {
			return err
		}
	}
	var change Change
	if a.result.changes("active") {
		change.Active = &a.req.Active
	}
	if a.result.changes("events") {
		change.Events = a.result.Events
	}
	if change.Active != nil || change.Events != nil {
		err := a.step("edit hook", "", func() error {
			_, err := a.c.Edit(ctx, a.result.Target, a.result.HookID, change)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, c := range a.result.Changes {
		a.result.Changed = append(a.result.Changed, c.Field)
	}
	return nil
}

// verify proves the hook by a ping. A hook that was there before may have another secret, which nobody can see: then
// the ping shows it, and the hook gets ours.
func (a *applying) verify(ctx context.Context) error {
	p := proof{target: a.result.Target, hookID: a.result.HookID, fingerprint: secret.Fingerprint(a.secret), confirm: a.confirm, wait: a.req.Wait,
		patient: true, created: a.created}
	mayHaveAnother := !a.result.Created && !slices.Contains(a.result.Changed, "secret")
	if mayHaveAnother {
		// Half of the time is for finding out, half for the proof after the change.
		p.wait, p.patient = a.req.Wait/2, false
	}
	err := a.step("verify", "waiting for a signed ping", func() error {
		var err error
		p.after, err = a.c.prove(ctx, p)
		if mayHaveAnother && (errors.Is(err, ErrWrongSecret) || errors.Is(err, ErrOtherReceiver)) {
			if err := a.setSecret(ctx); err != nil {
				return err
			}
			p.patient = true
			_, err = a.c.prove(ctx, p)
		}
		return err
	})
	a.result.Verified = err == nil
	if err != nil && a.result.Paused && a.c.idle(ctx, a.result.Target, a.result.HookID, p.after, err) {
		a.progress(Step{Target: a.result.Target, HookID: a.result.HookID, Name: "verify", State: StateSkipped, Detail: inactiveNote})
		return nil
	}
	return err
}

func (a *applying) setSecret(ctx context.Context) error {
	return a.step("set secret", secret.Fingerprint(a.secret), func() error {
		if err := a.c.Configure(ctx, a.result.Target, a.result.HookID, ConfigChange{Secret: &a.secret}); err != nil {
			return err
		}
		a.result.Changed = append(a.result.Changed, "secret")
		return nil
	})
}
