package hooks

import (
	"errors"
	"fmt"
	"testing"
)

func TestTheCureNearestToTheCauseWins(t *testing.T) {
	t.Parallel()
	cause := errors.New("no answer")
	cured := fmt.Errorf("ask: %w", WithCure(cause, "start it"))
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no error":             {WithCure(nil, "start it"), ""},
		"no cure":              {WithCure(cause, ""), ""},
		"a cure":               {cured, "start it"},
		"a cure around a cure": {WithCure(cured, "look at the log"), "start it"},
		"an empty one outside": {&Error{Op: "list hooks", Err: cured}, "start it"},
		"around an empty one":  {WithCure(&Error{Op: "list hooks"}, "log in"), "log in"},
		"GitHub's own":         {WithCure(&Error{Op: "list hooks", Cure: "wait"}, "log in"), "wait"},
	} {
		if got := CureOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if err := WithCode(fmt.Errorf("ask: %w", cured), "not_found"); CodeOf(fmt.Errorf("again: %w", err)) != "not_found" || CureOf(err) != "start it" || CodeOf(cured) != "" {
		t.Errorf("%v, with the code %q", err, CodeOf(err))
	}
	if err := WithCure(cause, "start it"); !errors.Is(err, cause) || err.Error() != "no answer" {
		t.Errorf("%v", err)
	}
}
