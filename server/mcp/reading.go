package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
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

type targetArguments struct {
	Repositories []string `json:"repositories,omitempty" jsonschema:"only these, as owner/repo, or the name of an organization; all known ones if empty"`
}

// targets are those that the arguments name; nil for all that are known.
func (a targetArguments) targets(w *World) ([]hooks.Target, error) {
	if len(a.Repositories) == 0 {
		return nil, nil
	}
	client, err := w.Fleet.GitHub()
	if err != nil {
		return nil, err
	}
	var list []hooks.Target
	for _, name := range a.Repositories {
		t, err := client.ParseTarget(name)
		if err != nil {
			return nil, usageError{err}
		}
		list = append(list, t)
	}
	return list, nil
}

// ofOne are the arguments that name one repository, or all known ones if it is empty.
func ofOne(repository string) targetArguments {
	if repository == "" {
		return targetArguments{}
	}
	return targetArguments{[]string{repository}}
}

// parseID reads an id, which is a string in every argument and result.
func parseID(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return 0, usagef("not a valid id: %q", text.Cut(clean(id), 40))
	}
	return n, nil
}

type deliveriesArguments struct {
	Repository string `json:"repository,omitempty" jsonschema:"of the hooks, as owner/repo; all known ones if empty"`
	HookID     string `json:"hook_id,omitempty" jsonschema:"one hook; all of this receiver's if empty"`
	Failed     bool   `json:"failed,omitempty" jsonschema:"only deliveries that failed"`
	Missing    bool   `json:"missing,omitempty" jsonschema:"only deliveries that the log does not have"`
	page
}

func (f *face) deliveries(ctx context.Context, c *call, in deliveriesArguments) (any, error) {
	request := fleet.DeliveriesRequest{Query: hooks.DeliveryQuery{Since: time.Now().Add(-72 * time.Hour), Failed: in.Failed}, Missing: in.Missing}
	var err error
	if request.Targets, err = ofOne(in.Repository).targets(c.w); err != nil {
		return nil, err
	}
	if in.HookID != "" {
		hook, err := c.hook(ctx, in.HookID, request.Targets)
		if err != nil {
			return nil, err
		}
		request.Hooks = []hooks.Hook{hook.Hook}
	}
	sent, err := c.w.Fleet.Deliveries(ctx, request)
	return ofOurs.list("deliveries", sent, in.page, err)
}

// hook finds a hook by its id.
func (c *call) hook(ctx context.Context, id string, targets []hooks.Target) (fleet.Hook, error) {
	n, err := parseID(id)
	if err != nil {
		return fleet.Hook{}, err
	}
	return c.w.Fleet.Find(ctx, n, targets)
}

type hooksArguments struct {
	targetArguments
	page
}

func (f *face) hooks(ctx context.Context, c *call, in hooksArguments) (any, error) {
	targets, err := in.targets(c.w)
	if err != nil {
		return nil, err
	}
	all, err := c.w.Fleet.List(ctx, fleet.ListRequest{Targets: targets})
	return ofOurs.list("hooks", all, in.page, errors.Join(err, all.Err()))
}

func (f *face) doctor(ctx context.Context, c *call, in hooksArguments) (any, error) {
	report, config, err := c.w.Doctor()
	if err != nil {
		return nil, err
	}
	if config != nil {
		if config.Targets, err = in.targets(c.w); err != nil {
			return nil, err
		}
		if report, err = doctor.Run(ctx, *config, nil); err != nil {
			f.cfg.Logger.Warn("run the checks", "error", err) // the report is complete anyway
		}
	}
	out, err := ofOurs.pages("checks", report.Checks, in.page)
	if err != nil {
		return nil, err
	}
	worst := doctor.OK
	for _, c := range report.Checks {
		if c.Status == doctor.Fail || c.Status == doctor.Warn && worst == doctor.OK {
			worst = c.Status
		}
	}
	out["status"] = worst
	return out, nil
}

type setupArguments struct {
	targetArguments
	URL         string   `json:"url,omitempty" jsonschema:"public URL of the receiver; that of the settings if empty"`
	Path        string   `json:"path,omitempty" jsonschema:"deliver to /webhook/<path>"`
	Events      []string `json:"events,omitempty" jsonschema:"events to subscribe to; the usual ones if empty, and a hook that is there keeps its own"`
	Adopt       bool     `json:"adopt,omitempty" jsonschema:"take over hooks that were moved to another URL"`
	Unreachable bool     `json:"allow_unreachable,omitempty" jsonschema:"accept a URL that GitHub cannot reach from the internet"`
	page
}

// plan looks at what a setup would change.
func (a setupArguments) plan(ctx context.Context, w *World) (fleet.SetupPlan, error) {
	targets, err := a.targets(w)
	if err != nil {
		return fleet.SetupPlan{}, err
	}
	plan, err := w.Fleet.PlanSetup(ctx, fleet.SetupRequest{
		Targets: targets, URL: a.URL, Path: a.Path, Events: a.Events, Adopt: a.Adopt, AllowUnreachable: a.Unreachable,
	})
	if errors.Is(err, hooks.ErrURL) || errors.Is(err, hooks.ErrNotPublic) {
		err = usageError{err}
	}
	return plan, err
}

func (f *face) planSetup(ctx context.Context, c *call, in setupArguments) (any, error) {
	plan, err := in.plan(ctx, c.w)
	if err != nil {
		return nil, err
	}
	return planned(plan, in.page, plan.Err())
}

// planned is a plan beside the error that says why it is not carried out, nil for none.
func planned(plan fleet.SetupPlan, at page, failed error) (any, error) {
	out, err := ofOurs.pages("plan", plan, at)
	if err != nil {
		return nil, err
	}
	out["hash"], out["changes"], out["warnings"] = hashOfSetup(plan), plan.Changes(), append([]hooks.Warning{}, plan.Warnings...)
	return out, failed
}
