package mcp

import (
	"fmt"
	"testing"
	"time"
)

// wakeBound is what event_wait promises: the answer comes so soon after a record that matches. The log is looked through every two
// seconds besides, so an answer within the bound is one that the record itself woke.
const wakeBound = 200 * time.Millisecond

// TestEventWaitWakesAtOnce needs five wakes in a row within the bound. A machine that is busy with other things gets several tries.
func TestEventWaitWakesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := writerOf(t, dir)
	s := start(t, dir, "type:none", time.Hour)
	defer s.end()
	id := 10
	answer := func() map[string]any {
		t.Helper()
		m := s.next("an answer", func(m map[string]any) bool { return fmt.Sprint(m["id"]) == fmt.Sprint(id) })
		result, _ := m["result"].(map[string]any)
		structure, _ := result["structuredContent"].(map[string]any)
		return structure
	}
	ask := func(arguments string) {
		id++
		s.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"event_wait","arguments":%s}}`, id, arguments))
	}
	ask(`{"timeout_s":0}`)
	cursor := answer()["cursor"]
	var took []time.Duration
	for row, tries := 0, 0; row < 5; tries++ {
		if tries == 40 {
			t.Fatalf("it took %v", took)
		}
		ask(fmt.Sprintf(`{"filter":"type:ci_failure","cursor":%q,"timeout_s":50}`, cursor))
		file := fail(t, w, fmt.Sprintf("wake-%d", tries))
		began := time.Now()
		got := answer()
		took = append(took, time.Since(began))
		events, _ := got["events"].([]any)
		if len(events) != 1 || events[0].(map[string]any)["file"] != file || got["timed_out"] == true {
			t.Fatalf("waited for %s, got %v", file, got)
		}
		cursor = got["cursor"]
		if row++; took[len(took)-1] > wakeBound {
			row = 0
		}
	}
}
