package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func loadText(t *testing.T, text string, env environment, overrides ...override) (*settings, error) {
	t.Helper()
	home := t.TempDir()
	if text != "" {
		writeFile(t, filepath.Join(home, "hookctl.yaml"), text)
	}
	all := environment{"HOOKCTL_HOME": home}
	for name, value := range env {
		all[name] = value
	}
	return loadSettings(all.get, overrides...)
}

func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaultSettings(filepath.Join(s.Home, "webhook_logs")), s.Settings); diff != "" {
		t.Error(diff)
	}
	if origin := s.origin("receiver.port"); origin != "default" {
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
	s, err := loadText(t, file, environment{"WEBHOOK_PORT": "9002", "WATCHED_BRANCHES": "b, c,", "AIMAESTRO_AGENT": "y"}, override{"port", "receiver.port", "9003"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Receiver.Port != 9003 || s.origin("receiver.port") != "flag --port" {
		t.Errorf("port %d from %s", s.Receiver.Port, s.origin("receiver.port"))
	}
	if diff := cmp.Diff([]string{"b", "c"}, s.WatchedBranches); diff != "" {
		t.Error(diff)
	}
	if s.Sinks[1].To != "y" || s.origin("sinks[1].to") != "environment AIMAESTRO_AGENT" || s.origin("sinks[1].url") != "hookctl.yaml:5" {
		t.Errorf("%+v from %s, %s", s.Sinks[1], s.origin("sinks[1].to"), s.origin("sinks[1].url"))
	}
}

// TestSettingsTellWhatTheFileDecides: neither a bare key, which decides nothing, nor an anchor hides where a value is from.
func TestSettingsTellWhatTheFileDecides(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "receiver: &here\n  port: 9001\n  bind:\ncoalesce:\nlog:\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"receiver.port": "hookctl.yaml:2", "receiver.bind": "default", "coalesce": "default", "log.keep": "default",
	} {
		if origin := s.origin(key); origin != want {
			t.Errorf("%s is from %s, not %s", key, origin, want)
		}
	}
	if s.Receiver.Port != 9001 || s.Receiver.Bind != "127.0.0.1" || s.Coalesce != Duration(coalesceDefault) {
		t.Errorf("%+v", s.Settings)
	}
}

func TestSettingsMistakesAreNamedWithTheirPlace(t *testing.T) {
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
		{"no address", "receiver: {bind: not an ip}\n", `hookctl.yaml:1:18: receiver.bind: "not an ip" is no address`},
		{"no port", "receiver: {metrics: \"127.0.0.1:99999\"}\n", "hookctl.yaml:1:21: receiver.metrics: "},
		{"no host", "github: {host: \"https://x\"}\n", `hookctl.yaml:1:16: github.host: "https://x" is no host`},
		{"no name of a sink", "sinks: [{name: a/b, type: command, command: [x]}]\n", `hookctl.yaml:1:16: sinks[0].name: "a/b" is no name`},
		{"two sinks of one name", "sinks: [{type: command, command: [x]}, {type: command, command: [y]}]\n", `hookctl.yaml:1:40: sinks[1]: two sinks are called "command"`},
		{"no program", "sinks: [{type: command, command: [\"\"]}]\n", "hookctl.yaml:1:9: sinks[0]: command is missing"},
		{"route to an unknown sink", "routes: [{event: push, notify: push, sinks: [nobody]}]\n", `hookctl.yaml:1:46: routes[0].sinks[0]: no sink is named "nobody"`},
		{"no name of a path", "paths: {a/b: {}}\n", `hookctl.yaml:1:14: paths.a/b: "a/b" is no name of a path`},
		{"no repository", "setup: {repositories: [a b]}\n", `hookctl.yaml:1:24: setup.repositories[0]: "a b" is no repository`},
		{"no filter", "tui: {filters: {mine: \"bogus:1\"}}\n", "hookctl.yaml:1:23: tui.filters.mine: filter, character 1: there is no field"},
		{"no pattern", "watched_branches: [main, \"[a\"]\n", "hookctl.yaml:1:26: watched_branches[1]: "},
		{"no pattern of a path", "paths: {ci: {watched_branches: [\"[a\"]}}\n", "hookctl.yaml:1:33: paths.ci.watched_branches[0]: "},
		{"priority of nothing", "priorities: {nonsense: high}\n", "hookctl.yaml:1:24: priorities.nonsense: "},
		{"port out of range", "receiver: {port: 99999}\n", "hookctl.yaml:1:18: receiver.port: 99999 is no port"},
		{"duration", "coalesce: soon\n", `hookctl.yaml:1:11: "soon" is no duration`},
		{"longer than can be counted", "log: {keep: 20000w}\n", `hookctl.yaml:1:13: "20000w" is no duration`},
		{"longer together", "log: {keep: 15250w2562047h}\n", `"15250w2562047h" is no duration`},
		{"size", "log: {max_size: big}\n", `hookctl.yaml:1:17: "big" is no size`},
		{"enum", "tui: {theme: pink}\n", `hookctl.yaml:1:14: tui.theme: "pink" is none of: auto, light, dark`},
		{"empty choice", "receiver: {tunnel: \"\"}\n", `hookctl.yaml:1:20: receiver.tunnel: "" is none of: off, ngrok`},
		{"a port with the address", "receiver: {bind: \"127.0.0.1:80\"}\n", `hookctl.yaml:1:18: receiver.bind: "127.0.0.1:80" is no address like 127.0.0.1 or ::1; the port is receiver.port`},
		{"empty address", "receiver: {bind: \"\"}\n", "hookctl.yaml:1:18: receiver.bind: an empty address would listen on every one"},
		{"empty directory", "log: {dir: \"\"}\n", "hookctl.yaml:1:12: log.dir: an empty path"},
		{"route without a type", "routes: [{event: push}]\n", "hookctl.yaml:1:10: routes[0].notify: "},
		{"key where its variable belongs", "sinks: [{type: http, url: \"http://x\", secret: 0secret@}]\n", "hookctl.yaml:1:47: sinks[0].secret: that is no name of a variable"},
		{"priority", "priorities: {workflow_run.failure: soon}\n", `hookctl.yaml:1:36: priorities.workflow_run.failure: "soon" is none of`},
		{"password in a URL", "receiver: {public_url: \"https://me:secret@example.com\"}\n", "a URL with a password in it"},
		{"metrics for everyone", "receiver: {metrics: \"0.0.0.0:9190\"}\n", "no loopback address"},
		{"certificate without key", "receiver: {tls: {cert: a.pem}}\n", "cert and key go together"},
		{"proxy", "receiver: {trusted_proxies: [here]}\n", `hookctl.yaml:1:30: receiver.trusted_proxies[0]: "here" is no address range`},
		{"jq", "routes:\n  - {event: push, notify: push, when: '.ref =='}\n", "hookctl.yaml:2:39: routes[0].when: line 1, column"},
		{"template", "routes:\n  - event: push\n    notify: push\n    subject: '{{.Nothing'\n", "hookctl.yaml:4:14: routes[0].subject: "},
		{"sink type", "sinks:\n  - {type: pigeon}\n", `hookctl.yaml:2:12: sinks[0].type: "pigeon" is none of`},
		{"sink without a recipient", "sinks:\n  - {type: aimaestro, url: \"http://127.0.0.1:1\"}\n", "sinks[0]: to is missing"},
		{"path with an unknown sink", "paths: {ci: {sinks: [nobody]}}\n", `paths.ci.sinks[0]: no sink is named "nobody"`},
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
		{"comments only", "# mine\n", "sinks", []SinkSettings{}, "# mine\nsinks: []\n"},
		{"a value", "receiver:\n  port: 9001 # ours\n  bind: 0.0.0.0\n", "receiver.port", 9002, "receiver:\n  port: 9002 # ours\n  bind: 0.0.0.0\n"},
		{"a new key of a section", "# top\nreceiver:\n  port: 9001 # ours\nlog:\n  keep: 1d\n", "receiver.public_url", "https://a.example.com", "# top\nreceiver:\n  port: 9001 # ours\n  public_url: https://a.example.com\nlog:\n  keep: 1d\n"},
		{"a new section", "log:\n  keep: 1d # a day\n", "setup.repositories", []string{"o/r"}, "log:\n  keep: 1d # a day\nsetup:\n  repositories:\n  - o/r\n"},
		{"a list in brackets", "setup: {repositories: [a/b]} # ours\n# end\n", "setup.repositories", []string{"a/b", "c/d"}, "setup: {repositories: [a/b, c/d]} # ours\n# end\n"},
		{"a list of lines", "setup:\n  repositories:\n    - a/b\n  events: [push]\n", "setup.repositories", []string{"a/b", "c/d"}, "setup:\n  repositories:\n    - a/b\n    - c/d\n  events: [push]\n"},
		{"a quoted value", "receiver: {public_url: \"https://a.example.com\", port: 9001}\n", "receiver.public_url", "https://b.example.com", "receiver: {public_url: https://b.example.com, port: 9001}\n"},
		{"sinks", "sinks:\n  # mine\n  - {type: aimaestro, url: \"http://127.0.0.1:1\", to: x}\n# end\n", "sinks", []SinkSettings{}, "sinks: []\n# end\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, c.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.save(c.key, c.value); err != nil {
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
	if err := s.save("receiver.port", 99999); err == nil {
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
		if err := s.save("receiver.port", 9123); err != nil {
			return // Some YAML cannot be edited; it is left alone then.
		}
		again, err := loadSettings(environment{"HOOKCTL_HOME": s.Home}.get)
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
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(settingsSchema()))
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
		regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readFile(t, readme))[1]: true,
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
		if _, err := loadText(t, text, nil); (err == nil) != right && (err == nil || !strings.Contains(err.Error(), "no sink")) {
			t.Errorf("%s: the reader says %v", text, err)
		}
	}
}
