package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// The faces of hookctl.
const (
	byCommand   = "command"
	byLine      = "line"
	byInterface = "interface"
	byAgent     = "agent"
)

// house is a world in which one face works on what the other faces find in worlds of their own.
type house struct {
	*world
	env   []string
	dir   string
	since int // requests of GitHub before the operation
	names map[int64]string
}

// houseSettings keep everything out of a house that happens by itself.
const houseSettings = "receiver: {catchup: off}\n"

// newHouse starts a world with some repositories. It ends with t.
func newHouse(t *testing.T, repositories ...string) *house {
	t.Helper()
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{world: w, dir: w.home, names: map[int64]string{}}
	github, err := w.startGitHub(repositories...)
	if err != nil {
		t.Fatal(err)
	}
	maestro, err := w.startMaestro()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.home, "hookctl.yaml"), []byte(houseSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	h.env = append(append(append(w.environ(h.dir), github...), maestro), "PATH="+os.Getenv("PATH"))
	return h
}

func (h *house) command(args ...string) *exec.Cmd {
	cmd := exec.Command("hookctl", args...)
	cmd.Dir, cmd.Env = h.dir, h.env
	return cmd
}

// run runs the program to its end, with what it reads.
func (h *house) run(t *testing.T, stdin string, args ...string) (stdout, all string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "hookctl", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = h.dir, h.env, strings.NewReader(stdin)
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("hookctl %s: %v\n%s", strings.Join(args, " "), err, notes.String())
	}
	return out.String(), out.String() + notes.String(), cmd.ProcessState.ExitCode()
}

// must runs a command line that has to work.
func (h *house) must(t *testing.T, line string) string {
	t.Helper()
	out, all, code := h.run(t, "", strings.Fields(h.fill(line))...)
	if code != 0 {
		t.Fatalf("hookctl %s exits %d:\n%s", line, code, all)
	}
	return out
}

// open shows the interface.
func (h *house) open(t *testing.T) *screen {
	t.Helper()
	s, err := openScreen(h.command(), 200, 50)
	if err != nil {
		t.Fatal(err)
	}
	h.screen = s
	return s
}

// leave closes the interface where it is open.
func (h *house) leave(t *testing.T) {
	t.Helper()
	if h.screen == nil {
		return
	}
	h.screen.send(t, keyBytes(t, "ctrl+c"))
	if code := h.screen.end(t); code != 0 {
		t.Fatalf("the interface exits %d:\n%s", code, h.screen.text())
	}
	h.screen = nil
}

// play is a person in front of the interface. A word of its own is a key; "see …" waits for text, "gone …" until it has
// gone, and "type …" types.
func (h *house) play(t *testing.T, keys []string) {
	t.Helper()
	for _, key := range keys {
		switch verb, text, _ := strings.Cut(h.fill(key), " "); verb {
		case "see":
			h.screen.await(t, text, true)
		case "gone":
			h.screen.await(t, text, false)
		case "type":
			h.screen.send(t, text)
		default:
			h.screen.send(t, keyBytes(t, key))
		}
	}
}

// hook is the first hook of a repository of the house.
func (h *house) hook(repository string) githubtest.Hook {
	if list := h.github.Hooks(repository); len(list) > 0 {
		return list[0]
	}
	return githubtest.Hook{}
}

// fill puts ids in the place of their names: {widgets} is the first hook of octo-org/widgets, {delivery} its newest
// delivery, {event} the newest record that is no ping, {task} what sync follows.
func (h *house) fill(text string) string {
	return braces.ReplaceAllStringFunc(text, func(name string) string {
		switch name = strings.Trim(name, "{}"); name {
		case "delivery":
			list := h.github.Deliveries(h.hook("octo-org/widgets").ID)
			return strconv.FormatInt(list[len(list)-1].ID, 10)
		case "event":
			for _, r := range slices.Backward(h.records()) {
				if r.Event != "ping" {
					return r.file
				}
			}
			return "none"
		case "task":
			list, err := h.tasks()
			if err != nil || len(list) == 0 {
				return "none"
			}
			return list[0].Key
		case "addr":
			return fmt.Sprintf("127.0.0.1:%d", h.port)
		}
		return strconv.FormatInt(h.hook("octo-org/"+name).ID, 10)
	})
}

var braces = regexp.MustCompile(`\{[a-z]+\}`)

