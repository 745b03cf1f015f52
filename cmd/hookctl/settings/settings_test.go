package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// environment stands in for the real one.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// loadText reads a hookctl.yaml in a new home; "" is none.
func loadText(t *testing.T, text string, env environment, overrides ...Override) (*Settings, error) {
	t.Helper()
	home := t.TempDir()
	if text != "" {
		writeFile(t, filepath.Join(home, "hookctl.yaml"), text)
	}
	all := environment{"HOOKCTL_HOME": home}
	for name, value := range env {
		all[name] = value
	}
	return Load(all.get, overrides...)
}

func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults(filepath.Join(s.Home, "webhook_logs")), s.Values); diff != "" {
		t.Error(diff)
	}
	if origin := s.Origin("receiver.port"); origin != "default" {
		t.Errorf("origin %q", origin)
	}
}

func TestSettingsKeepDefaultsBesideWhatAFileSets(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "receiver: {bind: 0.0.0.0}\nlog:\nsinks: []\n", environment{"AIMAESTRO_AGENT": "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Receiver.Bind != "0.0.0.0" || s.Receiver.Port != 9000 || s.Log.Keep != 30*day {
		t.Errorf("%+v %+v", s.Receiver, s.Log)
	}
	if len(s.Sinks) != 0 {
		t.Errorf("notifications are off, and a variable switched them on: %v", s.Sinks)
	}
}

