package server

import (
	"os"
	"testing"
)

// TestMain lets the test binary be a receiver that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RECEIVER_HELPER"); dir != "" {
		os.Exit(receiverHelper(dir))
	}
	os.Exit(m.Run())
}
