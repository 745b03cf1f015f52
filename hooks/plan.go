package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// SetupRequest says which hooks are to exist. It prints itself without the secret.
type SetupRequest struct {
	Targets     []Target
	URL         string
	Events      []string // asked for; nil keeps those of a hook that is there
	NewEvents   []string // of a new hook where Events is nil; [DefaultEvents] if empty
	Also        []string // every hook has these besides; one that has all events has them
	Secret      string   // what every hook is to sign with
	Variable    string   // holds Secret where Calls are pasted; [secret.Variable] if empty
	Active      bool     // of a new hook; false also pauses one that is there, and true leaves a paused one so
	InsecureSSL bool
	// Ours reports whether a hook leads to this receiver; such a hook is taken instead of creating a second. Nil takes one that
	// sends to URL.
	Ours func(Hook) bool
	Wait time.Duration // for the proof of one hook; [DefaultWait] if zero
	// OwnSecret returns the secret that a hook has for itself, "" for one that shares Secret, as
	// [secret.Store.HookSecret] does. Nil where all share it.
	OwnSecret func(hookID int64) (string, error)
}

// String names the secret by fingerprint.
func (r SetupRequest) String() string {
	return fmt.Sprintf("hooks of %d targets to %s, secret %s", len(r.Targets), r.URL, secret.Fingerprint(r.Secret))
}

// GoString is String.
func (r SetupRequest) GoString() string { return r.String() }

// MarshalJSON writes the fingerprint in the secret's place.
func (r SetupRequest) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// What a plan does with a target.
const (
	ActionCreate = "create"
	ActionUpdate = "update"
	ActionKeep   = "keep"
	ActionFail   = "fail" // it could not be looked at; see Err
)

// SetupPlan is what setup would do, worked out by looking only. Print it with String, as JSON, or with Calls.
type SetupPlan struct {
	URL   string
	Items []SetupItem
	req   SetupRequest
	host  string
}

// SetupItem is the plan for one target.
type SetupItem struct {
	Target   Target
	Asked    Target // as the request names it: another one where it was renamed since
	Action   string // one of the Action constants
	HookID   int64  // 0 for a hook that does not exist yet
	Events   []string
	Paused   bool          // the hook sends nothing, and goes on so
	Changes  []FieldChange // for an update
	Warnings []Warning
	Err      error // for a failure
}

// FieldChange is one setting that differs.
type FieldChange struct {
	Field string `json:"field"` // url, events, active, content_type, insecure_ssl or secret
	From  string `json:"from"`
	To    string `json:"to"`
}

// PlanSetup looks at the hooks of every target and says what is to be created, changed or left alone. A target that
// cannot be looked at is a failed item and does not stop the others; the error is about the request itself.
func (c *Client) PlanSetup(ctx context.Context, r SetupRequest) (SetupPlan, error) {
	if len(r.NewEvents) == 0 {
		r.NewEvents = DefaultEvents()
	}
	if len(r.Events) > 0 {
		r.NewEvents = r.Events
	}
	if r.Ours == nil {
		r.Ours = func(h Hook) bool { return SameURL(h.URL, r.URL) }
	}
	r.Wait = cmp.Or(r.Wait, DefaultWait)
	if slices.Contains(r.NewEvents, "*") {
		r.Also = nil
	}
	r.NewEvents = both(r.NewEvents, r.Also)
	if len(r.Events) > 0 {
		r.Events = r.NewEvents
	}
	if _, err := parseURL(r.URL); err != nil {
		return SetupPlan{}, err
	}
	if r.Secret == "" {
		return SetupPlan{}, &Error{Op: "plan setup", Message: "no secret is set", Cure: "run: hookctl secret generate"}
	}
	if len(r.Targets) == 0 {
		return SetupPlan{}, &Error{Op: "plan setup", Message: "no repository was given", Cure: "name one: -R owner/repo"}
	}
	targets := make([]Target, 0, len(r.Targets))
	seen := make(map[string]bool)
	for _, t := range r.Targets {
		// Two setups of one repository at the same time would create two hooks.
		if key := strings.ToLower(t.String()); !seen[key] {
			seen[key] = true
			targets = append(targets, t)
		}
	}
	plan := SetupPlan{URL: r.URL, req: r, host: c.host, Items: make([]SetupItem, len(targets))}
	each(len(targets), c.limits.Concurrent, func(i int) { plan.Items[i] = c.planOne(ctx, r, targets[i]) })
	return plan, ctx.Err()
}

// each runs work for 0 to n-1, a few at a time, and returns when all of it is done. After a context has ended the rest
// is still run, and sees that for itself, so that every result says what became of it.
func each(n, atOnce int, work func(int)) {
	var group errgroup.Group
	group.SetLimit(max(1, atOnce))
	for i := range n {
		group.Go(func() error {
			work(i)
			return nil
		})
	}
	_ = group.Wait() // the work keeps its errors
}

