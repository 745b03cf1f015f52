package server

import (
	"errors"
	"testing"

	"hookctl/server/route"
	"hookctl/server/sink"
)

func TestExplainSaysWhyEachRuleDidOrDidNotMatch(t *testing.T) {
	cfg := Config{
		Rules: route.Rules{WatchedBranches: []string{"main"}, Routes: []route.Route{{Event: "push", When: ".forced", Notify: "forced"}}},
		Sinks: []sink.Config{{Type: "aimaestro", URL: "http://127.0.0.1:23000", To: "orchestrator-amoa"}},
	}
	event, payload := sample(t, "push_main")
	x, err := Explain(cfg, "", event, payload)
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Sends) != 1 || x.Sends[0].Sink != "aimaestro" || x.Sends[0].To != "orchestrator-amoa" || x.Sends[0].Type != "push" {
		t.Errorf("%+v", x.Sends)
	}
	reasons := map[string]string{}
	for _, r := range x.Decision.Trace {
		reasons[r.Rule] = r.Reason
	}
	want := map[string]string{
		"routes[0] (push → forced)": "the condition is false",
		"workflow_run failed":       "the event is push, not workflow_run",
		"push to a watched branch":  `the branch "main" is watched`,
	}
	for rule, reason := range want {
		if reasons[rule] != reason {
			t.Errorf("%s: %q, want %q", rule, reasons[rule], reason)
		}
	}
	if _, err := Explain(cfg, "", "push", []byte("[]")); !errors.Is(err, route.ErrNotObject) {
		t.Errorf("error %v", err)
	}
}
