package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// nodeModules names a directory with the client library of npm's @modelcontextprotocol/sdk in its node_modules. .ci/run prepares it.
const nodeModules = "HOOKCTL_TEST_MCP_SDK"

// TestClientOfAnotherLanguage lists and calls every tool with the official client library for JavaScript.
func TestClientOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	modules := os.Getenv(nodeModules)
	if modules == "" {
		t.Skipf("%s is not set to a directory in which npm install @modelcontextprotocol/sdk was run", nodeModules)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node")
	}
	script, err := filepath.Abs(filepath.Join("testdata", "client.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	h := setUpHouse(t)
	key := ""
	if problem := poll(func() string { // sync works behind the answer to GitHub
		items, _ := decoded(t, []byte(h.must(t, "sync list --json"))).([]any)
		if len(items) == 0 {
			return "sync suggests nothing"
		}
		key, _ = items[0].(map[string]any)["key"].(string)
		return ""
	}); problem != "" {
		t.Fatal(problem)
	}
	latest := arguments{"files": []string{"latest"}}
	type toolCall struct {
		Tool string    `json:"tool"`
		Args arguments `json:"args"`
	}
	calls := []toolCall{
		{"status", nil}, {"ci", nil}, {"events_search", nil}, {"event_view", arguments{"file": "latest"}}, {"event_wait", arguments{"timeout_s": 0}},
		{"deliveries_compare", nil}, {"hooks_list", nil}, {"doctor", nil}, {"setup_plan", nil}, {"sync_list", nil}, {"sync_preview", arguments{"file": "latest"}},
		{"test_dry_run", arguments{"event": "push", "payload": arguments{"ref": "refs/heads/main", "repository": arguments{"full_name": "o/r"}}}},
		{"setup_apply", nil}, {"rotate", arguments{"grace_s": 60}}, {"catchup", nil}, {"event_replay", latest}, {"event_resend", latest},
		{"hook_ping", arguments{"hook_id": strconv.FormatInt(h.hook("octo-org/widgets").ID, 10)}}, {"sync_apply", arguments{"key": key}}, {"events_ack", latest},
	}
	asJSON, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), storyPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script, modules, string(asJSON))
	cmd.Dir, cmd.Env = h.dir, h.env
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	var got struct {
		Name                      string
		Asked, Resources, Prompts int
		Tools                     []string
		Results                   []struct {
			Tool   string
			Failed bool
			Result map[string]any
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var called []string
	for _, r := range got.Results {
		called = append(called, r.Tool)
		if r.Failed || len(r.Result) == 0 {
			t.Errorf("%s: %v", r.Tool, r.Result)
		}
	}
	slices.Sort(called)
	slices.Sort(got.Tools)
	if got.Name != "hookctl" || !slices.Equal(called, got.Tools) || got.Asked != 2 || got.Resources == 0 || got.Prompts == 0 {
		t.Errorf("%s asked %d times, has the tools %v of which %v were called, %d resources and %d prompts", got.Name, got.Asked, got.Tools, called, got.Resources, got.Prompts)
	}
	if len(h.github.Issues("octo-org/widgets")) != 1 {
		t.Error("sync_apply made no issue")
	}
}
