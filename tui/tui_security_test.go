package tui

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"hookctl/logs/text"
)

// What is copied of a payload moves no cursor where it is pasted, and the path still finds the value.
func TestWhatIsCopiedOfAPayloadIsClean(t *testing.T) {
	const name = "k\u202e\u009b31m\x1b[2J\n\U000e0041 é'\""
	tr, err := parseTree([]byte(mustJSON(map[string]any{name: "v\u202e\x1b[201~\n; touch pwned\n"})), "payload", 9)
	if err != nil {
		t.Fatal(err)
	}
	path := tr.path(1)
	if text.Clean(path) != path {
		t.Errorf("the path is %q", path)
	}
	if value := tr.nodes[1].text; text.Clean(value) != value {
		t.Errorf("the value is %q", value)
	}
	q, err := gojq.Parse(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if got, _ := q.Run(map[string]any{name: "found"}).Next(); got != "found" {
		t.Errorf("%s finds %v", path, got)
	}
}

// In a directory that everybody writes to, an export follows nobody's link, and what it writes is for its owner only.
func TestExportFollowsNoLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and modes")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("victim", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := full(t, 80, 24)
	s.press("2", "x", "W")
	for _, link := range []string{"events-20261124-120000.ndjson.part", ".events-20261124-120000.ndjson.part"} {
		if err := os.Symlink("victim", link); err != nil {
			t.Fatal(err)
		}
	}
	s.press("enter")
	s.shows("written to")
	if b, err := os.ReadFile("victim"); string(b) != "precious" {
		t.Errorf("the export went through a link: %q %v", b, err)
	}
	info, err := os.Stat("events-20261124-120000.ndjson")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if left, _ := filepath.Glob(".*-*.part"); len(left) != 1 || strings.Contains(left[0], "ndjson-") {
		t.Errorf("left over: %v", left)
	}
}

// The state that is kept between two sessions, and every screen, tell of the secret only its fingerprint.
func TestNoScreenAndNoStateTellsTheSecret(t *testing.T) {
	const hidden = "0123456789abcdef" // the secret of full
	var home string
	s := full(t, 120, 40, func(c *Config) { home = c.Home })
	see := func(where string) {
		if strings.Contains(s.View().Content, hidden) {
			t.Errorf("%s shows the secret", where)
		}
	}
	for _, page := range []string{"1", "2", "3", "4", "5"} {
		s.press(page)
		see("page " + page)
		s.press("?")
		see("the help of page " + page)
		s.press("esc")
	}
	if err := s.save(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(home, "run"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), hidden) {
			t.Errorf("%s tells the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
