package fleet

import (
	"context"

	"hookctl/hooks"
)

// Targets are the repositories and organisations whose hooks may be ours, each once whatever its case: those of the settings,
// those that any face set up, those of a rotation under way, and those that verified pings came from. It asks nobody but the
// disk.
func (f *Fleet) Targets(ctx context.Context) ([]hooks.Target, error) {
	return nil, errTodo
}

// Remember adds targets to those that every later operation works on.
func (f *Fleet) Remember(ctx context.Context, targets ...hooks.Target) error { return errTodo }

// Forget takes a target out, because it is gone at GitHub or no longer of interest. A later ping from it brings it back. The
// error says so where the settings name it too, which only their owner changes.
func (f *Fleet) Forget(ctx context.Context, target hooks.Target) error { return errTodo }
