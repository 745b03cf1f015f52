package mcp

import (
	"context"
	"errors"
	"strconv"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
)

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
	return c.w.Fleet.Find(ctx, fleet.FindRequest{ID: n, Targets: targets})
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
