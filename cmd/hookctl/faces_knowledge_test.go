package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks/tasks"
	"hookctl/logs"
)

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

// theRed is what fails.
var theRed = &knowledge{
	name: "what fails", args: []string{"ci", "--red", "--json"}, line: "ci --red", page: "1",
	facts: func(data []byte) ([]fact, error) {
		var list []logs.CIState
		err := json.Unmarshal(data, &list)
		facts := make([]fact, len(list))
		for i, s := range list {
			facts[i] = fact{s.Repository, s.Branch, s.Workflow}
		}
		return facts, err
	},
}

// theNewest is the newest record.
var theNewest = &knowledge{
	name: "the newest event", args: []string{"events", "view", "latest", "--json"}, line: "events\nview 1", page: "2",
	facts: func(data []byte) ([]fact, error) {
		var record struct {
			DeliveryID string `json:"delivery_id"`
		}
		err := json.Unmarshal(data, &record)
		return []fact{{record.DeliveryID}}, err
	},
}

// theTasks are what sync follows. The interface shows them in a box above the page, so nothing can be asked after them.
var theTasks = &knowledge{
	name: "the tasks", args: []string{"sync", "list", "--json"}, line: "sync list", page: "2H",
	facts: func(data []byte) ([]fact, error) {
		var list []tasks.Item
		err := json.Unmarshal(data, &list)
		var facts []fact
		for _, i := range list {
			facts = append(facts, fact{i.Repository, i.Title}, fact{i.State})
		}
		return facts, err
	},
}

// know asks all faces in one house, and returns how they differ.
func know(t *testing.T, h *house, about []*knowledge) string {
	t.Helper()
	if len(about) == 0 {
		return ""
	}
	h.open(t)
	defer h.leave(t)
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
		h.screen.send(t, k.page)
		differs := poll(func() string {
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
