package logs

import "testing"

func TestSafeEvent(t *testing.T) {
	for in, want := range map[string]string{
		"push": "push", "workflow_run": "workflow_run", "": "unknown", "../../etc/passwd": "unknown", "Push": "unknown",
		"a.b": "unknown", "a\x00": "unknown", string(make([]byte, 65)): "unknown",
	} {
		if got := SafeEvent(in); got != want {
			t.Errorf("SafeEvent(%q) = %q, want %q", in, got, want)
		}
	}
}
