package mcp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/fleet"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// addWriting adds the tools that change something.
func (f *face) addWriting() {
	add(f, tool{name: "setup_apply", title: "Set hooks up", writes: true, destroys: true, repeats: true, abroad: true,
		text: "Set hooks up and verify that a signed ping of each arrives. It generates the secret and starts the receiver where needed. The user is asked first; a client that cannot ask passes the hash of setup_plan as confirm."}, f.setup)
	add(f, tool{name: "rotate", title: "Rotate the secret", writes: true, destroys: true, abroad: true,
		text: "Change the secret of hooks without losing a delivery, or resume, undo or finish a rotation. The user is asked first; a client that cannot ask gets a hash to pass as confirm."}, f.rotate)
	add(f, tool{name: "catchup", title: "Fetch missed deliveries", writes: true, repeats: true, abroad: true,
		text: "Fetch from GitHub what never arrived, record it and send its notifications."}, f.catchUp)
	add(f, tool{name: "event_replay", title: "Replay an event", writes: true,
		text: "Route a record again as if it had just arrived, as a new record."}, f.replay)
	add(f, tool{name: "event_resend", title: "Resend notifications", writes: true,
		text: "Send the notifications of a record again: those that failed or, where none did, all."}, f.resend)
	add(f, tool{name: "hook_ping", title: "Ping a hook", writes: true, abroad: true,
		text: "Ask GitHub to send a ping to a hook. Wait for it with event_wait and the filter event:ping."}, f.ping)
	add(f, tool{name: "sync_apply", title: "Apply what sync suggests", logless: true, writes: true, repeats: true, abroad: true,
		text: "Do at GitHub what project sync suggests, or try again what failed. See sync_list for the keys, and sync_preview for what it writes."}, f.syncApply)
	add(f, tool{name: "events_ack", title: "Acknowledge events", writes: true, repeats: true,
		text: "Acknowledge records that were offered through the channel, so that they are not offered again."}, f.acknowledge)
}

type applyArguments struct {
	setupArguments
	Confirm string `json:"confirm,omitempty" jsonschema:"the hash of the plan, from a client that cannot ask the user"`
}

func (f *face) setup(ctx context.Context, c *call, in applyArguments) (any, error) {
	plan, err := in.plan(ctx, c.w)
	if err == nil && !plan.Able() {
		err = plan.Err()
	}
	if err != nil {
		return nil, err
	}
	asked, err := c.confirmed(questionOfSetup(plan), hashOfSetup(plan), in.Confirm)
	if asked {
		return nil, nil
	}
	if err != nil {
		return planned(plan, page{}, err)
	}
	report, err := c.w.Fleet.Setup(ctx, plan, nil)
	for _, r := range report.Results {
		err = errors.Join(err, r.Err)
	}
	return ofOurs.list("results", report, in.page, err)
}

type rotateArguments struct {
	Action string `json:"action,omitempty" jsonschema:"rotate, resume, undo or finish; rotate if empty"`
	targetArguments
	HookIDs []string `json:"hook_ids,omitempty" jsonschema:"only these hooks; all of this receiver's if empty"`
	Grace   *int     `json:"grace_s,omitempty" jsonschema:"for how many seconds the old secret is still accepted; an hour if not given"`
	Confirm string   `json:"confirm,omitempty" jsonschema:"the hash of the plan, from a client that cannot ask the user"`
}

func (f *face) rotate(ctx context.Context, c *call, in rotateArguments) (any, error) {
	var plan fleet.RotatePlan
	turns := map[string]func() (fleet.RotateReport, error){
		"rotate": func() (fleet.RotateReport, error) { return c.w.Fleet.Rotate(ctx, plan, nil) },
		"resume": func() (fleet.RotateReport, error) { return c.w.Fleet.Resume(ctx, nil) },
		"undo":   func() (fleet.RotateReport, error) { return c.w.Fleet.Undo(ctx, nil) },
		"finish": func() (fleet.RotateReport, error) { return c.w.Fleet.Finish(ctx, nil) },
	}
	action := cmp.Or(in.Action, "rotate")
	turn, known := turns[action]
	switch chosen := len(in.Repositories)+len(in.HookIDs) > 0 || in.Grace != nil; {
	case !known:
		return nil, usagef("action must be rotate, resume, undo or finish: %q", clean(action))
	case action != "rotate" && chosen:
		return nil, usagef("%s works on the current rotation: give no repositories, hook_ids or grace_s", action)
	}
	if action == "rotate" {
		var err error
		if plan, err = in.plan(ctx, c.w); err != nil {
			return nil, err
		}
	}
	question, hash := questionOfRotation(action, plan), hashOfRotation(action, plan)
	asked, err := c.confirmed(question, hash, in.Confirm)
	if asked {
		return nil, nil
	}
	if err != nil {
		return map[string]any{"question": question, "hash": hash}, err
	}
	report, err := turn()
	if err != nil && len(report.Hooks) == 0 {
		return nil, err
	}
	if err == nil && report.Failed() {
		err = hooks.WithCure(errors.New("not every hook has the new secret; see hooks and aside"), report.Next)
	}
	out, shapeErr := ofOurs.object(report)
	if rows, is := out["hooks"].([]any); is { // those that are done are counted only, where there are many
		n := fitting(rows, maxRows)
		out["hooks"], out["total"] = rows[:n], len(rows)
	}
	return out, errors.Join(err, shapeErr)
}

