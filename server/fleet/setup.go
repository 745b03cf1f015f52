package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// SetupRequest says which hooks are to exist. Its zero value brings the hooks of every known target to the public URL.
type SetupRequest struct {
	Targets  []hooks.Target // nil for all that are known
	URL      string         // public URL, with or without /webhook; "" for that of the settings
	Path     string         // name of /webhook/<name>; "" for none
	Events   []string       // nil keeps those of a hook that is there; a new one gets those of the settings
	Also     []string       // every hook has these too; without Events also what notify_also of the settings needs
	Inactive bool           // hooks that send nothing yet; without it a paused hook stays paused, and a new one is active
	Insecure bool           // GitHub does not check the certificate
	Wait     time.Duration  // for the proof of one hook; that of the Config if zero

	Adopt            bool // takes back hooks that were pointed elsewhere
	AllowUnreachable bool // also an address that GitHub refuses or cannot reach, such as localhost
}

// SetupPlan is what setup would do, worked out by looking only: print it with String, as JSON, or as lines for gh with Calls.
type SetupPlan struct {
	hooks.SetupPlan
	Warnings []hooks.Warning // about the address, such as plain http
	Secret   string          // fingerprint of what the hooks are to sign with
	Fresh    bool            // that secret is new, and is kept once the plan is carried out

	request hooks.SetupRequest
}

// Changes reports whether the plan does more than look and ping.
func (p SetupPlan) Changes() bool {
	return slices.ContainsFunc(p.Items, func(i hooks.SetupItem) bool { return i.Action == hooks.ActionCreate || i.Action == hooks.ActionUpdate })
}

// Able reports whether there is a target that something can be done with.
func (p SetupPlan) Able() bool {
	return slices.ContainsFunc(p.Items, func(i hooks.SetupItem) bool { return i.Action != hooks.ActionFail })
}

// Err joins why targets could not be looked at, nil where all could.
func (p SetupPlan) Err() error {
	var errs []error
	for _, i := range p.Items {
		errs = append(errs, i.Err)
	}
	return errors.Join(errs...)
}

// SetupReport is what became of a plan. As JSON it is the list of its results.
type SetupReport struct {
	Results  []hooks.SetupResult
	Receiver daemon.Status
	Started  bool   // the receiver was started for it
	Secret   string // fingerprint of a secret that was generated and kept; "" where there was one
	// Address is what is odd about the address as seen from here, nil for nothing. GitHub may see what this machine cannot: the
	// pings are the proof.
	Address error
}

// MarshalJSON writes the results, as `setup` prints them.
func (r SetupReport) MarshalJSON() ([]byte, error) { return marshalList(r.Results) }

// Verified counts the hooks that proved themselves by a signed ping.
func (r SetupReport) Verified() (n int) {
	for _, result := range r.Results {
		if result.Verified && result.Err == nil {
			n++
		}
	}
	return n
}

// Failed reports whether a hook is not set up, or not verified.
func (r SetupReport) Failed() bool {
	return slices.ContainsFunc(r.Results, func(result hooks.SetupResult) bool { return result.Err != nil })
}

// PlanSetup looks at the hooks of every target and says what is to be created, changed, adopted or left alone. An address
// that GitHub cannot reach is refused here, before anything exists. The error is about the request as a whole; a target that
// cannot be looked at is a failed item.
func (f *Fleet) PlanSetup(ctx context.Context, r SetupRequest) (SetupPlan, error) {
	client, err := f.GitHub()
	if err != nil {
		return SetupPlan{}, err
	}
	k, err := f.facts(ctx)
	if err != nil {
		return SetupPlan{}, err
	}
	var plan SetupPlan
	address := cmp.Or(r.URL, k.public)
	if address == "" {
		return plan, hooks.WithCure(errors.New("the public URL of the receiver is not known"), "give it: --url https://hooks.example.com")
	}
	url, err := hooks.HookURL(address, r.Path)
	if err != nil {
		return plan, err
	}
	warning, err := hooks.CheckPublic(url, client.Host())
	if errors.Is(err, hooks.ErrNotPublic) && r.AllowUnreachable {
		err = nil
	}
	if err != nil {
		return plan, err
	}
	if warning != "" {
		plan.Warnings = append(plan.Warnings, hooks.Warning{Code: WarnPlainHTTP, Text: warning, Cure: "give an https URL with --url"})
	}
	targets := r.Targets
	if targets == nil {
		targets = k.targets
	}
	if len(targets) == 0 {
		return plan, hooks.WithCure(errors.New("no repository is known to set hooks up on"), "name one: -R owner/repo")
	}
	var mu sync.Mutex
	moved := map[hooks.Target][]hooks.Warning{} // hooks that delivered here and were pointed elsewhere since
	also := r.Also
	if r.Events == nil {
		also = slices.Concat(also, f.cfg.Needed)
	}
	ask := hooks.SetupRequest{
		Targets: targets, URL: url, Events: r.Events, NewEvents: f.cfg.Events, Also: also, Active: !r.Inactive, InsecureSSL: r.Insecure, Wait: cmp.Or(r.Wait, f.cfg.Wait),
		OwnSecret: f.cfg.Store.HookSecret,
		Ours: func(h hooks.Hook) bool {
			ours, elsewhere := k.ours(h)
			if elsewhere {
				mu.Lock()
				defer mu.Unlock()
				moved[h.Target] = append(moved[h.Target], hooks.Warning{Code: WarnMoved, HookID: h.ID, Cure: "hookctl setup " + h.Target.Flag() + " --adopt",
					Text: fmt.Sprintf("hook %d delivered here before, and sends to %s now", h.ID, h.URL)})
			}
			return ours || r.Adopt && elsewhere || hooks.SameReceiver(h.URL, url)
		},
	}
	if plan.Fresh, err = f.chooseSecret(&ask); err != nil {
		return plan, err
	}
	plan.Secret, plan.request = secret.Fingerprint(ask.Secret), ask
	if plan.SetupPlan, err = client.PlanSetup(ctx, ask); err != nil {
		return plan, err
	}
	for n := range plan.Items {
		i := &plan.Items[n]
		if i.Action == hooks.ActionCreate {
			i.Warnings = append(i.Warnings, moved[i.Target]...)
		}
		f.noted(i.Err)
	}
	return plan, nil
}

