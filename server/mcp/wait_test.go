package mcp

import (
	"fmt"
	"testing"
	"time"
)

// TestEventWaitAnswersWithWhatArrives goes on from one answer to the next.
func TestEventWaitAnswersWithWhatArrives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := writerOf(t, dir)
	s := start(t, dir, "type:none", time.Hour)
	defer s.end()
	id := 10
	ask := func(arguments string) map[string]any {
		t.Helper()
		id++
		s.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"event_wait","arguments":%s}}`, id, arguments))
		m := s.next("an answer", func(m map[string]any) bool { return fmt.Sprint(m["id"]) == fmt.Sprint(id) })
		result, _ := m["result"].(map[string]any)
		structure, _ := result["structuredContent"].(map[string]any)
		return structure
	}
	cursor := ask(`{"timeout_s":0}`)["cursor"]
	for i := range 5 {
		file := fail(t, w, fmt.Sprintf("wake-%d", i))
		got := ask(fmt.Sprintf(`{"filter":"type:ci_failure","cursor":%q,"timeout_s":50}`, cursor))
		events, _ := got["events"].([]any)
		if len(events) != 1 || events[0].(map[string]any)["file"] != file || got["timed_out"] == true {
			t.Fatalf("waited for %s, got %v", file, got)
		}
		cursor = got["cursor"]
	}
}
