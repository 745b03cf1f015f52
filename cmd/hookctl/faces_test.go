package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// houseRepositories are the repositories of every house.
var houseRepositories = []string{"octo-org/gadgets", "octo-org/tools", "octo-org/widgets"}

// verb is one operation as each face does it, in a world that the others do not see. They have to leave the same behind and
// to know the same afterwards.
type verb struct {
	name    string
	before  []string          // what happened before, see [house.prepare]
	command []string          // command lines
	exit    int               // of the last of them, and of line mode
	line    []string          // what is typed into line mode
	keys    []string          // what is pressed in the interface, see [house.play]
	until   func(*house) bool // when it is done
	knows   []*knowledge      // what is compared afterwards
	says    string            // what every face has to name when it is done
	pending string            // why the interface does not agree yet; the test fails once it does
}

// What the interface still decides by itself. Each mark goes once that is done in server/fleet: the test then says so.
const (
	ownMemory = "the wizard does not remember in the fleet what it set up, and the Hooks page forgets nothing there"
	ownWords  = "the Hooks page judges hooks by itself, in words of its own"
	ownPolicy = "the Hooks page asks about repositories that the user does not administer, and sets nothing aside"
)

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
	out = append(out, "enter", "see At which address")
	if first {
		out = append(out, "type https://hooks.example.com", "enter")
	} else {
		out = append(out, "enter", "see reached from here", "enter") // the receiver runs, so the address is tried
	}
	return append(out, "see Which events?", "enter", "see 5/9", "enter", "see AI Maestro is there", "enter", "see enter saves your choices", "enter",
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
			name: "set up", pending: ownMemory,
			command: []string{"setup -R octo-org/widgets --url https://hooks.example.com --yes"},
			line:    []string{"setup", "octo-org/widgets", "https://hooks.example.com", "", "", "y"},
			keys:    wizard(true, "widgets"),
			until:   records(1),
			knows:   []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "set up again", before: []string{setUpBoth, "hookctl hooks edit {widgets} --event push", "hookctl hooks disable {widgets}"},
			command: []string{"setup --yes"}, line: []string{"setup", "", "", "", ""}, keys: wizard(false, ""),
			until: records(3), knows: []*knowledge{theHooks, theDoctor},
		},
		{
			name: "list and judge", pending: ownWords,
			before:  []string{setUpBoth, "foreign octo-org/widgets", "rekey octo-org/gadgets", "! deliver octo-org/gadgets"},
			command: []string{"hooks list"}, line: []string{"hooks"}, keys: hooksPage,
			until: func(*house) bool { return true },
			knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "ping", before: []string{setUpBoth},
			command: []string{"hooks ping {widgets}"}, line: []string{"hooks", "ping 2"}, keys: keys(findWidgets, "P"),
			until: records(3), knows: []*knowledge{theHooks, theEvents},
		},
		{
			name: "test", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"hooks test {widgets}"}, line: []string{"hooks", "hooks test 2"}, keys: keys(findWidgets, "T"),
			until: records(4), knows: []*knowledge{theEvents},
		},
		{
			name: "pause", before: []string{setUpBoth},
			command: []string{"hooks disable {widgets}"}, line: []string{"hooks", "pause 2"}, keys: keys(findWidgets, "A"),
			until: has("active=false"), knows: []*knowledge{theHooks, theDoctor},
		},
		{
			name: "enable", before: []string{setUpBoth, "hookctl hooks disable {widgets}"},
			command: []string{"hooks enable {widgets}"}, line: []string{"hooks", "resume 2"}, keys: keys(findWidgets, "see paused", "A"),
			until: func(h *house) bool { return !strings.Contains(h.snapshot(), "active=false") }, knows: []*knowledge{theHooks},
		},
		{
			name: "edit events", before: []string{setUpBoth, "hookctl hooks edit {widgets} --event push --event issues"},
			command: []string{"hooks edit {widgets} --event push --event issues --event release"}, line: []string{"hooks", "edit 2", "+release"},
			keys:  keys(findWidgets, "m", "see Events of", "type release", "space", "enter"),
			until: has("issues,push,release"), knows: []*knowledge{theHooks},
		},
		{
			name: "delete", pending: ownMemory, before: []string{setUpBoth},
			command: []string{"hooks delete {widgets} --yes"}, line: []string{"hooks", "delete 2", "y"}, keys: keys(findWidgets, "D", "see Delete hook", "y"),
			until: func(h *house) bool { return len(h.github.Hooks("octo-org/widgets")) == 0 }, knows: []*knowledge{theHooks},
		},
		{
			name: "rotate", before: []string{setUpBoth},
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "rotate one", before: []string{setUpBoth},
			command: []string{"rotate {widgets} --yes"}, line: []string{"hooks", "rotate 2", "y"}, keys: keys(findWidgets, "x", "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theDoctor},
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
			command: []string{"rotate --resume", "rotate --finish"}, line: []string{"resume", "finish"}, keys: keys(hooksPage, "see r resume", "r", "see give up on the rest", "Z"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "undo", before: []string{setUpBoth, "hookctl rotate --all --yes"},
			command: []string{"rotate --undo"}, line: []string{"undo"}, keys: keys(hooksPage, "see u undo", "u"),
			until: has("promoted=true undo=true"), knows: []*knowledge{theHooks, theStatus},
		},
		{
			name: "rotate without what is gone", before: []string{setUpBoth, "add octo-org/gone"}, exit: 1, says: "octo-org/gone",
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r"),
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "rotate without what others own", pending: ownPolicy, before: []string{setUpBoth, "deny octo-org/gadgets"}, exit: 1, says: "octo-org/gadgets",
			command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: []string{"3", "see {widgets}", "see r rotate", "r"},
			until: has("rotation promoted=true"), knows: []*knowledge{theHooks, theStatus, theDoctor},
		},
		{
			name: "catch up", pending: ownWords, before: []string{setUpBoth, "hookctl stop", "! deliver octo-org/widgets", "! deliver octo-org/gadgets", "hookctl start"},
			command: []string{"catchup"}, line: []string{"catchup"}, keys: keys(hooksPage, "X", "c"),
			until: records(4), knows: []*knowledge{theEvents, theHooks},
		},
		{
			name: "redeliver", before: []string{setUpBoth, "hookctl stop", "! deliver octo-org/widgets", "hookctl start"},
			command: []string{"hooks redeliver {widgets} {delivery}"}, line: []string{"hooks", "deliveries 2", "redeliver 1"}, keys: keys(findWidgets, "d", "see pull_request opened", "B"),
			until: records(3), knows: []*knowledge{theEvents, theHooks},
		},
		{
			name: "replay", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"events replay {event}"}, line: []string{"events event:pull_request", "replay 1"}, keys: []string{"2", "see Make widgets round", "R"},
			until: records(4), knows: []*knowledge{theEvents},
		},
		{
			name: "resend", before: []string{setUpBoth, "deliver octo-org/widgets"},
			command: []string{"events resend {event}"}, line: []string{"events event:pull_request", "resend 1"}, keys: []string{"2", "see Make widgets round", "S"},
			until: func(h *house) bool { return len(h.maestro.Messages()) == 2 && h.status().PendingNotifications == 0 }, knows: []*knowledge{theEvents},
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
			until: has("running=true"), knows: []*knowledge{theStatus, theDoctor},
		},
		{
			name: "forget a repository", before: []string{setUpBoth, "gone octo-org/gadgets"},
			command: []string{"hooks forget -R octo-org/gadgets"}, line: []string{"hooks forget -R octo-org/gadgets"},
			until: has("fleet [octo-org/widgets]"), knows: []*knowledge{theHooks},
		},
	}
}

