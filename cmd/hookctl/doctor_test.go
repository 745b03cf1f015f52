package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/server/doctor"
)

func TestManyWellRepositoriesAreOneLineOfTheDoctor(t *testing.T) {
	t.Parallel()
	var targets []hooks.Target
	checks := []doctor.Check{{Name: "age of the secret", Status: doctor.OK, Detail: "it is 2 days old"}}
	for i := range 100 {
		target := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("r", i)}
		targets = append(targets, target)
		hook := doctor.Check{Name: "hook of " + target.String(), Status: doctor.OK, Detail: "it is active"}
		if i == 42 {
			hook.Status, hook.Detail, hook.Fix = doctor.Fail, "it is gone", "hookctl setup -R octo-org/r42"
		}
		checks = append(checks, hook, doctor.Check{Name: "secret of " + target.String(), Status: doctor.OK, Detail: "the current one"})
	}
	for _, c := range []struct {
		targets, lines int
		want           string
	}{
		{100, 5, "" +
			"ok    age of the secret     it is 2 days old\n" +
			"fail  hook of octo-org/r42  it is gone\n" +
			"                            → hookctl setup -R octo-org/r42\n" +
			"ok    hook                  well with 99 of 100 repositories; --json tells each\n" +
			"ok    secret                well with 100 of 100 repositories; --json tells each\n"},
		{5, 11, "ok    secret of octo-org/r4  the current one\n"},
	} {
		var out bytes.Buffer
		(&program{out: &out}).printChecks(foldChecks(checks[:2*c.targets+1], targets[:c.targets]))
		if got := out.String(); strings.Count(got, "\n") != c.lines || !strings.HasSuffix(got, c.want) {
			t.Errorf("of %d repositories:\n%s", c.targets, got)
		}
	}
}
