package fleet

import (
	"context"

	"hookctl/hooks"
)

// EditRequest is what to change of a hook. A nil field stays.
type EditRequest struct {
	Hook             hooks.Hook
	Events           []string
	URL              *string // as it is written: no /webhook is added
	InsecureSSL      *bool
	Active           *bool
	AllowUnreachable bool // also a URL that GitHub cannot reach
}

// Edit changes a hook and returns it as GitHub has it then.
func (f *Fleet) Edit(ctx context.Context, r EditRequest) (Hook, error) { return Hook{}, errTodo }

// SetActive makes GitHub send deliveries of a hook, or none for now.
func (f *Fleet) SetActive(ctx context.Context, h hooks.Hook, on bool) (Hook, error) {
	return f.Edit(ctx, EditRequest{Hook: h, Active: &on})
}

// Delete removes a hook at GitHub; one that is gone already is no error. With the last hook of ours its target is forgotten.
func (f *Fleet) Delete(ctx context.Context, h hooks.Hook) error { return errTodo }

// Test asks GitHub to send the latest push of a repository again, to a hook that subscribes to pushes.
func (f *Fleet) Test(ctx context.Context, h hooks.Hook) error { return errTodo }