// plan looks at what a rotation would change.
func (a rotateArguments) plan(ctx context.Context, w *World) (fleet.RotatePlan, error) {
	request := fleet.RotateRequest{}
	var err error
	if request.Targets, err = a.targets(w); err != nil {
		return fleet.RotatePlan{}, err
	}
	for _, id := range a.HookIDs {
		n, err := parseID(id)
		if err != nil {
			return fleet.RotatePlan{}, err
		}
		request.IDs = append(request.IDs, n)
	}
	if a.Grace != nil {
		if *a.Grace < 0 {
			return fleet.RotatePlan{}, usagef("grace_s must not be negative: %d", *a.Grace)
		}
		if request.Grace = time.Duration(*a.Grace) * time.Second; request.Grace == 0 {
			request.Grace = -1 // none
		}
	}
	return w.Fleet.PlanRotation(ctx, request)
}

type catchUpArguments struct {
	targetArguments
	Events []string `json:"events,omitempty" jsonschema:"only events of these names"`
	DryRun bool     `json:"dry_run,omitempty" jsonschema:"only show what is missing"`
	page
}

func (f *face) catchUp(ctx context.Context, c *call, in catchUpArguments) (any, error) {
	targets, err := in.targets(c.w)
	if err != nil {
		return nil, err
	}
	report, err := c.w.CatchUp(ctx, fleet.CatchUpRequest{Targets: targets, Events: in.Events, DryRun: in.DryRun})
	return ofOurs.list("events", report, in.page, err)
}

type filesArguments struct {
	Files []string `json:"files" jsonschema:"the records' files, their deliveries' GUIDs, or latest"`
}

