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

// TestFilterHelpNamesEveryField: those of the help are all that the filter knows, which it names where it knows one not.
func TestFilterHelpNamesEveryField(t *testing.T) {
	t.Parallel()
	_, err := parseFilter("pigeon:x")
	if err == nil {
		t.Fatal("there is a field pigeon")
	}
	_, list, found := strings.Cut(err.Error(), "fields are ")
	list, _, _ = strings.Cut(list, ";")
	if !found {
		t.Fatalf("no fields are named: %v", err)
	}
	_, help, _ := strings.Cut(filterHelp, "The fields are\n")
	for field := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !strings.Contains(help, " "+field+" ") && !strings.Contains(help, " "+field+"\n") {
			t.Errorf("%s is not in the help", field)
		}
	}
}
