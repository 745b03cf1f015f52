package text

import (
	"os/exec"
	"testing"
	"time"
)

func TestShellMakesOneWord(t *testing.T) {
	for in, want := range map[string]string{
		"octo-org/api": "octo-org/api", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "~": "'~'", "*": "'*'",
	} {
		got := Shell(in)
		if got != want {
			t.Errorf("Shell(%q) = %s, want %s", in, got, want)
		}
		sh, err := exec.LookPath("sh")
		if err != nil {
			continue
		}
		out, err := exec.Command(sh, "-c", "printf %s "+got).Output() //nolint:gosec // The test's own words.
		if err != nil || string(out) != in {
			t.Errorf("the shell reads %s as %q, %v", got, out, err)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöüß", 3, "äö…"}, {"", 0, ""}, {"a", 0, ""}, {"ab", 1, "…"}} {
		if got := Cut(c.in, c.limit); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for got, want := range map[string]string{
		Count(1, "record"):                    "1 record",
		Count(0, "record"):                    "0 records",
		Count(1204, "delivery", "deliveries"): "1,204 deliveries",
		Count(1, "delivery", "deliveries"):    "1 delivery",
		Thousands(-1234567):                   "-1,234,567",
		Thousands(-123):                       "-123",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", 60 * time.Second: "1 min", 119 * time.Second: "1 min", 2 * time.Minute: "2 min", 5 * time.Hour: "5 h", 47 * time.Hour: "47 h", 72 * time.Hour: "3 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
