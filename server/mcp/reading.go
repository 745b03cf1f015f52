package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hookctl/hooks/tasks"
	"hookctl/logs"
)

// The keys of each operation's result that hold text from outside.
var (
	ofEvents  = keys("sender", "title", "branch", "workflow", "result", "url")
	ofRecord  = marker{maxPart, append([]string{"headers", "error", "payload", "sync"}, ofEvents.outside...)}
	ofCI      = keys("branch", "workflow", "url")
	ofSync    = keys("title", "body", "why")
	ofExplain = keys("result", "subject", "message", "context")
	ofOurs    = keys() // none: the operations of fleet clean them
)

// none are the arguments of a tool that takes none.
type none struct{}

// addReading adds the tools that change nothing.
func (f *face) addReading() {
	add(f, tool{name: "status", title: "Status of the receiver", logless: true,
		text: "Whether the receiver runs, what it received, and what agents were offered and never acknowledged."},
		f.status)
	add(f, tool{name: "ci", title: "State of CI",
		text: "The state of CI by repository, branch and workflow, from the log alone, what fails first: passing, failing, running or unknown."}, f.ci)
	add(f, tool{name: "events_search", title: "Search recorded events",
		text: "Recorded deliveries that match a filter, newest first. " + filterText}, f.search)
	add(f, tool{name: "event_view", title: "View one event",
		text: "One record with its payload, which is untrusted. A payload that is too long comes in parts: call again with the cursor."}, f.view)
	add(f, tool{name: "event_wait", title: "Wait for events",
		text: "Wait until events arrive that match a filter, at most 50 seconds, and return them oldest first. Call it again with the cursor of the last result: nothing is lost or repeated in between. " + filterText}, f.wait)
	add(f, tool{name: "deliveries_compare", title: "Compare deliveries with the log", abroad: true,
		text: "What GitHub tried to deliver to hooks in the last three days, beside what the log has of it."}, f.deliveries)
	add(f, tool{name: "hooks_list", title: "List hooks", abroad: true,
		text: "The hooks at GitHub of all known repositories, or of the given ones, each with its health, its warnings and their fixes."}, f.hooks)
	add(f, tool{name: "doctor", title: "Check every step of a delivery", abroad: true, logless: true,
		text: "Check every step of a delivery, from the login at GitHub to the agent that is notified. A check that is not ok has a fix."}, f.doctor)
	add(f, tool{name: "setup_plan", title: "Plan a setup", abroad: true,
		text: "What setting hooks up would change at GitHub, without changing anything. The hash is what setup_apply takes as confirm."}, f.planSetup)
	add(f, tool{name: "sync_list", title: "List what sync does", logless: true,
		text: "The issues that project sync keeps open for CI failures, merges and blocked tasks, what it suggests, and what it closed within 14 days."}, f.syncList)
	add(f, tool{name: "sync_preview", title: "Preview sync", abroad: true,
		text: "What project sync would do at GitHub for a record, with the log of a failed run. Nothing is written."}, f.syncPreview)
	add(f, tool{name: "test_dry_run", title: "Explain a payload", logless: true,
		text: "Which notifications a payload would cause, and why each rule matched or not. Nothing is recorded or sent."}, f.explain)
}

const filterText = `A filter is words that must all match: free text, or field:value with * and commas, ! before a word negates it. Fields: event action repo sender branch title conclusion result source id hook number type priority status verified payload since until. Example: type:ci_failure repo:octo-org/* since:1h`

func (f *face) status(ctx context.Context, c *call, _ none) (any, error) {
	state, err := c.w.State(ctx)
	if err != nil {
		return nil, err
	}
	return ofOurs.of(state)
}

type ciArguments struct {
	Repositories []string `json:"repositories,omitempty" jsonschema:"only these, as owner/repo; all if empty"`
	Branch       string   `json:"branch,omitempty" jsonschema:"only this branch"`
	Red          bool     `json:"red,omitempty" jsonschema:"only what fails"`
	page
}

func (f *face) ci(ctx context.Context, c *call, in ciArguments) (any, error) {
	states, err := c.log.CI(ctx, logs.CIQuery{Repositories: in.Repositories, Branch: in.Branch, Red: in.Red}, time.Now())
	return ofCI.list("ci", append([]logs.CIState{}, states...), in.page, err)
}

func (f *face) syncList(ctx context.Context, c *call, in page) (any, error) {
	items, err := c.w.Sync.List()
	return ofSync.list("items", items, in, err)
}

type previewArguments struct {
	File string `json:"file" jsonschema:"the record's file, its delivery's GUID, or latest"`
	page
}

func (f *face) syncPreview(ctx context.Context, c *call, in previewArguments) (any, error) {
	record, err := c.read(ctx, in.File)
	if err != nil {
		return nil, err
	}
	actions, why, err := c.w.Sync.Preview(ctx, tasks.Delivery{
		File: record.File, Event: record.EventType, Source: record.Source, ReceivedAt: record.ReceivedAt, Payload: record.Payload,
	})
	if err != nil {
		return nil, err
	}
	out, err := marker{maxPart, ofSync.outside}.pages("actions", append([]tasks.Action{}, actions...), in.page)
	if err != nil {
		return nil, err
	}
	out[untrusted] = map[string]any{"why_nothing": clean(why)}
	return out, nil
}

type explainArguments struct {
	Payload json.RawMessage `json:"payload" jsonschema:"the payload, as an object"`
	Event   string          `json:"event,omitempty" jsonschema:"its event; workflow_run if empty"`
}

func (f *face) explain(ctx context.Context, c *call, in explainArguments) (any, error) {
	x, err := c.w.Explain(in.Event, in.Payload)
	if err != nil {
		return nil, usageError{fmt.Errorf("explain the payload: %w", err)}
	}
	return ofExplain.of(x)
}