func TestSettingsOfAnEditorThatMarksItsFiles(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "\ufeffreceiver:\r\n  port: 9001\r\n", nil)
	if err != nil || s.Receiver.Port != 9001 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestSettingsPrecedence(t *testing.T) {
	t.Parallel()
	file := "receiver: {port: 9001}\nwatched_branches: [a]\nsinks:\n  - {type: command, command: [true]}\n  - {type: aimaestro, url: http://127.0.0.1:1, to: x}\n"
	s, err := loadText(t, file, environment{"WEBHOOK_PORT": "9002", "WATCHED_BRANCHES": "b, c,", "AIMAESTRO_AGENT": "y"}, Override{"port", "receiver.port", "9003"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Receiver.Port != 9003 || s.Origin("receiver.port") != "flag --port" {
		t.Errorf("port %d from %s", s.Receiver.Port, s.Origin("receiver.port"))
	}
	if diff := cmp.Diff([]string{"b", "c"}, s.WatchedBranches); diff != "" {
		t.Error(diff)
	}
	if s.Sinks[1].To != "y" || s.Origin("sinks[1].to") != "environment AIMAESTRO_AGENT" || s.Origin("sinks[1].url") != "hookctl.yaml:5" {
		t.Errorf("%+v from %s, %s", s.Sinks[1], s.Origin("sinks[1].to"), s.Origin("sinks[1].url"))
	}
}

// TestSettingsShowWhatTheFileDecides: neither a bare key, which decides nothing, nor an anchor hides where a value is from.
func TestSettingsShowWhatTheFileDecides(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "receiver: &here\n  port: 9001\n  bind:\ncoalesce:\nlog:\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"receiver.port": "hookctl.yaml:2", "receiver.bind": "default", "coalesce": "default", "log.keep": "default",
	} {
		if origin := s.Origin(key); origin != want {
			t.Errorf("%s is from %s, want %s", key, origin, want)
		}
	}
	if s.Receiver.Port != 9001 || s.Receiver.Bind != "127.0.0.1" || s.Coalesce != Duration(coalesceDefault) {
		t.Errorf("%+v", s.Values)
	}
}

// TestBoundOfASlowSinkReachesTheReceiver: the receiver's own zero is its default, which the file's is not.
func TestBoundOfASlowSinkReachesTheReceiver(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int{"": 20, "coalesce_max: 5\n": 5, "coalesce_max: 0\n": -1} {
		s, err := loadText(t, file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := s.Server(); err != nil || c.CoalesceMax != want {
			t.Errorf("%q: %d, %v, want %d", file, c.CoalesceMax, err, want)
		}
	}
}

func TestMistakesNameTheirPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, want string }{
		{"unknown key", "receivers: {}\n", `hookctl.yaml:1:1: unknown field "receivers"`},
		{"unknown inner key", "log:\n  kep: 1d\n", `hookctl.yaml:2:3: unknown field "kep"`},
		{"a number for a key", "receiver: {0: 1}\n", `hookctl.yaml:1:12: unknown field "0"`},
		{"a number alone", "receiver: {0}\n", `hookctl.yaml:1:12: unknown field "0"`},
		{"a number at the top", "1: 2\n", `hookctl.yaml:1:1: unknown field "1"`},
		{"a number in a list", "sinks:\n  - {type: command, command: [x], 1: 2}\n", `hookctl.yaml:2:35: unknown field "1"`},
		{"a key behind an anchor", "receiver: &r {true: 1}\n", `hookctl.yaml:1:15: unknown field "true"`},
		{"a second document", "receiver: {port: 1}\n---\nreceiver: {port: 2}\n", "hookctl.yaml:3:9: a second document would not be read"},
		{"broken YAML", "log: [\n", "hookctl.yaml:1:6: "},
		{"wrong type", "receiver: {port: nine}\n", "hookctl.yaml:1:18: string was used where int is expected"},
		{"no address", "receiver: {bind: not an ip}\n", `hookctl.yaml:1:18: receiver.bind: not a valid address`},
		{"no port", "receiver: {metrics: \"127.0.0.1:99999\"}\n", "hookctl.yaml:1:21: receiver.metrics: "},
		{"no host", "github: {host: \"https://x\"}\n", `hookctl.yaml:1:16: github.host: not a valid host like github.example.com: "https://x"`},
		{"no name of a sink", "sinks: [{name: a/b, type: command, command: [x]}]\n", `hookctl.yaml:1:16: sinks[0].name: not a valid name: "a/b"`},
		{"two sinks of one name", "sinks: [{type: command, command: [x]}, {type: command, command: [y]}]\n", `hookctl.yaml:1:40: sinks[1]: two sinks have the name "command"`},
		{"no program", "sinks: [{type: command, command: [\"\"]}]\n", "hookctl.yaml:1:9: sinks[0]: command is not set"},
		{"route to an unknown sink", "routes: [{event: push, notify: push, sinks: [nobody]}]\n", `hookctl.yaml:1:46: routes[0].sinks[0]: no sink has the name "nobody"`},
		{"escalations to an unknown sink", "sync: {blocked: {sinks: [nobody]}}\n", `hookctl.yaml:1:26: sync.blocked.sinks[0]: no sink has the name "nobody"`},
		{"no name of a path", "paths: {a/b: {}}\n", `hookctl.yaml:1:14: paths.a/b: not a valid path name: "a/b"`},
		{"no repository", "setup: {repositories: [a b]}\n", `hookctl.yaml:1:24: setup.repositories[0]: "a b" is not a repository`},
		{"no filter", "tui: {filters: {mine: \"bogus:1\"}}\n", "hookctl.yaml:1:23: tui.filters.mine: filter, character 1: there is no field"},
		{"no pattern", "watched_branches: [main, \"[a\"]\n", "hookctl.yaml:1:26: watched_branches[1]: "},
		{"no pattern of a path", "paths: {ci: {watched_branches: [\"[a\"]}}\n", "hookctl.yaml:1:33: paths.ci.watched_branches[0]: "},
		{"priority of nothing", "priorities: {nonsense: high}\n", "hookctl.yaml:1:24: priorities.nonsense: "},
		{"a negative bound", "coalesce_max: -1\n", `hookctl.yaml:1:15: coalesce_max: not a count: -1 (0 means no limit)`},
		{"an octal port", "receiver: {port: 010}\n", `hookctl.yaml:1:18: not a plain decimal number: "010"`},
		{"a hexadecimal port", "receiver: {port: 0x10}\n", `hookctl.yaml:1:18: not a plain decimal number: "0x10"`},
		{"a port with an underscore", "receiver:\n  port: 9_000 # here\n", `hookctl.yaml:2:9: not a plain decimal number: "9_000"`},
		{"a port with a sign", "receiver: {port: +9000}\n", `hookctl.yaml:1:18: not a plain decimal number: "+9000"`},
		{"an octal port behind an anchor", "receiver: {port: &p 010}\n", `hookctl.yaml:1:21: not a plain decimal number: "010"`},
		{"a fraction of a port", "receiver: {port: 9000.5}\n", `hookctl.yaml:1:18: not a plain decimal number: "9000.5"`},
		{"nothing in a list", "watched_branches: [main, ~]\n", "hookctl.yaml:1:26: an empty entry of a list"},
		{"a hexadecimal size", "log: {max_size: 0x10}\n", `hookctl.yaml:1:17: not a valid size: "0x10"`},
		{"a size with an underscore", "log: {max_size: 1_000}\n", `hookctl.yaml:1:17: not a valid size: "1_000"`},
		{"a hexadecimal duration", "coalesce: 0x10\n", `hookctl.yaml:1:11: not a valid duration: "0x10"`},
		{"port out of range", "receiver: {port: 99999}\n", "hookctl.yaml:1:18: receiver.port: not a valid port: 99999"},
		{"duration", "coalesce: soon\n", `hookctl.yaml:1:11: not a valid duration: "soon"`},
		{"longer than can be counted", "log: {keep: 20000w}\n", `hookctl.yaml:1:13: not a valid duration: "20000w"`},
		{"longer together", "log: {keep: 15250w2562047h}\n", `not a valid duration: "15250w2562047h"`},
		{"size", "log: {max_size: big}\n", `hookctl.yaml:1:17: not a valid size: "big"`},
		{"enum", "tui: {theme: pink}\n", `hookctl.yaml:1:14: tui.theme: not one of auto, light, dark: "pink"`},
		{"empty choice", "receiver: {tunnel: \"\"}\n", `hookctl.yaml:1:20: receiver.tunnel: not one of off, ngrok, cloudflared, tailscale: ""`},
		{"a port with the address", "receiver: {bind: \"127.0.0.1:80\"}\n", `hookctl.yaml:1:18: receiver.bind: not a valid address like 127.0.0.1 or ::1: "127.0.0.1:80"; the port is receiver.port`},
		{"empty address", "receiver: {bind: \"\"}\n", "hookctl.yaml:1:18: receiver.bind: an empty address would listen on every interface"},
		{"empty directory", "log: {dir: \"\"}\n", "hookctl.yaml:1:12: log.dir: the path is empty"},
		{"route without a type", "routes: [{event: push}]\n", "hookctl.yaml:1:10: routes[0].notify: "},
		{"key where its variable belongs", "sinks: [{type: http, url: \"http://x\", secret: 0secret@}]\n", "hookctl.yaml:1:47: sinks[0].secret: not a valid name of a variable"},
		{"priority", "priorities: {workflow_run.failure: soon}\n", `hookctl.yaml:1:36: priorities.workflow_run.failure: not one of low, medium, high, urgent: "soon"`},
		{"password in a URL", "receiver: {public_url: \"https://me:secret@example.com\"}\n", "the URL contains a password"},
		{"metrics for everyone", "receiver: {metrics: \"0.0.0.0:9190\"}\n", "not a loopback address"},
		{"certificate without key", "receiver: {tls: {cert: a.pem}}\n", "set both cert and key, or neither"},
		{"proxy", "receiver: {trusted_proxies: [here]}\n", `hookctl.yaml:1:30: receiver.trusted_proxies[0]: not a valid address range like 10.0.0.0/8: "here"`},
		{"jq", "routes:\n  - {event: push, notify: push, when: '.ref =='}\n", "hookctl.yaml:2:39: routes[0].when: line 1, column"},
		{"template", "routes:\n  - event: push\n    notify: push\n    subject: '{{.Nothing'\n", "hookctl.yaml:4:14: routes[0].subject: "},
		{"sink type", "sinks:\n  - {type: pigeon}\n", `hookctl.yaml:2:12: sinks[0].type: not one of aimaestro, amp-send, chat, command, http: "pigeon"`},
		{"chat without its URL", "sinks: [{type: chat}]\n", "hookctl.yaml:1:9: sinks[0]: url_from is not set"},
		{"the URL of a chat in the file", "sinks: [{type: chat, url: \"ntfy://u:secret@ntfy.sh/t\"}]\n", "hookctl.yaml:1:27: sinks[0].url: the URL of a chat holds a key"},
		{"URL where its variable belongs", "sinks: [{type: chat, url_from: \"ntfy://secret@x\"}]\n", "sinks[0].url_from: not a valid name of a variable"},
		{"format", "sinks: [{type: http, url: \"http://x\", format: xml}]\n", "sinks[0].format: not one of cloudevents, openclaw, standard-webhooks, template"},
		{"format of another sink", "sinks: [{type: command, command: [x], format: openclaw}]\n", "sinks[0].format: only an http sink"},
		{"OpenClaw without its token", "sinks: [{type: http, url: \"http://x\", format: openclaw}]\n", "sinks[0].secret: not set"},
		{"template without text", "sinks: [{type: http, url: \"http://x\", format: template}]\n", "belong together"},
		{"template with a mistake", "sinks: [{type: http, url: \"http://x\", format: template, template: \"{{.Nothing}}\"}]\n", "sinks[0].template: "},
		{"url and url_from", "sinks: [{type: http, url: \"http://x\", url_from: X}]\n", "set url or url_from, not both"},
		{"trust by another word", "trust: maybe\n", `hookctl.yaml:1:8: trust: not one of on, off: "maybe"`},
		{"mode of trust", "trust: {mode: maybe}\n", `hookctl.yaml:1:15: trust.mode: not one of on, off: "maybe"`},
		{"association", "trust: {authors: [FRIEND]}\n", `hookctl.yaml:1:19: trust.authors[0]: not one of OWNER, `},
		{"unknown key of trust", "trust: {everybody: on}\n", `hookctl.yaml:1:9: unknown field "everybody"`},
		{"unknown entry of notify_also", "notify_also: [everything]\n", `hookctl.yaml:1:15: notify_also[0]: not one of reviews, statuses: "everything"`},
		{"sink without a recipient", "sinks:\n  - {type: aimaestro, url: \"http://127.0.0.1:1\"}\n", "sinks[0]: to is not set"},
		{"path with an unknown sink", "paths: {ci: {sinks: [nobody]}}\n", `paths.ci.sinks[0]: no sink has the name "nobody"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := loadText(t, c.file, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret@") {
				t.Error("the secret is in the error")
			}
		})
	}
}

// TestTextIsWhatIsWritten: YAML would read these as numbers and write other text for them.
func TestTextIsWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"1.10", "007", "0x10", "1_000", "0o17", "0b11", "-0", "+5", ".5", "1.", "true", "False", ".inf", ".NaN", "1e3", "2024-01-02", "v1.10"} {
		for _, form := range []string{"%s", "!!str %s", "&a %s", "\"%s\"", "'%s'"} {
			value := fmt.Sprintf(form, written)
			s, err := loadText(t, fmt.Sprintf("watched_branches: [%[1]s, main]\nsinks: [{type: command, name: a, command: [x, %[1]s]}]\n", value), nil)
			if err != nil {
				t.Errorf("%s: %v", value, err)
				continue
			}
			if s.WatchedBranches[0] != written || s.Sinks[0].Command[1] != written {
				t.Errorf("%s is read as %q and %q", value, s.WatchedBranches[0], s.Sinks[0].Command[1])
			}
		}
		if written == "-0" || strings.ContainsAny(written, ".+") {
			continue // not a name of a path
		}
		s, err := loadText(t, fmt.Sprintf("paths: {%s: {}}\ntui: {filters: {%s: 007}}\n", written, written), nil)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if _, ok := s.Paths[written]; !ok || s.TUI.Filters[written] != "007" {
			t.Errorf("%s: the keys are %v and %v", written, s.Paths, s.TUI.Filters)
		}
	}
	// An alias is the text that stands at its anchor.
	s, err := loadText(t, "receiver: {bind: localhost, port: &p 9010}\nwatched_branches: [*p, &b 1.10, *b]\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"9010", "1.10", "1.10"}, s.WatchedBranches); diff != "" || s.Receiver.Port != 9010 {
		t.Error(s.Receiver.Port, diff)
	}
}

// What is saved reads back as it was given.
func TestSavedTextIsReadBackAsItWas(t *testing.T) {
	t.Parallel()
	want := []string{"1.10", "007", "true", "~", "main"}
	for _, file := range []string{"", "watched_branches: [main] # ours\n", "watched_branches:\n  - main\n"} {
		s, err := loadText(t, file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Save("watched_branches", want); err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		again, err := Load(environment{"HOOKCTL_HOME": s.Home}.get)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, again.WatchedBranches); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDurationsAndSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Duration{
		"30d": 30 * day, "2w": 14 * day, "1d12h": day + Duration(12*time.Hour), "90s": Duration(90 * time.Second), "0": 0, "20s": Duration(20 * time.Second),
	} {
		got, err := parseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := parseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s and read as %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "d", "1x", "-1h", "1d-1h", "99999999999d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if got := Size(5_000_000_000).String(); got != "5.0GB" {
		t.Errorf("size %s", got)
	}
}

func TestSaveKeepsCommentsAndEverythingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, key string
		value           any
		want            string
	}{
		{"no file", "", "receiver.public_url", "https://a.example.com", "receiver:\n  public_url: https://a.example.com\n"},
		{"comments only", "# mine\n", "sinks", []Sink{}, "# mine\nsinks: []\n"},
		{"a value", "receiver:\n  port: 9001 # ours\n  bind: 0.0.0.0\n", "receiver.port", 9002, "receiver:\n  port: 9002 # ours\n  bind: 0.0.0.0\n"},
		{"a new key of a section", "# top\nreceiver:\n  port: 9001 # ours\nlog:\n  keep: 1d\n", "receiver.public_url", "https://a.example.com", "# top\nreceiver:\n  port: 9001 # ours\n  public_url: https://a.example.com\nlog:\n  keep: 1d\n"},
		{"a new section", "log:\n  keep: 1d # a day\n", "setup.repositories", []string{"o/r"}, "log:\n  keep: 1d # a day\nsetup:\n  repositories:\n  - o/r\n"},
		{"a list in brackets", "setup: {repositories: [a/b]} # ours\n# end\n", "setup.repositories", []string{"a/b", "c/d"}, "setup: {repositories: [a/b, c/d]} # ours\n# end\n"},
		{"a list of lines", "setup:\n  repositories:\n    - a/b\n  events: [push]\n", "setup.repositories", []string{"a/b", "c/d"}, "setup:\n  repositories:\n    - a/b\n    - c/d\n  events: [push]\n"},
		{"a quoted value", "receiver: {public_url: \"https://a.example.com\", port: 9001}\n", "receiver.public_url", "https://b.example.com", "receiver: {public_url: https://b.example.com, port: 9001}\n"},
		{"a bare key", "receiver:\n  port: # later\n  bind: 0.0.0.0\n", "receiver.port", 9002, "receiver:\n  port: 9002 # later\n  bind: 0.0.0.0\n"},
		{"an item for none", "sinks: [] # none\n# end\n", "sinks", []Sink{{Type: "aimaestro", URL: "http://127.0.0.1:1", To: "x"}}, "sinks: [{type: aimaestro, url: \"http://127.0.0.1:1\", to: x}] # none\n# end\n"},
		{"sinks", "sinks:\n  # mine\n  - {type: aimaestro, url: \"http://127.0.0.1:1\", to: x}\n# end\n", "sinks", []Sink{}, "sinks: []\n# end\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, c.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Save(c.key, c.value); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, readFile(t, s.File)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSaveRefusesAMistake(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "receiver: {port: 9001}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save("receiver.port", 99999); err == nil {
		t.Error("a port out of range was saved")
	}
	if got := readFile(t, s.File); got != "receiver: {port: 9001}\n" {
		t.Errorf("the file has changed: %s", got)
	}
}

// FuzzSettings: whatever is in hookctl.yaml, reading it gives settings or an error, and what was read can be saved to.
func FuzzSettings(f *testing.F) {
	f.Add("receiver: {port: 9000}\n")
	f.Add("# only a comment")
	f.Add("sinks:\n  - {type: command, command: [a, b]}\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := loadText(t, text, nil)
		if err != nil || text == "" {
			return
		}
		if err := s.Save("receiver.port", 9123); err != nil {
			return // Some YAML cannot be edited; it is left alone then.
		}
		again, err := Load(environment{"HOOKCTL_HOME": s.Home}.get)
		if err != nil {
			t.Fatalf("saving broke the file: %v\n%s", err, readFile(t, s.File))
		}
		if again.Receiver.Port != 9123 {
			t.Fatalf("saving was lost:\n%s", readFile(t, s.File))
		}
	})
}

// TestSchemaAgreesWithTheReader: what the program reads the schema accepts, and what it refuses as unknown, too.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	t.Parallel()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("hookctl.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("hookctl.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, right := range map[string]bool{
		"{}": true,
		"receiver: {port: 9000, public_url: \"https://hooks.example.com\", tls: {acme: {domains: [a.example.com]}}}": true,
		"log: {dir: ~/logs, keep: 30d, max_size: 5GB}":                                                               true,
		"coalesce: 0": true,
		"routes: [{event: release, when: '.a', notify: x, priority: low, sinks: [a]}]": true,
		"paths: {ci: {watched_branches: [main], sinks: [a]}}":                          true,
		"priorities: {workflow_run.failure: high}":                                     true,
		"tui: {keys: {quit: [q]}, filters: {mine: 'repo:o/*'}}":                        true,
		"receivers: {}":                            false,
		"log: {kep: 1d}":                           false,
		"tui: {theme: pink}":                       false,
		"priorities: {workflow_run.failure: soon}": false,
		"receiver: {port: nine}":                   false,
		"log: {keep: tomorrow}":                    false,
		"log: {keep: 1h2d}":                        false,
		"log: {keep: 2w1d12h}":                     true,
		"coalesce: 20":                             false,
		"coalesce: \"\"":                           false,
		"receiver: {allow: \"\"}":                  false,
		"receiver: {0: 1}":                         false,
		"routes: [{event: push}]":                  false,
		"routes: [{notify: push}]":                 false,
		"sinks: [{url: \"http://127.0.0.1\"}]":     false,
		regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readFile(t, "../../../README.md"))[1]: true,
	} {
		converted, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(converted, &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != right {
			t.Errorf("%s: the schema says %v", text, err)
		}
		if _, err := loadText(t, text, nil); (err == nil) != right && (err == nil || !strings.Contains(err.Error(), "no sink has")) {
			t.Errorf("%s: the reader says %v", text, err)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
