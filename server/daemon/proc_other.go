//go:build !linux

package daemon

// What Linux says about other processes in /proc is not known here without running another program. The PID file, the
// status of the receiver and its own repair of its run directory stand in.

func portHolder(string) string { return "" }

func holders(string) []int { return nil }

func suspended(int) bool { return false }

func arguments(int) []string { return nil }

func originOf(int) *origin { return nil }

func cgroupOf(int) string { return "" }
