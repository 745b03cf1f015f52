package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
)

// The keys of each operation's result that hold text from outside.
var (
	ofEvents  = []string{"sender", "title", "branch", "workflow", "result", "url"}
	ofRecord  = append([]string{"headers", "error", "payload", "sync"}, ofEvents...)
	ofCI      = []string{"branch", "workflow", "url"}
	ofSync    = []string{"title", "body", "why"}
	ofExplain = []string{"result", "subject", "message", "context"}
)

// none are the arguments of a tool that takes none.
type none struct{}

// addReading adds the tools that change nothing.
func (f *face) addReading() {
	add(f, tool{name: "status", title: "Status of the receiver",
		text: "Whether the receiver runs, what it received, and what agents were offered and never acknowledged."},
		func(ctx context.Context, _ *call, _ none) (any, error) { return f.status(ctx) })
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
	add(f, tool{name: "doctor", title: "Check every step of a delivery", abroad: true,
		text: "Check every step of a delivery, from the login at GitHub to the agent that is notified. A check that is not ok has a fix."}, f.doctor)
	add(f, tool{name: "setup_plan", title: "Plan a setup", abroad: true,
		text: "What setting hooks up would change at GitHub, without changing anything. The hash is what setup_apply takes as confirm."}, f.planSetup)
	add(f, tool{name: "sync_list", title: "List what sync does",
		text: "The issues that project sync keeps open for CI failures, merges and blocked tasks, what it suggests, and what it closed within 14 days."}, f.syncList)
	add(f, tool{name: "sync_preview", title: "Preview sync", abroad: true,
		text: "What project sync would do at GitHub for a record, with the log of a failed run. Nothing is written."}, f.syncPreview)
	add(f, tool{name: "test_dry_run", title: "Explain a payload",
		text: "Which notifications a payload would cause, and why each rule matched or not. Nothing is recorded or sent."}, f.explain)
}

const filterText = `A filter is words that must all match: free text, or field:value with * and commas, ! before a word negates it. Fields: event action repo sender branch title conclusion result source id hook number type priority status verified payload since until. Example: type:ci_failure repo:octo-org/* since:1h`

func (f *face) status(ctx context.Context) (any, error) {
	w, err := f.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := plain(state)
	return mark(shown), err
}

type ciArguments struct {
	Repositories []string `json:"repositories,omitempty" jsonschema:"only these, as owner/repo; all if empty"`
	Branch       string   `json:"branch,omitempty" jsonschema:"only this branch"`
	Red          bool     `json:"red,omitempty" jsonschema:"only what fails"`
	page
}

func (f *face) ci(ctx context.Context, _ *call, in ciArguments) (any, error) {
	_, log, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	states, err := log.CI(ctx, logs.CIQuery{Repositories: in.Repositories, Branch: in.Branch, Red: in.Red}, time.Now())
	if err != nil {
		return nil, err
	}
	return inPages("ci", append([]logs.CIState{}, states...), in.page, ofCI...)
}

type searchArguments struct {
	Filter string `json:"filter,omitempty" jsonschema:"which events; all if empty"`
	page
}

// rowsInResult is how many events a result has where no limit is given.
const rowsInResult = 20

