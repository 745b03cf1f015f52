package main

import (
	"slices"
	"strings"
)

// failed is what sync suggests something for.
var failed = []string{"append hookctl.yaml sync: {mode: suggest, ci: {logs: excerpt}}", setUpBoth, "fail octo-org/widgets"}

const setUpBoth = "hookctl setup -R octo-org/widgets -R octo-org/gadgets --url https://hooks.example.com --yes"

// hooksPage opens the page of the hooks, once both are there; findWidgets leaves one under the cursor.
var (
	hooksPage   = []string{"3", "see {widgets}", "see {gadgets}"}
	findWidgets = append(slices.Clone(hooksPage), "/", "type {widgets}", "gone {gadgets}", "enter")
)

func keys(first []string, more ...string) []string { return append(slices.Clone(first), more...) }

// wizard is the way through the wizard: for one repository, "" for those that it offers. The first time an address has to be
// typed, and the receiver starts.
func wizard(first bool, repository string) []string {
	out := []string{"w", "see signed in to", "enter", "see octo-org/tools"}
	if first {
		out[0] = "enter"
		out = append([]string{"see Nothing is set up yet"}, out...)
	}
	if repository != "" {
		out = append(out, "type "+repository, "gone octo-org/tools", "space")
	}
	out = append(out, "enter", "see 3/9")
	if first {
		out = append(out, "type https://hooks.example.com", "enter")
	} else {
		out = append(out, "enter", "see reached from here", "enter") // the receiver runs, so the address is tried
	}
	return append(out, "see 4/9", "enter", "see 5/9", "enter", "see AI Maestro is there", "enter", "see enter saves your choices", "enter",
		"see reached from here", "enter", "see Nothing is changed at GitHub yet", "enter", "see It works")
}

