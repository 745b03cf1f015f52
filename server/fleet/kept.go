package fleet

import (
	"sync"
	"time"

	"hookctl/hooks"
)

// lists is what one Fleet remembers of what GitHub listed, for the rounds of [CatchUpRequest.Continue].
type lists struct {
	mu    sync.Mutex
	at    time.Time
	hooks []hooks.Hook
}