// prepare brings a house into the state that an operation begins with. A line is a command line of ours, or:
//
//	deliver REPOSITORY   GitHub sends a pull request; with ! in front it must not arrive
//	foreign REPOSITORY   another service has a hook there
//	rekey REPOSITORY     somebody changes the secret at GitHub
//	refuse REPOSITORY    GitHub refuses to change the secrets of its hooks
//	take                 GitHub refuses nothing any more
//	deny REPOSITORY      the user is no administrator any more
//	gone REPOSITORY      it is deleted
//	add REPOSITORY       the settings name it
//	prune                the log is empty
func (h *house) prepare(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		fails := words[0] == "!"
		if fails {
			words = words[1:]
		}
		switch verb := words[0]; verb {
		case "hookctl":
			if _, all, code := h.run(t, "", strings.Fields(h.fill(strings.Join(words[1:], " ")))...); (code != 0) != fails {
				t.Fatalf("%s exits %d:\n%s", line, code, all)
			}
		case "deliver":
			before := len(h.records())
			results, err := h.github.Deliver(t.Context(), words[1], "pull_request", githubtest.SampleFor("pull_request.opened", words[1]))
			if err != nil || len(results) == 0 || slices.ContainsFunc(results, func(d githubtest.Delivery) bool { return d.OK() == fails }) {
				t.Fatalf("%s: %v %v", line, results, err)
			}
			if problem := poll(agreement, func() string { // it is answered before its file is there
				return map[bool]string{true: line + ": no record"}[!fails && len(h.records()) == before]
			}); problem != "" {
				t.Fatal(problem)
			}
		case "foreign":
			h.github.AddHook(words[1], githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/github"}})
		case "rekey":
			h.github.SetSecret(words[1], h.hook(words[1]).ID, "somebody else's secret")
		case "refuse":
			h.github.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/" + words[1] + "/hooks/*/config", Status: 422})
		case "take":
			h.github.ClearFaults()
		case "deny":
			h.github.Grant(words[1], githubtest.DefaultLogin, "read")
		case "add":
			file := filepath.Join(h.home, "hookctl.yaml")
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, append(data, "setup: {repositories: ["+words[1]+"]}\n"...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		case "prune":
			h.must(t, "stop")
			if err := os.RemoveAll(filepath.Join(h.home, "webhook_logs")); err != nil {
				t.Fatal(err)
			}
			h.must(t, "start")
		case "gone":
			h.github.Remove(words[1])
		default:
			t.Fatalf("unknown: %s", line)
		}
	}
}

// do has one face do the operation and returns what it said. The interface stays open.
func (h *house) do(t *testing.T, v verb, face string) (said string) {
	t.Helper()
	code := v.exit
	switch face {
	case byCommand:
		for _, line := range v.command {
			_, said, code = h.run(t, "", strings.Fields(h.fill(line))...)
		}
	case byLine:
		_, said, code = h.run(t, h.fill(strings.Join(v.line, "\n"))+"\n", "--accessible")
	case byInterface:
		h.open(t)
		h.play(t, v.keys)
		if v.says != "" {
			h.screen.await(t, v.says, true)
		}
		said = v.says
	}
	if code != v.exit || !strings.Contains(said, v.says) {
		t.Fatalf("%s exits %d, not %d, and has to name %q:\n%s", face, code, v.exit, v.says, said)
	}
	return said
}

// agreement bounds the wait for worlds to become alike, and disagreement that for those that are known not to.
const (
	agreement    = 30 * time.Second
	disagreement = 5 * time.Second
)

// TestFacesDoTheSame runs every operation through all faces and compares what they did and what they know.
func TestFacesDoTheSame(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			faces := []string{byCommand, byLine, byInterface}
			if v.keys == nil {
				faces = faces[:2]
			}
			houses := make([]*house, len(faces))
			worked := t.Run("by", func(t2 *testing.T) {
				for i, face := range faces {
					houses[i] = newHouse(t, houseRepositories...)
					t2.Run(face, func(t *testing.T) {
						t.Parallel()
						houses[i].prepare(t, v.before)
						houses[i].snapshot() // which gives the hooks their names
						houses[i].begin()
						houses[i].do(t, v, face)
					})
				}
			})
			if !worked {
				return
			}
			if v.pending == "" {
				if problem := v.compare(t, faces, houses, agreement, true); problem != "" {
					t.Error(problem)
				}
				return
			}
			if problem := v.compare(t, faces[:2], houses[:2], agreement, false); problem != "" {
				t.Error(problem)
			}
			if v.compare(t, faces, houses, disagreement, true) == "" {
				t.Errorf("the interface agrees now, so take the mark away: %s", v.pending)
			}
		})
	}
}

// compare waits until the worlds are alike, and returns how they are not. Whether the interface knows what the others do is
// left out where it is not asked.
func (v verb) compare(t *testing.T, faces []string, houses []*house, patience time.Duration, askInterface bool) (problem string) {
	t.Helper()
	problem = poll(patience, func() (problem string) {
		want := houses[0].snapshot()
		for i, h := range houses {
			if got := h.snapshot(); got != want {
				return fmt.Sprintf("by %s:\n%s\nby %s:\n%s", faces[0], want, faces[i], got)
			} else if !v.until(h) {
				return fmt.Sprintf("not done by %s:\n%s", faces[i], got)
			}
		}
		return ""
	})
	if problem != "" {
		for i, h := range houses {
			if h.screen != nil {
				problem += fmt.Sprintf("\nthe screen, by %s:\n%s", faces[i], h.screen.text())
			}
		}
		return problem
	}
	for i, h := range houses {
		h.leave(t)
		if problem := know(t, h, v.knows, patience, askInterface); problem != "" {
			return fmt.Sprintf("after it was done by %s, %s", faces[i], problem)
		}
	}
	return ""
}

// poll asks again and again until there is no problem, or the patience ends.
func poll(patience time.Duration, ask func() string) string {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := ask()
		if problem == "" || time.Now().After(deadline) {
			return problem
		}
		<-tick.C
	}
}

// fact is what every face has to say on one line.
type fact []string

// knowledge is something that every face can be asked.
type knowledge struct {
	name  string
	args  []string // prints it as JSON
	facts func([]byte) ([]fact, error)
	line  string         // the same in line mode
	page  string         // the key of the page that shows it
	all   *regexp.Regexp // what is a fact at all: each that a face shows must be among the facts
}

var theHooks = &knowledge{
	name: "the hooks", args: []string{"hooks", "list", "--json"}, line: "hooks", page: "3", all: regexp.MustCompile(`\b5040\d{5}\b`),
	facts: func(data []byte) ([]fact, error) {
		var list []struct {
			ID    int64
			State string
		}
		err := json.Unmarshal(data, &list)
		facts := make([]fact, len(list))
		for i, h := range list {
			facts[i] = fact{fmt.Sprint(h.ID), h.State}
		}
		return facts, err
	},
}

// theIDs are the hooks without how they are: while a rotation is open, the interface shows how far it is with each instead.
var theIDs = &knowledge{name: theHooks.name, args: theHooks.args, line: theHooks.line, page: theHooks.page, all: theHooks.all,
	facts: func(data []byte) ([]fact, error) {
		facts, err := theHooks.facts(data)
		for i := range facts {
			facts[i] = facts[i][:1]
		}
		return facts, err
	},
}

var theStatus = &knowledge{
	name: "the receiver", args: []string{"status", "--json"}, line: "status", page: "4",
	facts: func(data []byte) ([]fact, error) {
		var status struct {
			Running bool
			Address string
			LogDir  string `json:"log_dir"`
		}
		err := json.Unmarshal(data, &status)
		if status.Running {
			return []fact{{"running", status.Address}}, err
		}
		return []fact{{"not running|stopped"}}, err
	},
}

var theDoctor = &knowledge{
	name: "the doctor's checks", args: []string{"doctor", "--json"}, line: "doctor", page: "5",
	facts: func(data []byte) ([]fact, error) {
		var list []struct{ Name, Status, Fix string }
		err := json.Unmarshal(data, &list)
		var facts []fact
		for _, c := range list {
			mark := map[string]string{"ok": "✓", "warn": "!", "fail": "✗"}[c.Status]
			facts = append(facts, fact{c.Name, c.Status + "|" + mark})
			if c.Status != "ok" {
				facts = append(facts, fact{c.Fix})
			}
		}
		return facts, err
	},
}

var theEvents = &knowledge{
	name: "the events", args: []string{"events", "list", "--json"}, line: "events", page: "2",
	facts: func(data []byte) ([]fact, error) {
		var list []struct{ Event, Repository string }
		err := json.Unmarshal(data, &list)
		facts := make([]fact, len(list))
		for i, e := range list {
			_, name, _ := strings.Cut(e.Repository, "/")
			facts[i] = fact{e.Event, name}
		}
		return facts, err
	},
}

// know asks all faces in one house, and returns how they differ.
func know(t *testing.T, h *house, about []*knowledge, patience time.Duration, askInterface bool) string {
	t.Helper()
	if len(about) == 0 {
		return ""
	}
	if askInterface {
		h.open(t)
		defer h.leave(t)
	}
	for _, k := range about {
		out, all, _ := h.run(t, "", k.args...)
		facts, err := k.facts([]byte(out))
		if err != nil {
			return fmt.Sprintf("%v of hookctl %s:\n%s", err, strings.Join(k.args, " "), all)
		}
		line, _, _ := h.run(t, k.line+"\n", "--accessible")
		if missing := k.missing(facts, line); missing != "" {
			return fmt.Sprintf("line mode does not know of %s what hookctl %s does: %s\n%s\n%s", k.name, strings.Join(k.args, " "), missing, all, line)
		}
		if !askInterface {
			continue
		}
		h.screen.send(t, k.page)
		differs := poll(patience, func() string {
			text := h.screen.text()
			if missing := k.missing(facts, text); missing != "" {
				return fmt.Sprintf("the interface does not know of %s what hookctl %s does: %s\n%s\n%s", k.name, strings.Join(k.args, " "), missing, all, text)
			}
			return ""
		})
		if differs != "" {
			return differs
		}
	}
	return ""
}

// missing finds a fact that a text does not have on a line of its own, or what it has and is none of them.
func (k *knowledge) missing(facts []fact, text string) string {
	lines := strings.Split(text, "\n")
	for _, f := range facts {
		at := slices.IndexFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(f, func(word string) bool {
				return !slices.ContainsFunc(strings.Split(word, "|"), func(w string) bool { return strings.Contains(line, w) })
			})
		})
		if at < 0 {
			return "missing " + strings.Join(f, ", ")
		}
	}
	if k.all == nil {
		return ""
	}
	for _, found := range k.all.FindAllString(text, -1) {
		if !slices.ContainsFunc(facts, func(f fact) bool { return f[0] == found }) {
			return found + " is nowhere else"
		}
	}
	return ""
}

// Whoever sets up and whoever rotates: all hooks get the new secret, also when no ping is left in the log.
func TestFacesRememberWhatOthersSetUp(t *testing.T) {
	faces := []string{byCommand, byLine, byInterface}
	for i, first := range faces {
		for j := 1; j < 3; j++ {
			second, third := faces[(i+j)%3], faces[(i+2*j)%3]
			for _, kept := range []bool{true, false} {
				log := map[bool]string{true: "with pings", false: "pruned"}[kept]
				t.Run(strings.Join([]string{first, second, third, log}, ", "), func(t *testing.T) {
					t.Parallel()
					h := newHouse(t, houseRepositories...)
					h.do(t, setUpOf("widgets", true), first)
					h.leave(t)
					h.do(t, setUpOf("gadgets", false), second)
					h.leave(t)
					if !kept {
						h.prepare(t, []string{"prune"})
					}
					before := h.hook("octo-org/widgets").Secret
					h.do(t, verb{command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: []string{"3", "see octo-org/widgets", "see r rotate", "r", "see u undo"}}, third)
					h.leave(t)
					forgotten := ""
					for _, name := range []string{"octo-org/widgets", "octo-org/gadgets"} {
						if n := len(h.github.Hooks(name)); n != 1 {
							t.Fatalf("%s has %d hooks", name, n)
						}
						if h.hook(name).Secret == before {
							forgotten = name
						}
					}
					switch pending := second == byInterface && !kept; {
					case pending && forgotten == "":
						t.Errorf("the interface agrees now, so take the mark away: %s", ownMemory)
					case pending:
						return
					case forgotten != "":
						t.Fatalf("%s was not rotated", forgotten)
					}
					h.prepare(t, []string{"deliver octo-org/widgets", "deliver octo-org/gadgets"})
					if differs := know(t, h, []*knowledge{theHooks, theDoctor}, agreement, true); differs != "" {
						t.Error(differs)
					}
				})
			}
		}
	}
}

// setUpOf sets a repository up, as the first one or as one more.
func setUpOf(name string, first bool) verb {
	return verb{
		command: []string{"setup -R octo-org/" + name + " --url https://hooks.example.com --yes"},
		line:    []string{"setup", "octo-org/" + name, "https://hooks.example.com", "", "", "y"},
		keys:    wizard(first, name),
	}
}