// verbs is every operation.
func verbs() []verb {
	has := func(text string) func(*house) bool {
		return func(h *house) bool { return strings.Contains(h.snapshot(), text) }
	}
	records := func(n int) func(*house) bool {
		return func(h *house) bool { return len(h.records()) == n && h.status().PendingNotifications == 0 }
	}
	return []verb{
		{
			name:    "set up",
			command: []string{"setup -R octo-org/widgets --url https://hooks.example.com --yes"},
			line:    []string{"setup", "octo-org/widgets", "https://hooks.example.com", "", "", "", "y", ""},
			keys:    wizard(true, "widgets"),
			until:   records(1),
			knows:   []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "set up again", before: []string{setUpBoth, "hookctl hooks edit {widgets} --event push", "hookctl hooks disable {widgets}"},
			command: []string{"setup --yes"}, line: []string{"setup", "", "", "", "", "", ""}, keys: wizard(false, ""),
			until: records(4), knows: []*knowledge{theHooks},
		},
		{
			name:    "list and judge",
			before:  []string{setUpBoth, "foreign octo-org/widgets", "rekey octo-org/gadgets", "! deliver octo-org/gadgets"},
			command: []string{"hooks list"}, line: []string{"hooks"}, keys: hooksPage,
			until: func(*house) bool { return true },
			knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "ping", before: []string{setUpBoth},
			command: []string{"hooks ping {widgets}"}, line: []string{"hooks", "ping 2"}, keys: keys(findWidgets, "P"),
			until: records(3), knows: []*knowledge{theHooks, theEvents, theNewest},
		},
		{
			name: "test", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"hooks test {widgets}"}, line: []string{"hooks", "hooks test 2"}, keys: keys(findWidgets, "T"),
			until: records(4), knows: []*knowledge{theEvents},
		},
		{
			name: "pause", before: []string{setUpBoth},
			command: []string{"hooks disable {widgets}"}, line: []string{"hooks", "pause 2"}, keys: keys(findWidgets, "A", "enter"),
			until: has("active=false"), knows: []*knowledge{theHooks},
		},
		{
			name: "enable", before: []string{setUpBoth, "hookctl hooks disable {widgets}"},
			command: []string{"hooks enable {widgets}"}, line: []string{"hooks", "resume 2"}, keys: keys(findWidgets, "see paused", "A", "enter"),
			until: func(h *house) bool { return !strings.Contains(h.snapshot(), "active=false") }, knows: []*knowledge{theHooks},
		},
		{
			name: "edit events", before: []string{setUpBoth, "hookctl hooks edit {widgets} --event push --event issues"},
			command: []string{"hooks edit {widgets} --event push --event issues --event release"}, line: []string{"hooks", "edit 2", "+release"},
			keys:  keys(findWidgets, "m", "see Events of", "type release", "space", "enter"),
			until: has("issues,push,release"), knows: []*knowledge{theHooks},
		},
		{
			// The interface has no key for a URL: it moves all hooks together, in the wizard.
			name: "edit the URL", before: []string{setUpBoth},
			command: []string{"hooks edit {widgets} --url https://hooks.example.com/webhook/widgets"},
			line:    []string{"hooks", "edit 2 --url https://hooks.example.com/webhook/widgets"},
			until:   has("https://hooks.example.com/webhook/widgets"), knows: []*knowledge{theHooks},
		},
		{
			name: "delete", before: []string{setUpBoth},
			command: []string{"hooks delete {widgets} --yes"}, line: []string{"hooks", "delete 2", "y"}, keys: keys(findWidgets, "D", "see Delete hook", "y"),
			until: func(h *house) bool { return len(h.github.Hooks("octo-org/widgets")) == 0 }, knows: []*knowledge{theHooks},
		},
		{
			name: "rotate", before: []string{setUpBoth},
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "rotate one", before: []string{setUpBoth},
			command: []string{"rotate {widgets} --yes"}, line: []string{"hooks", "rotate 2", "y"}, keys: keys(findWidgets, "x", "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks},
		},
		{
			name: "rotate and fail", before: []string{setUpBoth, "refuse octo-org/gadgets"}, exit: 1,
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r"),
			until: has("#1: failed"), knows: []*knowledge{theIDs, theStatus},
		},
		{
			name: "resume", before: []string{setUpBoth, "refuse octo-org/gadgets", "! hookctl rotate --all --yes", "take"},
			command: []string{"rotate --resume"}, line: []string{"resume"}, keys: keys(hooksPage, "see r resume", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "finish", before: []string{setUpBoth, "refuse octo-org/gadgets", "! hookctl rotate --all --yes"}, exit: 1,
			command: []string{"rotate --resume", "rotate --finish"}, line: []string{"resume", "finish"}, keys: keys(hooksPage, "see r resume", "r", "see Z finish", "Z"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "undo", before: []string{setUpBoth, "hookctl rotate --all --yes"},
			command: []string{"rotate --undo"}, line: []string{"undo"}, keys: keys(hooksPage, "see u undo", "u"),
			until: has("promoted=true undo=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "rotate without what is gone", before: []string{setUpBoth, "append hookctl.yaml setup: {repositories: [octo-org/gone]}"}, exit: 1, says: "octo-org/gone",
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "rotate without what others own", before: []string{setUpBoth, "deny octo-org/gadgets"}, exit: 1, says: "octo-org/gadgets",
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: []string{"3", "see {widgets}", "see r rotate", "r"},
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "catch up", before: []string{setUpBoth, "hookctl stop", "! deliver octo-org/widgets", "! deliver octo-org/gadgets", "hookctl start"},
			command: []string{"catchup"}, line: []string{"catchup"}, keys: keys(hooksPage, "X", "c"),
			until: records(4), knows: []*knowledge{theEvents, theHooks},
		},
		{
			name: "redeliver", before: []string{setUpBoth, "hookctl stop", "! deliver octo-org/widgets", "hookctl start"},
			command: []string{"hooks redeliver {widgets} {delivery}"}, line: []string{"hooks", "deliveries 2", "redeliver 1"}, keys: keys(findWidgets, "d", "see pull_request opened", "B", "enter"),
			until: records(3), knows: []*knowledge{theEvents, theHooks},
		},
		{
			name: "replay", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"events replay {event}"}, line: []string{"events event:pull_request", "replay 1"}, keys: []string{"2", "see Make widgets round", "R", "enter"},
			until: records(4), knows: []*knowledge{theEvents},
		},
		{
			name: "resend", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"events resend {event}"}, line: []string{"events event:pull_request", "resend 1"}, keys: []string{"2", "see Make widgets round", "S", "enter"},
			until: func(h *house) bool { return len(h.maestro.Messages()) == 2 && h.status().PendingNotifications == 0 }, knows: []*knowledge{theEvents},
		},
		{
			name: "test a file", before: []string{setUpBoth, `append sample.json {"_event_type":"workflow_run","action":"completed","workflow_run":{"name":"CI","conclusion":"failure","head_branch":"main"},"repository":{"full_name":"octo-org/widgets"}}`},
			command: []string{"test sample.json"}, line: []string{"test sample.json"},
			until: func(h *house) bool { return records(3)(h) && len(h.maestro.Messages()) == 1 }, knows: []*knowledge{theEvents, theNewest},
		},
		{
			name: "prune", before: []string{"append hookctl.yaml log: {max_size: 1}", setUpBoth, "deliver octo-org/widgets"},
			command: []string{"events prune --yes"}, line: []string{"events prune", "y"},
			until: records(0), knows: []*knowledge{theEvents, theStatus},
		},
		{
			name: "save a filter", before: []string{setUpBoth},
			command: []string{"events filters save pings event:ping"}, line: []string{"save pings event:ping"},
			keys:  []string{"2", "see ping", "/", "type event:ping", "ctrl+s", "see save filter as", "type pings", "enter"},
			until: has("filters map[pings:event:ping]"),
		},
		{
			name: "forget a filter", before: []string{setUpBoth, "hookctl events filters save pings event:ping"},
			command: []string{"events filters forget pings"}, line: []string{"forget pings"}, keys: []string{"2", "see ping", "F", "see event:ping", "ctrl+k", "see Forget pings?", "y"},
			until: has("filters map[]"),
		},
		{
			name: "stop", before: []string{setUpBoth},
			command: []string{"stop"}, line: []string{"stop"}, keys: []string{"4", "see t stop", "t", "y"},
			until: has("running=false"), knows: []*knowledge{theStatus, theDoctor},
		},
		{
			name: "start", before: []string{setUpBoth, "hookctl stop"},
			command: []string{"start"}, line: []string{"start"}, keys: []string{"4", "see s start", "s"},
			until: has("running=true"), knows: []*knowledge{theStatus},
		},
		{
			name: "restart", before: []string{setUpBoth},
			command: []string{"restart"}, line: []string{"restart"}, keys: []string{"4", "see b restart", "b"},
			until: func(h *house) bool { s := h.status(); return s.Running && s.Received == 0 }, knows: []*knowledge{theStatus},
		},
		{
			name: "reload", before: []string{setUpBoth, "append .env GITHUB_WEBHOOK_SECRET_MY_TEAM=3f786850e387550fdab836ed7e6dc881de23001b"},
			command: []string{"reload"}, line: []string{"reload"}, keys: []string{"4", "see L reload", "L"},
			until: func(h *house) bool { return len(h.status().Secrets) == 2 }, knows: []*knowledge{theStatus},
		},
		{
			name: "list what sync follows", before: failed, says: "CI: Tests fails on main",
			command: []string{"sync list"}, line: []string{"sync list"}, keys: []string{"2", "see ping", "H"}, tool: "sync_list {}",
			until: has("sync=suggested"), knows: []*knowledge{theTasks},
		},
		{
			// The interface names the command beside what is suggested.
			name: "preview sync", before: failed, says: "FAIL: TestParser",
			command: []string{"sync preview {event}"}, line: []string{"events event:workflow_run", "sync preview 1"}, tool: `sync_preview {"file": "{event}"}`,
			until: has("sync=suggested"), knows: []*knowledge{theTasks},
		},
		{
			name: "apply what sync suggests", before: failed, says: "created an issue",
			command: []string{"sync apply {task}"}, line: []string{"sync list", "sync apply {task}"}, tool: `sync_apply {"key": "{task}"}`,
			keys:  []string{"2", "see ping", "H", "see suggested: enter applies it", "enter", "see Do what is suggested", "enter"},
			until: has("message task_updated"), knows: []*knowledge{theTasks},
		},
		{
			// The interface has no key for it, by design: its Hooks page names the command beside a repository that is gone.
			name: "forget a repository", before: []string{setUpBoth, "gone octo-org/gadgets"},
			command: []string{"hooks forget -R octo-org/gadgets"}, line: []string{"hooks forget -R octo-org/gadgets"},
			until: has("fleet [octo-org/widgets]"), knows: []*knowledge{theHooks},
		},
	}
}
