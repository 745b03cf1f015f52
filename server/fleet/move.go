package fleet

import (
	"context"

	"hookctl/hooks"
)

// MoveReport is what became of moving hooks.
type MoveReport struct {
	Moved []hooks.Hook // as they are now
	Aside []Aside      // targets and hooks that keep an old address
	From  []string     // the addresses that hooks were moved from
}

// Again tells whether a hook that could not be moved may be movable later, without anybody doing anything here.
func (r MoveReport) Again() bool { return false }

// Err joins why hooks keep an old address, nil where none does.
func (r MoveReport) Err() error { return nil }

// Move makes a public address the one in force, as after a tunnel was opened: it is kept in the settings, and every hook of
// ours whose URL lies at an address that the receiver had before is pointed to it. Paths, secrets and everything else stay.
// What the receiver had before is remembered first, so that whatever happens in between a later Move goes on.
func (f *Fleet) Move(ctx context.Context, to string, progress func(hooks.Step)) (MoveReport, error) {
	return MoveReport{}, errTodo
}