// chooseSecret sets what the hooks are to sign with: that of the path, or the shared one. fresh means that it is new.
func (f *Fleet) chooseSecret(ask *hooks.SetupRequest) (fresh bool, err error) {
	defer func() {
		if err == nil && secret.Published(ask.Secret) {
			err = hooks.WithCure(secret.ErrPublished, secret.ReplacePublished)
		}
	}()
	if ask.Secret, ask.Variable, err = f.cfg.Store.PathSecret(ask.URL); err != nil || ask.Secret != "" {
		return false, err
	}
	if ask.Secret, _, err = f.cfg.Store.ForHooks(); err != nil || ask.Secret != "" {
		return false, err
	}
	ask.Secret, err = secret.Generate()
	return true, err
}

// keepSecret makes a value the shared secret, a new one for "", and says whether it did: somebody else may have kept one in the
// meantime, which stays.
func (f *Fleet) keepSecret(value string) (have string, fresh bool, err error) {
	if have, _, err = f.cfg.Store.Current(); err != nil || have != "" {
		return have, false, err
	}
	if value == "" {
		if value, err = secret.Generate(); err != nil {
			return "", false, err
		}
	}
	err = f.cfg.Store.SetCurrent(value)
	return value, err == nil, err
}

// Setup carries a plan out: the secret is kept, the receiver started or reloaded, hooks are created, changed and adopted, each
// is proved by a ping, a rotation under way takes them along, and the targets are remembered. What failed with a target is in
// its result; the error is about what belongs to no target. The report is as complete as it got.
func (f *Fleet) Setup(ctx context.Context, p SetupPlan, progress func(hooks.Step)) (report SetupReport, err error) {
	client, err := f.GitHub()
	if err != nil {
		return report, err
	}
	if p.Fresh {
		have, fresh, err := f.keepSecret(p.request.Secret)
		if fresh {
			report.Secret = p.Secret
		} else if err == nil {
			p.SetupPlan, err = client.PlanSetup(ctx, p.with(have))
		}
		if err != nil {
			return report, err
		}
	}
	if report.Receiver, report.Started, err = f.Receiver(ctx); err != nil {
		return report, err
	}
	if err := accepts(report.Receiver, []string{secret.Fingerprint(p.request.Secret)}); err != nil {
		return report, err
	}
	report.Address = f.cfg.Probe(ctx, p.URL, report.Receiver.Instance)
	err = f.withLog(ctx, func(log *logs.Log) error {
		report.Results, err = client.Apply(ctx, p.SetupPlan, confirm(log), progress)
		if errors.Is(err, hooks.ErrIncomplete) {
			err = nil
		}
		// What was created is remembered before anything else can fail, and also after an interrupt.
		kept := f.remember(context.WithoutCancel(ctx), p, report.Results)
		return errors.Join(err, kept, f.takeIn(ctx, client, log, p, report.Results))
	})
	if report.Verified() > 0 && f.cfg.SaveURL != nil && !hooks.SameReceiver(p.URL, f.publicURL()) {
		err = errors.Join(err, f.savePublicURL(ctx, hooks.BaseURL(p.URL)))
	}
	return report, err
}

// with is the plan's request for another secret.
func (p *SetupPlan) with(value string) hooks.SetupRequest {
	p.request.Secret, p.Secret, p.Fresh = value, secret.Fingerprint(value), false
	return p.request
}

// takeIn gives a rotation that is not over the hooks that were set up.
func (f *Fleet) takeIn(ctx context.Context, client *hooks.Client, log *logs.Log, p SetupPlan, results []hooks.SetupResult) error {
	var made []hooks.Hook
	var verified []int64
	for _, r := range results {
		if r.HookID != 0 {
			made = append(made, hooks.Hook{ID: r.HookID, Target: r.Target, URL: r.URL})
		}
		if r.Verified {
			verified = append(verified, r.HookID)
		}
	}
	if len(made) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*hooks.DefaultWait)
	defer cancel()
	return errors.Join(f.cfg.Store.BackFromAside(verified...), f.rotator(client, log, nil).TakeIn(ctx, made, p.request.Secret))
}

// remember keeps what was set up: the targets with a hook, the hooks whose URL it set, and the address once it was proved.
// A target without a hook is not kept: every later operation would stumble over a name that was mistyped.
func (f *Fleet) remember(ctx context.Context, p SetupPlan, results []hooks.SetupResult) error {
	before := f.publicURL()
	return f.update(ctx, func(k *kept) {
		for _, r := range results {
			if r.HookID == 0 {
				continue
			}
			k.rename(r.Asked, r.Target)
			k.add(r.Target)
			k.hook(r.HookID, func(h *keptHook) {
				h.Repository = r.Target.String()
				if r.Created || h.URL != "" || slices.Contains(r.Changed, "url") {
					h.URL = r.URL
				}
			})
			if r.Verified {
				k.address(before)
				k.address(p.URL)
			}
		}
	})
}
