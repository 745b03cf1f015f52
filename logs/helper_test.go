package logs

import "bytes"

// sliceReader reads from memory at an offset.
func sliceReader(b []byte) *bytes.Reader { return bytes.NewReader(b) }
