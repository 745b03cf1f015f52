package hooks

import (
	"context"
	"encoding/json"
	"testing"
)

// Whatever GitHub sends, a frame is answered with a frame or refused.
func FuzzRelayFrame(f *testing.F) {
	for _, seed := range []string{`{"header":{"X-GitHub-Event":["push"]},"body":"e30="}`, `{"HEADER":{"x":null},"Body":""}`, `null`, `[]`, `{"body":"?"}`, `{"header":{"a\nb":["c"]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		called := 0
		r := &Relay{Handle: func(_ context.Context, d RelayDelivery) (RelayAnswer, error) {
			called++
			if d.Header.Get("X-Github-Encoded-Secret") != "" {
				t.Error("the header with the secret was handed on")
			}
			return RelayAnswer{Body: d.Body}, nil
		}}
		answer, err := r.handle(t.Context(), frame, 1)
		if (err == nil) != (called == 1) || err == nil && !json.Valid(answer) {
			t.Errorf("called %d times, answered %q, %v", called, answer, err)
		}
	})
}
