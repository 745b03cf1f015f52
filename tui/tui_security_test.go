package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The state that is kept between two sessions, and every screen, show only the fingerprint of the secret.
func TestNoScreenAndNoStateShowsTheSecret(t *testing.T) {
	const hidden = "0123456789abcdef" // the secret of full
	var home string
	s := Full(t, 120, 40, func(c *Config) { home = c.Home })
	see := func(where string) {
		if strings.Contains(s.View().Content, hidden) {
			t.Errorf("%s shows the secret", where)
		}
	}
	for _, page := range []string{"1", "2", "3", "4", "5"} {
		s.Press(page)
		see("page " + page)
		s.Press("?")
		see("the help of page " + page)
		s.Press("esc")
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
			t.Errorf("%s shows the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
