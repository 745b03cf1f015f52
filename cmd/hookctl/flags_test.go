package main

import (
	"strings"
	"testing"
)

// TestContradictionsAreRefused: a flag that another one would silently make void is a mistake of usage.
func TestContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	for line, right := range map[string]bool{
		"rotate --resume --grace 2h":                     false,
		"rotate --undo --grace 2h":                       false,
		"rotate --finish --grace 2h":                     false,
		"rotate --all --resume":                          false,
		"rotate --all --grace 2h":                        true,
		"setup -R o/r --relay --url https://example.com": false,
		"setup -R o/r --relay --wait 1m":                 false,
		"setup -R o/r --relay --json":                    false,
		"setup -R o/r --relay --jq .":                    false,
		"setup -R o/r --relay --event push":              true,
		"demo --story --empty":                           false,
		"events view latest --payload --json":            false,
		"events view latest --payload --jq .":            false,
	} {
		if _, err := accepts(strings.Fields(line)); (err == nil) != right {
			t.Errorf("%s: %v", line, err)
		}
	}
}
