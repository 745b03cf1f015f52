package server

// maxOpenFiles is no limit on Windows.
func maxOpenFiles() int { return 1 << 20 }