func (c *Client) planOne(ctx context.Context, r SetupRequest, t Target) SetupItem {
	item := SetupItem{Target: t, Asked: t, Action: ActionCreate, Events: r.NewEvents}
	list, err := c.List(ctx, t)
	if err != nil {
		item.Action, item.Err = ActionFail, err
		return item
	}
	if len(list) > 0 {
		item.renamed(list[0].Target)
	}
	ours := slices.DeleteFunc(list, func(h Hook) bool { return h.Name != "web" || !r.Ours(h) })
	at := best(ours, r.URL)
	if at < 0 {
		item.Paused = !r.Active
		return item
	}
	h := ours[at]
	item.Action, item.HookID, item.Events, item.Changes = ActionKeep, h.ID, wanted(h, r), differences(h, r)
	item.Paused = !h.Active || !r.Active
	if len(item.Changes) > 0 {
		item.Action = ActionUpdate
	}
	warn := func(code string, h Hook, cure, format string, args ...any) {
		item.Warnings = append(item.Warnings, Warning{Code: code, HookID: h.ID, Text: fmt.Sprintf("hook %d ", h.ID) + fmt.Sprintf(format, args...), Cure: cure})
	}
	if r.Active && !h.Active {
		warn(WarnInactive, h, "hookctl hooks enable "+h.Ref(), "stays paused: GitHub sends nothing")
	}
	if len(r.Events) == 0 && !sameEvents(item.Events, r.NewEvents) {
		warn(WarnEvents, h, h.SetupCommand()+" --event "+strings.Join(r.NewEvents, " --event "), "keeps its events (%s); a new one would get %s", strings.Join(item.Events, ", "), strings.Join(r.NewEvents, ", "))
	}
	for i, other := range ours {
		if i != at && PathName(other.URL) == PathName(r.URL) {
			warn(WarnDuplicate, other, "hookctl hooks delete "+other.Ref(), "leads to this receiver too, beside hook %d", h.ID)
		}
	}
	return item
}

// renamed takes over the present name of a target, which its hooks carry.
func (i *SetupItem) renamed(now Target) {
	if now != i.Target {
		i.Warnings = append(i.Warnings, Warning{Code: WarnRenamed, Text: fmt.Sprintf("%s is now %s", i.Target, now), Cure: "use the new name from now on"})
		i.Target = now
	}
}

// best chooses the hook of ours that is to send to url: one that does, in this or another form, or else one that leads to the
// same path of the receiver by another address. -1 if none.
func best(ours []Hook, url string) int {
	for _, fits := range []func(Hook) bool{
		func(h Hook) bool { return h.URL == url },
		func(h Hook) bool { return SameURL(h.URL, url) },
		func(h Hook) bool { return PathName(h.URL) == PathName(url) },
	} {
		if at := slices.IndexFunc(ours, fits); at >= 0 {
			return at
		}
	}
	return -1
}