// getenv is the environment of the house.
func (h *house) getenv(name string) string {
	for _, pair := range slices.Backward(h.env) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// prepare brings a house into the state that an operation begins with. A line is a command line of ours, or:
//
//	deliver REPOSITORY [SAMPLE]   GitHub sends a pull request, or that; with ! in front it must not arrive
//	fail REPOSITORY      CI fails there, and sync has looked at it
//	foreign REPOSITORY   another service has a hook there
//	rekey REPOSITORY     somebody changes the secret at GitHub
//	refuse REPOSITORY    GitHub refuses to change the secrets of its hooks
//	take                 GitHub refuses nothing any more
//	deny REPOSITORY      the user is no administrator any more
//	gone REPOSITORY      it is deleted
//	append FILE LINE     a file of the home has one more line
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
			before, sample := len(h.records()), "pull_request.opened"
			if len(words) > 2 {
				sample = words[2]
			}
			results, err := h.github.Deliver(t.Context(), words[1], githubtest.SampleEvent(sample), githubtest.SampleFor(sample, words[1]))
			if err != nil || len(results) == 0 || slices.ContainsFunc(results, func(d githubtest.Delivery) bool { return d.OK() == fails }) {
				t.Fatalf("%s: %v %v", line, results, err)
			}
			if problem := poll(func() string { // it is answered before its file is there
				return map[bool]string{true: line + ": no record"}[!fails && len(h.records()) == before]
			}); problem != "" {
				t.Fatal(problem)
			}
		case "fail":
			failRun(t, h, words[1])
			if problem := poll(func() string {
				list := h.records()
				return map[bool]string{true: line + ": sync has not looked at it"}[len(list) == 0 || list[len(list)-1].Sync.Status != logs.SyncSuggested]
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
			h.github.Grant(words[1], "read")
		case "append":
			_, line, _ := strings.Cut(line, words[1]+" ")
			if err := appendLine(filepath.Join(h.home, words[1]), line); err != nil {
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

// appendLine adds a line to a file.
func appendLine(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// houseRecord is what is compared of a record.
type houseRecord struct {
	file          string
	Event         string `json:"event_type"`
	Source        string
	HookID        int64 `json:"hook_id"`
	Signature     logs.Signature
	Summary       struct{ Repository, Title string } `json:"payload_summary"`
	Notifications []logs.Notification
	Sync          logs.Sync
}

// records are the records of the log by their names.
func (h *house) records() (list []houseRecord) {
	files, err := filepath.Glob(filepath.Join(h.home, "webhook_logs", "2*.json"))
	if err != nil {
		return nil
	}
	for _, file := range files {
		r := houseRecord{file: filepath.Base(file)}
		if data, err := os.ReadFile(file); err == nil && json.Unmarshal(data, &r) == nil {
			list = append(list, r)
		}
	}
	return list
}

// tasks are what sync follows.
func (h *house) tasks() ([]tasks.Item, error) {
	return tasks.New(tasks.Config{Home: h.home}).List()
}

// status is what the receiver says of itself.
func (h *house) status() daemon.Status {
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	status, err := daemon.Dial(h.home).Status(ctx)
	if err != nil {
		return daemon.Status{}
	}
	return status
}

// begin forgets what GitHub was asked so far.
func (h *house) begin() { h.since = len(h.github.Requests()) }

var (
	idsInPath      = regexp.MustCompile(`/hooks/(\d+)`)
	deliveryInPath = regexp.MustCompile(`/deliveries/\d+`)
	targetInPath   = regexp.MustCompile(`^/(repos/[^/]+/[^/]+|orgs/[^/]+)`)
)

// snapshot is everything that an operation may leave behind, with names in the place of what differs by chance.
func (h *house) snapshot() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	s, err := settings.Load(h.getenv)
	if err != nil {
		return err.Error()
	}
	store := s.Store()
	current, _, err := store.Current()
	rotation, rotationErr := store.Rotation()
	ring, ringErr := store.Ring(time.Now())
	aside, asideErr := store.Aside()
	var fleet struct{ Targets []string }
	data, fleetErr := os.ReadFile(filepath.Join(h.home, "state", "fleet.json"))
	if fleetErr == nil {
		fleetErr = json.Unmarshal(data, &fleet)
	} else if os.IsNotExist(fleetErr) {
		fleetErr = nil
	}
	if err := errors.Join(err, rotationErr, ringErr, asideErr, fleetErr); err != nil {
		return err.Error()
	}

	// The hooks that GitHub has.
	accepted := ring.Fingerprints(time.Now())
	class := func(fingerprint string) string {
		switch at := slices.Index(accepted, fingerprint); {
		case fingerprint == secret.Fingerprint(""):
			return "none"
		case fingerprint == secret.Fingerprint(current):
			return "current"
		case rotation != nil && fingerprint == secret.Fingerprint(rotation.Old):
			return "old"
		case at >= 0:
			return "accepted"
		}
		return "refused"
	}
	for _, name := range houseRepositories {
		for i, hook := range h.github.Hooks(name) {
			if h.names[hook.ID] == "" {
				h.names[hook.ID] = fmt.Sprintf("%s#%d", name, i+1)
			}
			slices.Sort(hook.Events)
			line("hook %s %s %s active=%t secret=%s", h.names[hook.ID], hook.URL, strings.Join(hook.Events, ","), hook.Active, class(secret.Fingerprint(hook.Secret)))
		}
	}

	// Its issues, and what is remembered of them.
	for _, name := range houseRepositories {
		for _, issue := range h.github.Issues(name) {
			line("issue %s#%d %s %q %v comments=%d", name, issue.Number, issue.State, issue.Title, issue.Labels, len(issue.Comments))
		}
	}
	followed, err := h.tasks()
	if err != nil {
		return err.Error()
	}
	for _, i := range followed {
		line("task %s %s %s %q %s %s", i.Key, i.State, i.Repository, i.Title, i.URL, i.Error)
	}

	// What GitHub was asked to change, in order for each target.
	writes := map[string][]string{}
	var targets []string
	for _, r := range h.github.Requests()[h.since:] {
		if r.Method == http.MethodGet || r.Path == "/graphql" {
			continue
		}
		target := targetInPath.FindString(r.Path)
		path := idsInPath.ReplaceAllStringFunc(r.Path, func(part string) string {
			id, err := strconv.ParseInt(strings.TrimPrefix(part, "/hooks/"), 10, 64)
			if name := h.names[id]; err == nil && name != "" {
				return "/hooks/" + name
			}
			return part
		})
		if writes[target] == nil {
			targets = append(targets, target)
		}
		writes[target] = append(writes[target], fmt.Sprintf("write %s %s %d", r.Method, deliveryInPath.ReplaceAllString(path, "/deliveries/N"), r.Status))
	}
	slices.Sort(targets)
	for _, target := range targets {
		line("%s", strings.Join(writes[target], "\n"))
	}

	// What is remembered.
	slices.Sort(fleet.Targets)
	line("fleet %s", fleet.Targets)
	line("public URL %s", s.Receiver.PublicURL)
	line("filters %v", s.TUI.Filters)
	if rotation != nil {
		line("rotation promoted=%t undo=%t", !rotation.Promoted.IsZero(), rotation.Undo)
		for _, hook := range slices.SortedFunc(slices.Values(rotation.Hooks), func(a, b secret.RotationHook) int { return strings.Compare(a.Repository, b.Repository) }) {
			line("rotation of %s: %s", h.names[hook.HookID], hook.Step)
		}
	}
	for _, hook := range aside {
		line("aside %s %s", hook.Repository, h.names[hook.HookID])
	}
	line("secrets accepted %d", len(accepted))

	// The receiver and its log.
	status := h.status()
	line("receiver running=%t secrets=%d duplicates=%d rejected=%d pending=%d failed=%d", status.Running, len(status.Secrets), status.Duplicates, status.Rejected, status.PendingNotifications, status.FailedNotifications)
	var records []string
	for _, r := range h.records() {
		outcome := ""
		for _, n := range r.Notifications {
			outcome += " " + n.Type + "=" + n.Status
		}
		if r.Sync.Status != "" {
			outcome += " sync=" + r.Sync.Status + " " + r.Sync.Text
		}
		records = append(records, fmt.Sprintf("record %s %s %s %s verified=%t secret=%s%s", r.Event, r.Source, r.Summary.Repository, h.names[r.HookID], r.Signature.Verified, class(r.Signature.Secret), outcome))
	}
	slices.Sort(records)
	line("%s", strings.Join(records, "\n"))
	var messages []string // those of one repository come in order, but that is for the tests of the queue
	for _, m := range h.maestro.Messages() {
		messages = append(messages, fmt.Sprintf("message %v %s", m.Content.Context["notification_type"], m.Subject))
	}
	slices.Sort(messages)
	line("%s", strings.Join(messages, "\n"))
	return b.String()
}