// resolved are the files that the arguments name.
func (a filesArguments) resolved(ctx context.Context, log *logs.Log) ([]string, error) {
	if len(a.Files) == 0 || len(a.Files) > maxRows {
		return nil, usagef("files must name 1 to %d records", maxRows)
	}
	files := []string{}
	for _, name := range a.Files {
		file, err := resolve(ctx, log, name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (f *face) replay(ctx context.Context, c *call, in filesArguments) (any, error) {
	return c.onRecords(ctx, "replayed", in, c.w.Replay)
}

func (f *face) resend(ctx context.Context, c *call, in filesArguments) (any, error) {
	return c.onRecords(ctx, "resent", in, c.w.Resend)
}

// onRecords has the running receiver do something to records.
func (c *call) onRecords(ctx context.Context, verb string, in filesArguments, act func(context.Context, []string) (int, error)) (any, error) {
	files, err := in.resolved(ctx, c.log)
	if err != nil {
		return nil, err
	}
	n, err := act(ctx, files)
	if err != nil {
		return nil, err
	}
	return map[string]int{verb: n}, nil
}

type pingArguments struct {
	HookID     string `json:"hook_id" jsonschema:"the hook, see hooks_list"`
	Repository string `json:"repository,omitempty" jsonschema:"where the hook is, as owner/repo; found if empty"`
}

func (f *face) ping(ctx context.Context, c *call, in pingArguments) (any, error) {
	targets, err := ofOne(in.Repository).targets(c.w)
	if err != nil {
		return nil, err
	}
	hook, err := c.hook(ctx, in.HookID, targets)
	if err != nil {
		return nil, err
	}
	if err := c.w.Fleet.Ping(ctx, hook.Hook); err != nil {
		return nil, err
	}
	return ofOurs.of(fleet.Asked{Repository: hook.Target.String(), HookID: hook.ID, Asked: 1})
}

type applySyncArguments struct {
	Key string `json:"key" jsonschema:"a key of sync_list; its first characters are enough"`
}

func (f *face) syncApply(ctx context.Context, c *call, in applySyncArguments) (any, error) {
	if _, err := c.w.Sync.Find(in.Key); err != nil {
		return nil, err
	}
	done, err := c.w.ApplySync(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	if done.Error != "" {
		err = hooks.WithCure(errors.New("not all of it was done: "+done.Error), done.Hint)
	}
	out, shapeErr := keys("text").of(done)
	return out, errors.Join(err, shapeErr)
}

func (f *face) acknowledge(ctx context.Context, c *call, in filesArguments) (any, error) {
	files, err := in.resolved(ctx, c.log)
	if err != nil {
		return nil, err
	}
	done, err := c.log.Acknowledge(ctx, files...)
	return ofOurs.list("acknowledged", done, page{}, missing(err))
}

// confirmError says that nothing was done, because nobody has agreed to the plan.
type confirmError struct {
	code string // confirm_required, plan_changed or cancelled
	hash string
}

func (e *confirmError) Error() string {
	switch e.code {
	case "plan_changed":
		return "the plan is no longer the one that was confirmed; nothing was changed"
	case "cancelled":
		return "the user did not agree; nothing was changed"
	}
	return "this changes hooks at GitHub and needs a confirmation; nothing was changed"
}

// Hint is how to go on.
func (e *confirmError) Hint() string {
	if e.code == "cancelled" {
		return ""
	}
	return "show the plan to the user; if they agree, call again with confirm: " + e.hash
}

// hashOf names a plan by what it does.
func hashOf(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:8])
}

// hashOfSetup names a plan of setup. The fingerprint of a secret is not in it: a new secret is another one each time.
func hashOfSetup(p fleet.SetupPlan) string {
	var parts []any
	for _, i := range p.Items {
		parts = append(parts, fmt.Sprintf("%q %q %d %q %q %t", i.Target, i.Action, i.HookID, p.URL, i.Events, i.Paused))
		for _, c := range i.Changes {
			if c.Field == "secret" {
				c.To = ""
			}
			parts = append(parts, fmt.Sprintf("%q", c))
		}
	}
	return hashOf(parts...)
}

// hashOfRotation names a plan of a rotation, or what else is done to one.
func hashOfRotation(action string, p fleet.RotatePlan) string {
	parts := []any{action, p.Resume, p.PerHook, p.Grace}
	for _, h := range p.Hooks {
		parts = append(parts, fmt.Sprintf("%d %q", h.ID, h.Target))
	}
	return hashOf(parts...)
}

// answerName names the one question of a call among the client's answers.
const answerName = "confirm"

// confirmed returns nil once the user has agreed to the plan of a hash. A client that can ask its user is made to, whatever it passes as
// confirm, and the call comes back with the answer; then c.ask is set. Any other has to pass the hash.
func (c *call) confirmed(question, hash, confirm string) (asked bool, err error) {
	if confirm != "" && confirm != hash {
		return false, &confirmError{"plan_changed", hash}
	}
	if answer, given := c.Params.InputResponses[answerName]; given {
		result, is := answer.(*mcp.ElicitResult)
		switch {
		case !is || result.Action != "accept":
			return false, &confirmError{"cancelled", hash}
		case c.Params.RequestState != hash:
			return false, &confirmError{"plan_changed", hash}
		}
		return false, nil
	}
	if !c.canAsk() {
		if confirm == hash {
			return false, nil
		}
		return false, &confirmError{"confirm_required", hash}
	}
	c.ask = &mcp.CallToolResult{
		RequestState: hash,
		InputRequests: mcp.InputRequestMap{answerName: &mcp.ElicitParams{
			Mode: "form", Message: text.Cut(question, 4*maxString),
			RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{}},
		}},
	}
	return true, nil
}

// canAsk reports whether the client can put a question to its user.
func (c *call) canAsk() bool {
	p := c.Session.InitializeParams()
	if p == nil || p.Capabilities == nil || p.Capabilities.Elicitation == nil {
		return false
	}
	able := p.Capabilities.Elicitation
	return able.Form != nil || able.URL == nil // neither is how older clients promise the form
}

// questionOfSetup is a plan of setup as the user is asked about it.
func questionOfSetup(p fleet.SetupPlan) string {
	return "hookctl wants to set up webhooks:\n" + clean(p.String()) + "\nContinue?"
}

// questionOfRotation is what the user is asked about a rotation.
func questionOfRotation(action string, p fleet.RotatePlan) string {
	switch action {
	case "undo":
		return "hookctl wants to give every hook its old secret back. Continue?"
	case "finish":
		return "hookctl wants to end the rotation: failed hooks and the rest of the grace period are dropped. Continue?"
	}
	if p.Resume || action == "resume" {
		return "hookctl wants to continue the rotation that is under way. Continue?"
	}
	lines := []string{fmt.Sprintf("hookctl wants to change the secret of %s; the old one is accepted for another %s:", text.Count(len(p.Hooks), "hook"), p.Grace)}
	for i, h := range p.Hooks {
		if i == 20 {
			lines = append(lines, fmt.Sprintf("and %d more", len(p.Hooks)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s, hook %d", h.Target, h.ID))
	}
	return strings.Join(append(lines, "Continue?"), "\n")
}