// both are the events of two lists, each once.
func both(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// wanted are the events that a hook that is there is to have.
func wanted(h Hook, r SetupRequest) []string {
	switch {
	case len(r.Events) > 0:
		return r.NewEvents
	case len(r.Also) == 0 || slices.Contains(h.Events, "*"):
		return h.Events
	}
	return both(h.Events, r.Also)
}

// differences are what has to change for a hook to be as asked. Whether the secret is the right one cannot be seen;
// only that none exists can.
func differences(h Hook, r SetupRequest) []FieldChange {
	var d []FieldChange
	if h.URL != r.URL {
		d = append(d, FieldChange{"url", h.URL, r.URL})
	}
	if events := wanted(h, r); !sameEvents(h.Events, events) {
		d = append(d, FieldChange{"events", strings.Join(h.Events, ","), strings.Join(events, ",")})
	}
	if h.Active && !r.Active {
		d = append(d, FieldChange{"active", "true", "false"})
	}
	if h.ContentType != "json" {
		d = append(d, FieldChange{"content_type", h.ContentType, "json"})
	}
	if h.InsecureSSL != r.InsecureSSL {
		d = append(d, FieldChange{"insecure_ssl", insecureSSL(h.InsecureSSL), insecureSSL(r.InsecureSSL)})
	}
	if !h.HasSecret {
		d = append(d, FieldChange{"secret", "none", secret.Fingerprint(r.Secret)})
	}
	return d
}

func (i SetupItem) changes(field string) bool {
	return slices.ContainsFunc(i.Changes, func(c FieldChange) bool { return c.Field == field })
}

// String writes the plan in lines, one for each target and one for each change and warning.
func (p SetupPlan) String() string {
	var b strings.Builder
	for _, i := range p.Items {
		switch i.Action {
		case ActionCreate:
			fmt.Fprintf(&b, "create  %s: hook to %s for %s\n", i.Target, p.URL, strings.Join(i.Events, ", "))
		case ActionUpdate:
			fmt.Fprintf(&b, "update  %s: hook %d\n", i.Target, i.HookID)
		case ActionKeep:
			fmt.Fprintf(&b, "keep    %s: hook %d is as it should be; a ping proves its secret\n", i.Target, i.HookID)
		case ActionFail:
			fmt.Fprintf(&b, "fail    %s: %v\n", i.Target, i.Err)
			if cure := CureOf(i.Err); cure != "" {
				fmt.Fprintf(&b, "          hint: %s\n", cure)
			}
		}
		for _, c := range i.Changes {
			fmt.Fprintf(&b, "          %s: %s -> %s\n", c.Field, c.From, c.To)
		}
		for _, w := range i.Warnings {
			fmt.Fprintf(&b, "          warning: %s\n", w)
		}
	}
	return b.String()
}

// GoString is String.
func (p SetupPlan) GoString() string { return p.String() }

// MarshalJSON writes a list with one object for each target, with the calls that would be sent.
func (p SetupPlan) MarshalJSON() ([]byte, error) {
	type item struct {
		Repository string        `json:"repository"`
		Action     string        `json:"action"`
		HookID     int64         `json:"hook_id,omitempty"`
		URL        string        `json:"url"`
		Events     []string      `json:"events"`
		Paused     bool          `json:"paused,omitempty"`
		Changes    []FieldChange `json:"changes"`
		Warnings   []Warning     `json:"warnings"`
		Calls      []string      `json:"calls"`
		Error      string        `json:"error,omitempty"`
		Cure       string        `json:"cure,omitempty"`
	}
	list := make([]item, len(p.Items))
	for n, i := range p.Items {
		list[n] = item{Repository: i.Target.String(), Action: i.Action, HookID: i.HookID, URL: p.URL, Events: i.Events, Paused: i.Paused,
			Changes: append([]FieldChange{}, i.Changes...), Warnings: append([]Warning{}, i.Warnings...), Calls: append([]string{}, p.calls(i)...)}
		if i.Err != nil {
			list[n].Error, list[n].Cure = i.Err.Error(), CureOf(i.Err)
		}
	}
	return json.Marshal(list)
}

// Calls writes the calls that [Client.Apply] would make as lines for a shell with the gh program. The secret is not in
// them: they read it from the variable GITHUB_WEBHOOK_SECRET, or that of the path, and hand it to gh on its standard
// input, because every user of a machine can read the arguments of a program. printf is a part of the shell.
func (p SetupPlan) Calls() []string {
	var lines []string
	for _, i := range p.Items {
		lines = append(lines, p.calls(i)...)
	}
	return lines
}

func (p SetupPlan) calls(i SetupItem) []string {
	gh := func(method, path string, fields ...string) string {
		words := []string{"gh", "api"}
		if p.host != "" && p.host != "github.com" {
			words = append(words, "--hostname", text.Shell(p.host))
		}
		line := strings.Join(append(append(words, "-X", method, path), fields...), " ")
		if strings.HasSuffix(line, fromStdin) {
			line = `printf %s "$` + cmp.Or(p.req.Variable, secret.Variable) + `" | ` + line
		}
		return line
	}
	events := func() (fields []string) {
		for _, e := range i.Events {
			fields = append(fields, "-f "+text.Shell("events[]="+e))
		}
		return fields
	}
	switch i.Action {
	case ActionCreate:
		fields := append([]string{"-f name=web", fmt.Sprintf("-F active=%t", p.req.Active)}, events()...)
		return []string{gh(http.MethodPost, i.Target.base(), append(fields, "-f "+text.Shell("config[url]="+p.URL), "-f 'config[content_type]=json'",
			"-f 'config[insecure_ssl]="+insecureSSL(p.req.InsecureSSL)+"'", "-F 'config[secret]"+fromStdin)...)}
	case ActionUpdate, ActionKeep:
		var lines, config, own []string
		for _, c := range i.Changes {
			switch c.Field {
			case "url", "content_type", "insecure_ssl":
				config = append(config, "-f "+text.Shell(c.Field+"="+c.To))
			case "secret": // the last of the changes
				config = append(config, "-F 'secret"+fromStdin)
			case "active":
				own = append(own, "-F active="+c.To)
			case "events":
				own = append(own, events()...)
			}
		}
		if len(config) > 0 {
			lines = append(lines, gh(http.MethodPatch, i.Target.hook(i.HookID)+"/config", config...))
		}
		if len(own) > 0 {
			lines = append(lines, gh(http.MethodPatch, i.Target.hook(i.HookID), own...))
		}
		return append(lines, gh(http.MethodPost, i.Target.hook(i.HookID)+"/pings"))
	}
	return nil
}

// fromStdin ends a field of gh whose value is on its standard input.
const fromStdin = "=@-'"
