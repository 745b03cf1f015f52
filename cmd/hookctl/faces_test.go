package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hookctl/server/daemon"
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
	tool    string            // what an agent calls: a tool and its arguments as JSON, "" where other tests do
	until   func(*house) bool // when it is done
	knows   []*knowledge      // what is compared afterwards
	says    string            // what every face has to name when it is done
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
	case byAgent:
		tool, args, _ := strings.Cut(v.tool, " ")
		var values arguments
		if err := json.Unmarshal([]byte(h.fill(args)), &values); err != nil {
			t.Fatal(err)
		}
		said = fmt.Sprint(newAgent(t, h, revisions[1], "accept", "--write").must(tool, values))
	}
	if code != v.exit || !strings.Contains(said, v.says) {
		t.Fatalf("%s exits %d, not %d, and has to name %q:\n%s", face, code, v.exit, v.says, said)
	}
	return said
}

// agreement bounds the wait for worlds to become alike. They usually are at once.
const agreement = 30 * time.Second

// TestFacesDoTheSame runs every operation through all faces and compares what they did and what they know.
func TestFacesDoTheSame(t *testing.T) {
	t.Parallel()
	for _, v := range verbs() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			faces := []string{byCommand, byLine, byInterface}
			if v.keys == nil {
				faces = faces[:2]
			}
			if v.tool != "" {
				faces = append(faces, byAgent)
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
			if problem := v.compare(t, faces, houses); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// compare waits until the worlds are alike, and returns how they are not, or what a face does not know in one of them.
func (v verb) compare(t *testing.T, faces []string, houses []*house) (problem string) {
	t.Helper()
	problem = poll(func() (problem string) {
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
			if refused, err := daemon.Dial(h.home).Rejected(t.Context()); err == nil && len(refused) > 0 {
				problem += fmt.Sprintf("\nrefused at last, by %s: %+v", faces[i], refused[len(refused)-1])
			}
			if h.screen != nil {
				problem += fmt.Sprintf("\nthe screen, by %s:\n%s", faces[i], h.screen.text())
			}
		}
		return problem
	}
	for i, h := range houses {
		h.leave(t)
		if problem := know(t, h, v.knows); problem != "" {
			return fmt.Sprintf("after it was done by %s, %s", faces[i], problem)
		}
	}
	return ""
}

// poll asks again and again until there is no problem, or it takes too long.
func poll(ask func() string) string {
	deadline := time.Now().Add(agreement)
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

// Any face sets up and any other rotates: all hooks get the new secret, although no ping is left in the log.
func TestFacesRememberWhatOthersSetUp(t *testing.T) {
	faces := []string{byCommand, byLine, byInterface}
	for i, first := range faces {
		for j := 1; j < 3; j++ {
			second, third := faces[(i+j)%3], faces[(i+2*j)%3]
			t.Run(strings.Join([]string{first, second, third}, ", "), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, houseRepositories...)
				h.do(t, setUpOf("widgets", true), first)
				h.leave(t)
				h.do(t, setUpOf("gadgets", false), second)
				h.leave(t)
				h.prepare(t, []string{"prune"})
				before := h.hook("octo-org/widgets").Secret
				h.do(t, verb{command: []string{"rotate --all --yes"}, line: []string{"rotate", "y"}, keys: keys(hooksPage, "see r rotate", "r", "see u undo")}, third)
				h.leave(t)
				for _, name := range []string{"octo-org/widgets", "octo-org/gadgets"} {
					if list := h.github.Hooks(name); len(list) != 1 || list[0].Secret == before {
						t.Fatalf("%s was not rotated, or has not one hook: %v", name, list)
					}
				}
				h.prepare(t, []string{"deliver octo-org/widgets", "deliver octo-org/gadgets"})
				if differs := know(t, h, []*knowledge{theHooks, theDoctor}); differs != "" {
					t.Error(differs)
				}
			})
		}
	}
}

// Every face names the workflow that fails.
func TestFacesAgreeOnWhatFails(t *testing.T) {
	h := newHouse(t, houseRepositories...)
	h.prepare(t, []string{"hookctl setup -R octo-org/widgets --url https://hooks.example.com --yes", "deliver octo-org/widgets workflow_run.failure"})
	if _, all, code := h.run(t, "", "ci", "--red"); code != exitRed {
		t.Fatalf("exit code %d, want %d:\n%s", code, exitRed, all)
	}
	if differs := know(t, h, []*knowledge{theRed}); differs != "" {
		t.Error(differs)
	}
}

// setUpOf sets a repository up, as the first one or as one more.
func setUpOf(name string, first bool) verb {
	return verb{
		command: []string{"setup -R octo-org/" + name + " --url https://hooks.example.com --yes"},
		line:    []string{"setup", "octo-org/" + name, "https://hooks.example.com", "", "", "", "y", ""},
		keys:    wizard(first, name),
	}
}
