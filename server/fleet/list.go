package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
)

// ListRequest says whose hooks to list.
type ListRequest struct {
	Targets []hooks.Target // nil for all that are known
	// Deliveries looks at the latest deliveries of every hook of ours too, with one more call for each: it finds lost events,
	// and judges hooks of organizations, of which GitHub gives no last response.
	Deliveries bool
	// Each, if set, is called with each target as soon as it was listed, one at a time and in no order: with its hooks, or with
	// why it is set aside.
	Each func(hooks.Target, []Hook, *Aside)
}

// List is every hook of some targets. As JSON it is the list of its hooks.
type List struct {
	Targets   []hooks.Target // that were listed, by their present names
	Hooks     []Hook         // ours first, then by target and id
	Aside     []Aside        // targets that could not be listed
	PublicURL string         // of this receiver, "" where it is not known

	renamed map[hooks.Target]hooks.Target // the present names of targets that were asked for by an old one
}

// MarshalJSON writes the hooks, as `hooks list` prints them.
func (l List) MarshalJSON() ([]byte, error) { return marshalList(l.Hooks) }

// Ours are the hooks that deliver to this receiver.
func (l List) Ours() []Hook {
	return slices.DeleteFunc(slices.Clone(l.Hooks), func(h Hook) bool { return !h.Ours })
}

// Of returns what the list has of one target, by the name that it was asked for: its hooks, or why it is set aside.
func (l List) Of(t hooks.Target) ([]Hook, *Aside) {
	if now, renamed := l.renamed[t]; renamed {
		t = now
	}
	for i, a := range l.Aside {
		if key(a.Target) == key(t) {
			return nil, &l.Aside[i]
		}
	}
	return slices.DeleteFunc(slices.Clone(l.Hooks), func(h Hook) bool { return key(h.Target) != key(t) }), nil
}

// Err joins what kept targets from being listed, nil where all were.
func (l List) Err() error { return joined(l.Aside) }

// Aside is a target, or a hook of it, that could not be worked on while the others were.
type Aside struct {
	Target hooks.Target
	HookID int64 // 0 for the whole target
	Err    error
	// Passing means that it may work later without anybody doing anything, as after a lost connection. GitHub's 403 and 404
	// are not passing.
	Passing bool
}

// Cure is what to do about it.
func (a Aside) Cure() string {
	cure := hooks.CureOf(a.Err)
	if a.HookID == 0 && errors.Is(a.Err, hooks.ErrNotFound) {
		return strings.TrimPrefix(cure+"; if it is gone: hookctl hooks forget "+a.Target.Flag(), "; ")
	}
	return cure
}

// MarshalJSON writes the target, the hook where it is about one, the error and its cure.
func (a Aside) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Repository string `json:"repository"`
		HookID     int64  `json:"hook_id,omitempty"`
		Error      string `json:"error"`
		Cure       string `json:"cure,omitempty"`
	}{a.Target.String(), a.HookID, a.Err.Error(), a.Cure()})
}

// marshalList writes a list as JSON, an empty one as [] and not as null.
func marshalList[T any](list []T) ([]byte, error) { return json.Marshal(append([]T{}, list...)) }

func joined(aside []Aside) error {
	errs := make([]error, len(aside))
	for i, a := range aside {
		errs[i] = a.Err
		if cure := a.Cure(); cure != hooks.CureOf(a.Err) {
			errs[i] = &hooks.Error{Message: a.Err.Error(), Cure: cure, Err: a.Err}
		}
	}
	return errors.Join(errs...)
}

