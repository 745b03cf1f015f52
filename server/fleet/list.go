package fleet

import (
	"context"
	"errors"

	"hookctl/hooks"
)

var errTodo = errors.New("to be written")

// ListRequest says whose hooks to list.
type ListRequest struct {
	Targets []hooks.Target // nil for all that are known
	// Deliveries looks at the latest deliveries of every hook of ours too, with one more call for each: it finds lost events,
	// and judges hooks of organisations, of which GitHub gives no last response.
	Deliveries bool
	// Each, if set, is called with each target as soon as it was listed, one at a time and in no order: with its hooks, or with
	// why it is set aside.
	Each func(hooks.Target, []Hook, *Aside)
}

// List is every hook of some targets.
type List struct {
	Targets   []hooks.Target // that were looked at, by their present names
	Hooks     []Hook         // ours first, then by target and id
	Aside     []Aside        // targets that could not be listed
	PublicURL string         // of this receiver, "" where it is not known
}

// Ours are the hooks that deliver to this receiver.
func (l List) Ours() []Hook { return nil }

// Err joins what kept targets from being listed, nil where all were.
func (l List) Err() error { return nil }

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
func (a Aside) Cure() string { return hooks.CureOf(a.Err) }

// List asks GitHub for the hooks of every target and judges them. What kept a target from being listed is in the list, and
// does not stop the others; the error is about all of it, such as a missing login.
func (f *Fleet) List(ctx context.Context, r ListRequest) (List, error) { return List{}, errTodo }

// FindRequest names one hook.
type FindRequest struct {
	ID      int64
	Targets []hooks.Target // where it may be; nil for all that are known
}

// Find returns one hook, judged among those beside it.
func (f *Fleet) Find(ctx context.Context, r FindRequest) (Hook, error) { return Hook{}, errTodo }
