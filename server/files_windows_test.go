package server

import "time"

// maxOpenFiles is no limit on Windows.
func maxOpenFiles() int { return 1 << 20 }

// processorTime is not measured here.
func processorTime() time.Duration { return 0 }