func (f *face) search(ctx context.Context, _ *call, in searchArguments) (any, error) {
	w, log, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	query := logs.Query{Limit: in.Limit}
	if query.Limit <= 0 {
		query.Limit = rowsInResult
	}
	query.Limit = min(query.Limit, maxRows)
	if query.Filter, err = w.ParseFilter(in.Filter); err != nil {
		return nil, usageError{err}
	}
	if query.Cursor, err = logs.ParseCursor(in.Cursor); err != nil {
		return nil, usageError{err}
	}
	found, err := log.Page(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(found.Entries, ofEvents...)
	if err != nil {
		return nil, err
	}
	n, next := fitting(rows, query.Limit), ""
	if n < len(rows) || found.HasOlder {
		next = found.Entries[n-1].Cursor().String()
	}
	return map[string]any{"events": append([]any{}, rows[:n]...), "cursor": next}, nil
}

type viewArguments struct {
	File   string `json:"file" jsonschema:"the record's file, its delivery's GUID, or latest"`
	Cursor string `json:"cursor,omitempty" jsonschema:"the cursor of the last result, for the next part of a long payload"`
	Log    bool   `json:"log,omitempty" jsonschema:"also the failed jobs of a workflow run and the ends of their logs, from GitHub, under untrusted.failure"`
}

func (f *face) view(ctx context.Context, _ *call, in viewArguments) (any, error) {
	w, log, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return f.record(ctx, w, log, in)
}

// record is one record as `events view` prints it, its payload in parts where it is long.
func (f *face) record(ctx context.Context, w *World, log *logs.Log, in viewArguments) (any, error) {
	from := 0
	if in.Cursor != "" {
		n, err := strconv.Atoi(in.Cursor)
		if err != nil || n < 0 {
			return nil, usagef("not a cursor of an earlier result: %q", text.Cut(clean(in.Cursor), 40))
		}
		from = n
	}
	file, err := log.Resolve(ctx, in.File)
	if err != nil {
		return nil, missing(err)
	}
	record, err := log.Read(ctx, file)
	if err != nil {
		return nil, missing(err)
	}
	payload := record.Payload
	if from > len(payload) {
		return nil, usagef("the payload has %d bytes and no part at %d", len(payload), from)
	}
	whole := from == 0 && len(payload) <= maxPart
	if !whole {
		record.Payload = nil
	}
	shown, err := plain(record)
	if err != nil {
		return nil, err
	}
	out, _ := marker{ofRecord, maxPart}.walk("", shown, true).(map[string]any)
	out["file"], out["cursor"] = file, ""
	moved, _ := out[untrusted].(map[string]any)
	if in.Log {
		failure, err := failureOf(ctx, w, record.EventType, payload)
		if err != nil {
			return nil, err
		}
		moved["failure"] = failure
	}
	if !whole {
		to := min(len(payload), from+maxPart)
		for to < len(payload) && to > from && !utf8.RuneStart(payload[to]) {
			to--
		}
		moved["payload_part"] = server.ForAgent(string(payload[from:to]), maxPart)
		out["payload_size"] = len(payload)
		if to < len(payload) {
			out["cursor"] = strconv.Itoa(to)
		}
	}
	return out, nil
}

// failureOf is what GitHub says of the failed jobs of a run, which is untrusted as a whole.
func failureOf(ctx context.Context, w *World, event string, payload []byte) (any, error) {
	var about struct {
		Run struct {
			ID      int64 `json:"id"`
			Attempt int64 `json:"run_attempt"`
		} `json:"workflow_run"`
		Repository struct {
			Name string `json:"full_name"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(payload, &about); err != nil || event != "workflow_run" || about.Run.ID == 0 {
		return nil, usagef("only a workflow_run has logs, and this is a %s", clean(event))
	}
	target, err := hooks.ParseTarget(about.Repository.Name)
	if err != nil {
		return nil, err
	}
	failure, err := w.Failure(ctx, tasks.Run{Repository: target, ID: about.Run.ID, Attempt: about.Run.Attempt})
	if err != nil {
		return nil, err
	}
	size := maxPart // of all logs together: the end of one says most
	for i := range failure.Jobs {
		lines := failure.Jobs[i].Log.Lines
		from := len(lines)
		for from > 0 && size > len(lines[from-1]) {
			from--
			size -= len(lines[from]) + 1
		}
		failure.Jobs[i].Log.Lines, failure.Jobs[i].Log.Cut = append([]string{}, lines[from:]...), failure.Jobs[i].Log.Cut || from > 0
	}
	shown, err := plain(failure)
	return marker{limit: maxString}.walk("", shown, false), err
}

// missing adds to an error about a record how to find one.
func missing(err error) error {
	if errors.Is(err, logs.ErrEmpty) || errors.Is(err, logs.ErrNotFound) {
		return hooks.WithCure(err, "find records with events_search")
	}
	return err
}

type waitArguments struct {
	Filter  string `json:"filter,omitempty" jsonschema:"which events; all if empty"`
	Timeout *int   `json:"timeout_s,omitempty" jsonschema:"how many seconds to wait, at most 50; 50 if not given"`
	page
}

// maxWait is how long event_wait blocks: clients give up on a call after a minute.
const maxWait = 50

func (f *face) wait(ctx context.Context, _ *call, in waitArguments) (any, error) {
	seconds := maxWait
	if in.Timeout != nil {
		seconds = *in.Timeout
	}
	if seconds < 0 || seconds > maxWait {
		return nil, usagef("timeout_s must be 0 to %d: %d", maxWait, seconds)
	}
	request := logs.WaitRequest{Since: time.Now(), Count: 1, Limit: min(max(in.Limit, 0), maxRows)}
	if request.Limit == 0 {
		request.Limit = rowsInResult
	}
	w, log, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	if request.Filter, err = w.ParseFilter(in.Filter); err != nil {
		return nil, usageError{err}
	}
	if request.After, err = logs.ParseMark(in.Cursor); err != nil {
		return nil, usageError{err}
	}
	waiting, stop := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer stop()
	found, err := log.Wait(waiting, request)
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !late {
		return nil, err
	}
	rows, err := rowsOf(append([]logs.Entry{}, found.Entries...), ofEvents...)
	return map[string]any{"events": rows, "cursor": found.Next.String(), "timed_out": late}, err
}

type targetArguments struct {
	Repositories []string `json:"repositories,omitempty" jsonschema:"only these, as owner/repo, or the name of an organisation; all known ones if empty"`
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

func (f *face) deliveries(ctx context.Context, _ *call, in deliveriesArguments) (any, error) {
	w, _, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	request := fleet.DeliveriesRequest{Query: hooks.DeliveryQuery{Since: time.Now().Add(-72 * time.Hour), Failed: in.Failed}, Missing: in.Missing}
	if in.Repository != "" {
		if request.Targets, err = (targetArguments{[]string{in.Repository}}).targets(w); err != nil {
			return nil, err
		}
	}
	if in.HookID != "" {
		hook, err := f.hook(ctx, w, in.HookID, request.Targets)
		if err != nil {
			return nil, err
		}
		request.Hooks = []hooks.Hook{hook.Hook}
	}
	sent, err := w.Fleet.Deliveries(ctx, request)
	if sent == nil {
		return nil, err
	}
	out, shapeErr := inPages("deliveries", sent, in.page)
	return out, errors.Join(err, shapeErr)
}

// hook finds a hook by its id.
func (f *face) hook(ctx context.Context, w *World, id string, targets []hooks.Target) (fleet.Hook, error) {
	n, err := parseID(id)
	if err != nil {
		return fleet.Hook{}, err
	}
	return w.Fleet.Find(ctx, fleet.FindRequest{ID: n, Targets: targets})
}

type hooksArguments struct {
	targetArguments
	page
}

func (f *face) hooks(ctx context.Context, _ *call, in hooksArguments) (any, error) {
	w, _, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := in.targets(w)
	if err != nil {
		return nil, err
	}
	all, err := w.Fleet.List(ctx, fleet.ListRequest{Targets: targets})
	if err = errors.Join(err, all.Err()); err != nil && len(all.Hooks) == 0 {
		return nil, err
	}
	out, shapeErr := inPages("hooks", all, in.page)
	return out, errors.Join(err, shapeErr)
}

func (f *face) doctor(ctx context.Context, _ *call, in hooksArguments) (any, error) {
	w, err := f.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	report, config, err := w.Doctor()
	if err != nil {
		return nil, err
	}
	if config != nil {
		if config.Targets, err = in.targets(w); err != nil {
			return nil, err
		}
		if report, err = doctor.Run(ctx, *config, nil); err != nil {
			f.cfg.Logger.Warn("run the checks", "error", err) // the report is complete anyway
		}
	}
	out, err := inPages("checks", report.Checks, in.page)
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

func (f *face) planSetup(ctx context.Context, _ *call, in setupArguments) (any, error) {
	w, _, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := in.plan(ctx, w)
	if err != nil {
		return nil, err
	}
	out, err := inPages("plan", plan, in.page)
	if err != nil {
		return nil, err
	}
	out["hash"], out["changes"], out["warnings"] = hashOfSetup(plan), plan.Changes(), warningsOf(plan.Warnings)
	return out, plan.Err()
}

func (f *face) syncList(ctx context.Context, _ *call, in page) (any, error) {
	w, err := f.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	items, err := w.Sync.List()
	if err != nil {
		return nil, err
	}
	return inPages("items", items, in, ofSync...)
}

type previewArguments struct {
	File string `json:"file" jsonschema:"the record's file, its delivery's GUID, or latest"`
	page
}

func (f *face) syncPreview(ctx context.Context, _ *call, in previewArguments) (any, error) {
	w, log, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	file, err := log.Resolve(ctx, in.File)
	if err != nil {
		return nil, missing(err)
	}
	record, err := log.Read(ctx, file)
	if err != nil {
		return nil, missing(err)
	}
	actions, why, err := w.Sync.Preview(ctx, tasks.Delivery{
		File: record.File, Event: record.EventType, Source: record.Source, ReceivedAt: record.ReceivedAt, Payload: record.Payload,
	})
	if err != nil {
		return nil, err
	}
	shown, err := plain(append([]tasks.Action{}, actions...))
	if err != nil {
		return nil, err
	}
	rows, _ := marker{ofSync, maxPart}.walk("", shown, true).([]any)
	l, err := paged(rows, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return map[string]any{"actions": l.rows, "cursor": l.next, "total": len(rows), untrusted: map[string]any{"why_nothing": clean(why)}}, nil
}

type explainArguments struct {
	Payload json.RawMessage `json:"payload" jsonschema:"the payload, as an object"`
	Event   string          `json:"event,omitempty" jsonschema:"its event; workflow_run if empty"`
}

func (f *face) explain(ctx context.Context, _ *call, in explainArguments) (any, error) {
	w, err := f.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	x, err := w.Explain(in.Event, in.Payload)
	if err != nil {
		return nil, usageError{fmt.Errorf("explain the payload: %w", err)}
	}
	shown, err := plain(x)
	return mark(shown, ofExplain...), err
}