// passing reports whether something may work later without anybody doing anything here.
func passing(err error) bool {
	kinds := []error{hooks.ErrUnreachable, hooks.ErrRateLimited, hooks.ErrNotLoggedIn, context.DeadlineExceeded}
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// List asks GitHub for the hooks of every target and judges them. What kept a target from being listed is in the list, and
// does not stop the others; the error is about all of it, such as a missing login.
func (f *Fleet) List(ctx context.Context, r ListRequest) (List, error) {
	k, err := f.facts(ctx)
	if err != nil {
		return List{}, err
	}
	return f.list(ctx, k, r)
}

// Latest is the newest list of all known targets that this Fleet or a copy of it made, and when that was; the zero time where
// none exists. It asks nobody.
func (f *Fleet) Latest() (List, time.Time) {
	f.shared.mu.Lock()
	defer f.shared.mu.Unlock()
	return f.shared.list, f.shared.listed
}

// list is List with what this machine knows.
func (f *Fleet) list(ctx context.Context, k *facts, r ListRequest) (List, error) {
	client, err := f.GitHub()
	if err != nil {
		return List{}, err
	}
	targets := r.Targets
	if targets == nil {
		targets = k.targets
	}
	targets = unique(targets)
	all := List{PublicURL: k.public, Hooks: []Hook{}, renamed: map[hooks.Target]hooks.Target{}}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(listsAtOnce)
	for _, t := range targets {
		group.Go(func() error {
			list, err := f.listOne(ctx, client, k, t, r.Deliveries)
			if err != nil && ctx.Err() != nil {
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			now := t
			if len(list) > 0 {
				now = list[0].Target
			}
			var out *Aside
			if err != nil {
				f.noted(err)
				out = &Aside{Target: t, Err: err, Passing: passing(err)}
				all.Aside = append(all.Aside, *out)
			} else {
				all.Targets, all.Hooks = append(all.Targets, now), append(all.Hooks, list...)
			}
			if key(now) != key(t) {
				all.renamed[t] = now
			}
			if r.Each != nil {
				r.Each(now, list, out)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return all, err
	}
	all.Targets = unique(all.Targets)
	slices.SortFunc(all.Targets, byTarget)
	slices.SortFunc(all.Aside, func(a, b Aside) int { return byTarget(a.Target, b.Target) })
	slices.SortFunc(all.Hooks, Compare)
	// Two names of one repository list the same hooks.
	all.Hooks = slices.CompactFunc(all.Hooks, func(a, b Hook) bool { return a.ID == b.ID })
	f.listed(ctx, all)
	slices.SortFunc(targets, byTarget)
	every := slices.SortedFunc(slices.Values(k.targets), byTarget)
	if slices.EqualFunc(targets, every, func(a, b hooks.Target) bool { return byTarget(a, b) == 0 }) {
		f.shared.mu.Lock()
		defer f.shared.mu.Unlock()
		f.shared.list, f.shared.listed = all, f.cfg.Now()
	}
	return all, nil
}

// listsAtOnce is how many targets are asked for at once; the client lets through what GitHub likes.
const listsAtOnce = 32

// Compare orders hooks as [Fleet.List] does: those of this receiver first, then by target and id.
func Compare(a, b Hook) int {
	if a.Ours != b.Ours {
		return map[bool]int{true: -1, false: 1}[a.Ours]
	}
	return cmp.Or(byTarget(a.Target, b.Target), cmp.Compare(a.ID, b.ID))
}

func byTarget(a, b hooks.Target) int { return strings.Compare(key(a), key(b)) }

// listOne lists and judges the hooks of one target.
func (f *Fleet) listOne(ctx context.Context, client *hooks.Client, k *facts, t hooks.Target, deliveries bool) ([]Hook, error) {
	found, err := client.List(ctx, t)
	if err != nil {
		return nil, err
	}
	list := make([]Hook, len(found))
	for i, h := range found {
		var sent []Sent
		if ours, _ := k.ours(h); ours && deliveries {
			if sent, err = f.lately(ctx, client, &h); err != nil {
				return nil, err
			}
		}
		if list[i], err = k.judge(h, found, sent); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// latelyLimit is how many of the latest deliveries of a hook are looked at: what GitHub gives with one call.
const latelyLimit = 100

// lately returns the latest events that were sent to a hook, newest first, and makes of the newest delivery what GitHub's
// last response should say.
func (f *Fleet) lately(ctx context.Context, client *hooks.Client, h *hooks.Hook) ([]Sent, error) {
	list, err := client.Deliveries(ctx, h.Target, h.ID, hooks.DeliveryQuery{Limit: latelyLimit})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	h.LastResponse = hooks.Response{Code: list[0].StatusCode, Status: "active", Message: list[0].Status}
	return f.beside(ctx, *h, list)
}

// missed finds lost events among the latest.
func (h *Hook) missed() {
	lost := slices.DeleteFunc(slices.Clone(h.Sent), func(s Sent) bool { return !s.Missed() })
	if len(lost) == 0 {
		return
	}
	h.warn(hooks.WarnMissed, "hookctl catchup "+h.Target.Flag(), "missed %d of its last %d events, the latest a %s of %s: %s",
		len(lost), len(h.Sent), lost[0].Event, lost[0].Attempts[0].DeliveredAt.Local().Format(time.DateTime), Answer(lost[0].Attempts[0]))
}

// listed remembers what a list showed: renamed targets, and the hooks that are ours.
func (f *Fleet) listed(ctx context.Context, l List) {
	f.learn(ctx, func(k *kept) {
		for from, to := range l.renamed {
			k.rename(from, to)
		}
		there, looked := map[int64]bool{}, map[string]bool{}
		for _, t := range l.Targets {
			looked[key(t)] = true
		}
		for _, h := range l.Hooks {
			there[h.ID] = true
			if _, known := k.Hooks[h.ID]; !h.Ours && !known {
				continue
			}
			k.hook(h.ID, func(have *keptHook) {
				have.Repository = h.Target.String()
				have.saw(h.Secret, h.Seen)
			})
		}
		maps.DeleteFunc(k.Hooks, func(id int64, h keptHook) bool { // deleted at GitHub
			return looked[strings.ToLower(h.Repository)] && !there[id]
		})
	})
}

// Find returns one hook of some targets, nil for all that are known, judged among those beside it.
func (f *Fleet) Find(ctx context.Context, id int64, among []hooks.Target) (Hook, error) {
	k, err := f.facts(ctx)
	if err != nil {
		return Hook{}, err
	}
	targets := among
	if h, known := k.kept.Hooks[id]; known && targets == nil { // it was seen there before
		if t, err := hooks.ParseTarget(h.Repository); err == nil {
			targets = []hooks.Target{t}
		}
	}
	for {
		l, err := f.list(ctx, k, ListRequest{Targets: targets})
		if err != nil {
			return Hook{}, err
		}
		if at := slices.IndexFunc(l.Hooks, func(h Hook) bool { return h.ID == id }); at >= 0 {
			return l.Hooks[at], nil
		}
		if among != nil || targets == nil {
			err := hooks.WithCure(fmt.Errorf("no hook %d on the repositories looked at: %w", id, hooks.ErrHookNotFound), "name its repository with -R owner/repo")
			return Hook{}, errors.Join(err, l.Err())
		}
		targets = nil
	}
}
