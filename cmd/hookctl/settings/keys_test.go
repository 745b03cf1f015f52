package settings

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A value that comes as text is written where it belongs; comments and everything else stay.
func TestSetWritesOneKey(t *testing.T) {
	t.Parallel()
	const list = "sinks:\n  # first\n  - type: http # a\n    url: https://a.example.com\n  - {type: command, command: [a]}\nlog: {keep: 1d}\n"
	for _, c := range []struct{ name, file, key, text, want string }{
		{"text", "", "receiver.public_url", "https://a.example.com", "receiver:\n  public_url: https://a.example.com\n"},
		{"a number", "receiver:\n  port: 9001 # ours\n", "receiver.port", " 9002 ", "receiver:\n  port: 9002 # ours\n"},
		{"the zero of a number", "coalesce_max: 5\n", "coalesce_max", "0", "coalesce_max: 0\n"},
		{"a duration, as it was typed", "", "log.keep", "2w", "log:\n  keep: 2w\n"},
		{"a size, as it was typed", "log: {keep: 1d}\n", "log.max_size", "1234567", "log: {keep: 1d, max_size: 1234567}\n"},
		{"text that YAML reads otherwise", "", "sync.blocked.label", "on", "sync:\n  blocked:\n    label: \"on\"\n"},
		{"an empty text", "receiver: {metrics: \"127.0.0.1:9190\"} # m\n", "receiver.metrics", "", "receiver: {metrics: \"\"} # m\n"},
		{"a list with commas", "watched_branches:\n  - main\n  - x\n# end\n", "watched_branches", "main, 1.10 ,release/*", "watched_branches: [main, \"1.10\", release/*]\n# end\n"},
		{"a list as YAML", list, "sinks[1].command", `[a, "b, c"]`, strings.Replace(list, "[a]", `[a, "b, c"]`, 1)},
		{"an empty list", "watched_branches: [main]\n", "watched_branches", "", "watched_branches: []\n"},
		{"a key of an item", list, "sinks[0].url", "https://b.example.com", strings.Replace(list, "a.example", "b.example", 1)},
		{"a new key of an item", list, "sinks[0].name", "hub", strings.Replace(list, "a.example.com\n", "a.example.com\n    name: hub\n", 1)},
		{"a new key of an item in braces", list, "sinks[1].timeout", "9s", strings.Replace(list, "[a]", "[a], timeout: 9s", 1)},
		{"a key of the default sink", "# mine\n", "sinks[0].to", "lead", "# mine\nsinks:\n- type: aimaestro\n  url: http://127.0.0.1:23000\n  to: lead\n  from: hookctl\n"},
		{"all sinks", "", "sinks", "[{type: command, command: [a]}]", "sinks: [{type: command, command: [a]}]\n"},
		{"a short form", "trust: on # why\n", "trust.mode", "off", "trust: \"off\" # why\n"},
		{"a key with dots", "", "priorities.workflow_run.failure", "urgent", "priorities:\n  workflow_run.failure: urgent\n"},
		{"keys of an action", "tui: {theme: dark}\n", "tui.keys.filter.save", "ctrl+w", "tui: {theme: dark, keys: {filter.save: [ctrl+w]}}\n"},
		{"a path", "paths:\n  ci: {sinks: []}\n", "paths.ci.watched_branches", "main", "paths:\n  ci: {sinks: [], watched_branches: [main]}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, c.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Set(c.key, c.text); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, readFile(t, s.File)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is taken out has its default again; a section that would be empty goes with it.
func TestUnsetTakesOneKeyOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, key, want string }{
		{"at the top", "# a\ncoalesce: 5s # b\nlog: {keep: 1d}\n", "coalesce", "# a\nlog: {keep: 1d}\n"},
		{"in a section", "receiver:\n  port: 9001\n  bind: 0.0.0.0 # all\n", "receiver.port", "receiver:\n  bind: 0.0.0.0 # all\n"},
		{"the last of a section", "log:\n  keep: 1d\nreceiver: {port: 1}\n", "log.keep", "receiver: {port: 1}\n"},
		{"in braces", "receiver: {port: 9001, bind: 0.0.0.0}\n", "receiver.port", "receiver: {bind: 0.0.0.0}\n"},
		{"a list of sections", "sinks:\n  - {type: command, command: [a]}\n# end\n", "sinks", "# end\n"},
		{"a key of an item", "sinks:\n  - type: command\n    command: [a]\n    timeout: 5s\n", "sinks[0].timeout", "sinks:\n  - type: command\n    command: [a]\n"},
		{"what is not there", "log: {keep: 1d}\n", "receiver.port", "log: {keep: 1d}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, c.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Unset(c.key); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, readFile(t, s.File)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A mistake is never saved, and the error says what is wrong with the value, not where in a file that does not have it.
func TestSetRefusesAMistake(t *testing.T) {
	t.Parallel()
	const file = "receiver: {port: 9001}\nsinks:\n  - type: http\n    url: https://a.example.com\n"
	for _, c := range []struct{ key, text, want string }{
		{"receiver.port", "nine", `receiver.port: not a plain decimal number: "nine"`},
		{"receiver.port", "99999", "receiver.port: not a valid port: 99999 (1 to 65535; 0 takes any free one)"},
		{"receiver.allow", "all", `receiver.allow: not one of any, github: "all"`},
		{"receiver.bind", "", "receiver.bind: an empty address would listen on every interface; write 0.0.0.0 if you mean that"},
		{"log.keep", "tomorrow", `log.keep: not a valid duration: "tomorrow"; write it like 30d, 12h or 90s`},
		{"log.max_size", "much", `log.max_size: not a valid size: "much"; write it like 5GB or 500MB`},
		{"sinks[0].url", "nowhere", `sinks[0].url: "nowhere" is not a URL like https://hooks.example.com`},
		{"sinks[1].url", "https://b.example.com", "sinks[1].url: the list has no such entry"},
		{"sinks", "[{type: smoke}]", `sinks[0].type: not one of aimaestro, amp-send, chat, command, http: "smoke"`},
		{"sinks", "[{kind: http}]", "not valid YAML for this setting; use: hookctl config edit sinks"},
		{"sinks[0]", "x", "sinks[0]: not one value; set a key below it"},
		{"receiver", "x", "receiver: not one value; set a key below it"},
		{"watched_branches[0]", "x", "watched_branches[0]: no such setting"},
		{"receiver.prot", "1", "receiver.prot: no such setting"},
		{"home", "/tmp", "home: no such setting"},
		{"", "1", "the key: it is empty"},
		{"tui.theme", "a\nb", "tui.theme: a value is one line here; use: hookctl config edit"},
	} {
		t.Run(c.key+"="+c.text, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Set(c.key, c.text); err == nil || !strings.HasSuffix(err.Error(), c.want) || strings.Contains(err.Error(), s.File) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if got := readFile(t, s.File); got != file {
				t.Errorf("the file has changed: %s", got)
			}
		})
	}
}

// Each value in force, as text, is one that Set takes, unless only an editor changes it.
func TestEveryValueCanBeSetAsItIsShown(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "sinks:\n  - {type: aimaestro, url: \"http://127.0.0.1:1\", to: lead}\nroutes:\n  - {event: release, notify: release, sinks: [aimaestro]}\npaths: {ci: {watched_branches: [main]}}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range s.Rows() {
		if row.Doc == "" {
			t.Errorf("%s has no description", row.Key)
		}
		if row.Shape != Scalar && row.Shape != List || row.Text == "(none)" {
			continue
		}
		if err := s.Set(row.Key, row.Text); err != nil && row.Text != "" {
			t.Errorf("%s: %s: %v", row.Key, row.Text, err)
		}
	}
	again, err := Load(environment{"HOOKCTL_HOME": s.Home}.get)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Values, again.Values); diff != "" {
		t.Errorf("the values have changed: %s", diff)
	}
}

func TestLineOfAKey(t *testing.T) {
	t.Parallel()
	s, err := loadText(t, "log: {keep: 1d}\nsinks:\n  - type: command\n    command: [a]\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"log.keep": 1, "log.dir": 1, "sinks[0].command": 4, "sinks[0].name": 3, "sinks[7].name": 3, "routes": 0, "": 0} {
		if got := s.Line(key); got != want {
			t.Errorf("%q is at %d, not %d", key, got, want)
		}
	}
}
