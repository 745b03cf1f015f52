package settings

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Filters are saved, replaced and taken out one by one; every comment and every other line stays as it is.
func TestFiltersAreSavedOneByOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, key, text, want string }{
		{"no file", "", "fails", "conclusion:failure", "tui:\n  filters:\n    fails: 'conclusion:failure'\n"},
		{"no section", "# top\nreceiver: {port: 9001} # why", "fails", `"a b" since:1h`,
			"# top\nreceiver: {port: 9001} # why\ntui:\n  filters:\n    fails: '\"a b\" since:1h'\n"},
		{"a section", "tui:\n  # mine\n  theme: dark # night\nlog: {keep: 1d}\n", "x", "title:'b'",
			"tui:\n  # mine\n  theme: dark # night\n  filters:\n    x: 'title:''b'''\nlog: {keep: 1d}\n"},
		{"an empty section", "tui: # later\nlog: {keep: 1d}\n", "x", "event:push", "tui: # later\n  filters:\n    x: 'event:push'\nlog: {keep: 1d}\n"},
		{"an empty map", "tui:\n    filters: # none yet\n    theme: dark\n", "x", "event:push", "tui:\n    filters: # none yet\n      x: 'event:push'\n    theme: dark\n"},
		{"a second one", "tui:\n  filters:\n    # what broke\n    fails: conclusion:failure # red\n  # after\n  theme: dark\n", "mine", "repo:o/*",
			"tui:\n  filters:\n    # what broke\n    fails: conclusion:failure # red\n    mine: 'repo:o/*'\n  # after\n  theme: dark\n"},
		{"another text", "tui:\n  filters:\n    fails: conclusion:failure # red\n    mine: 'it''s'\n", "fails", "status:failed",
			"tui:\n  filters:\n    fails: 'status:failed' # red\n    mine: 'it''s'\n"},
		{"another text for a quoted one", "tui:\n  filters:\n    mine: 'it''s' # x\n", "mine", "y", "tui:\n  filters:\n    mine: 'y' # x\n"},
		{"one of two goes", "tui:\n  filters:\n    a: event:push\n    # b is mine\n    b: event:ping\n", "a", "", "tui:\n  filters:\n    # b is mine\n    b: event:ping\n"},
		{"the last one goes", "log: {keep: 1d}\ntui:\n  filters:\n    a: event:push\n", "a", "", "log: {keep: 1d}\n"},
		{"the last one goes, and a comment stays", "tui:\n  filters: # mine\n    a: event:push\n", "a", "", "tui:\n  filters: # mine\n"},
		{"the last one goes, and another setting stays", "tui:\n  filters:\n    a: event:push\n  theme: dark\n", "a", "", "tui:\n  theme: dark\n"},
		{"in braces", "tui: {theme: dark} # x\n", "a", "event:push,ping", "tui: {theme: dark, filters: {a: 'event:push,ping'}} # x\n"},
		{"in empty braces", "tui: {}\n", "a", "x", "tui: {filters: {a: 'x'}}\n"},
		{"a second one in braces", "tui: {filters: {a: 'event:push'}, mouse: off} # x\n", "b", "y", "tui: {filters: {a: 'event:push', b: 'y'}, mouse: off} # x\n"},
		{"one of two in braces goes", "tui:\n  filters: {a: é, b: 'y'} # x\n", "a", "", "tui:\n  filters: {b: 'y'} # x\n"},
		{"a name that YAML reads otherwise", "tui:\n  filters:\n    a: b\n", "null", "x", "tui:\n  filters:\n    a: b\n    \"null\": 'x'\n"},
		{"a number as a name", "tui:\n  filters:\n    \"1\": b\n", "1", "x", "tui:\n  filters:\n    \"1\": 'x'\n"},
		{"in lines of braces", "tui:\n  filters: {\n    a: b,\n  }\n", "a", "c", "tui:\n  filters: {\n    a: 'c',\n  }\n"},
		{"behind a list", "tui:\n  keys:\n    quit:\n    - q\n    - x\n\n# end\n", "a", "b", "tui:\n  keys:\n    quit:\n    - q\n    - x\n  filters:\n    a: 'b'\n\n# end\n"},
		{"a name with blanks", "", "what broke, why", "x", ""},
		{"what is not there goes", "log: {keep: 1d} # c\n", "a", "", "log: {keep: 1d} # c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, c.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			maps.Copy(want, s.TUI.Filters)
			if want[c.key] = c.text; c.text == "" {
				delete(want, c.key)
			}
			if err := s.SaveFilter(c.key, c.text); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(s.File)
			if err != nil {
				t.Fatal(err)
			}
			if c.want != "" && string(got) != c.want {
				t.Errorf("the file is\n%s\nand not\n%s", got, c.want)
			}
			again, err := Load(environment{"HOOKCTL_HOME": s.Home}.get)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(again.TUI.Filters, want) {
				t.Errorf("the filters are %v and not %v", again.TUI.Filters, want)
			}
		})
	}
}

// A file that sets nothing leaves every default in force.
func TestSettingsOfAnEmptyFile(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"\n", "# nothing yet\n", "tui:\n"} {
		s, err := loadText(t, file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(defaults(filepath.Join(s.Home, "webhook_logs")), s.Values); diff != "" {
			t.Errorf("%q: %s", file, diff)
		}
	}
}

// What cannot be edited safely is left as it is, and the error says what to do.
func TestFiltersAreLeftWhereTheyCannotBeSet(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"braces on several lines": "tui:\n  filters: {\n    a: b,\n  }\n",
		"an anchor":               "tui:\n  filters: &f\n    a: b\n",
		"a folded text":           "tui:\n  filters:\n    a: >-\n      event:push\n      repo:o/*\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := loadText(t, file, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = s.SaveFilter("a", "event:ping")
			got, readErr := os.ReadFile(filepath.Join(s.Home, "hookctl.yaml"))
			if readErr != nil {
				t.Fatal(readErr)
			}
			if err == nil && !strings.Contains(string(got), "event:ping") || err != nil && string(got) != file {
				t.Errorf("%v, and the file is\n%s", err, got)
			}
		})
	}
}
