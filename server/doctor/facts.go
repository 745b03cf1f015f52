package doctor

import "context"

// facts is what several checks need, asked once.
type facts struct{ cfg Config }

func newFacts(ctx context.Context, cfg Config) *facts { return &facts{cfg: cfg} }

func (f *facts) checks() []check { return nil }
