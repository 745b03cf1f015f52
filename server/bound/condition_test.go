package bound

import (
	"fmt"
	"testing"

	"github.com/itchyny/gojq"
)

// TestCheckedProductsAreTheSame compares them with jq's own.
func TestCheckedProductsAreTheSame(t *testing.T) {
	for _, text := range []string{
		`2 * 3`, `2 * 3 * 4 + 1`, `"ab" * 3`, `3 * "ab"`, `"ab" * 0`, `{"a":{"b":1}} * {"a":{"c":2}}`, `.n * 2 > 5`, `.n *= 4`, `.list[] *= 2`,
		`def f: . * 2; .n | f * f`, `[.list[] | . * .]`, `"x" * null`, `try ([] * 2) catch "error"`, `if .n * 1 == 3 then "yes" * 2 else 0 * 1 end`,
		`"\(.n * 2) and \("a" * 2)"`, `{a: (1 * 2), ("k" * 2): 3}`, `.list | map(. * 10) | add`, `reduce .list[] as $x (1; . * $x)`, `.a.b = 1`, `.list[7] = 1`, `.list[] += 1`, `.list |= map(. + 1)`, `.list[0:2] = ["x"]`, `.x //= 4`,
		`setpath(["a", 2]; 3)`, `pick(.list[1])`, `fromstream(tostream)`, `def f(x): .n = x; f(2).n`, `(.n, .list[0]) = 9`, `.list[-1] *= 2`, `1.5 * 2`, `-(2 * 3)`,
	} {
		value := func(compile func(*gojq.Query) (*gojq.Code, error)) string {
			q, err := gojq.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			code, err := compile(q)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			v, _ := code.Run(map[string]any{"n": 3, "list": []any{1, 2, 3}}).Next()
			return fmt.Sprintf("%v", v)
		}
		want := value(func(q *gojq.Query) (*gojq.Code, error) { return gojq.Compile(q) })
		if got := value(compile); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}
