package events

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/tui/kittest"
)

// many is a screen with more events than an export writes before its second report, which waits until it is taken.
func many(t *testing.T) *pageScreen {
	cfg := kittest.QuietSettings(t)
	if err := logs.Generate(context.Background(), cfg.Logs.Dir, 2*exportBatch+30, kittest.Noon, time.Hour, 1, nil); err != nil {
		t.Fatal(err)
	}
	s := newEventScreen(t, cfg, 80, 24, nil, nil)
	s.Press("2")
	return s
}

// half starts an export, and is at its first report.
func half(t *testing.T, s *pageScreen, name string) (rest tea.Cmd) {
	batch := s.events.startExport(name)().(tea.BatchMsg)
	go batch[1]()
	_, rest = s.Update(batch[0]())
	if s.View().ProgressBar == nil {
		t.Fatal("no progress while it is at work")
	}
	return rest
}

func TestLeavingAmidAnExportLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := many(t)
	cmd := s.events.startExport(filepath.Join(dir, "out.ndjson"))().(tea.BatchMsg)
	go cmd[1]()
	cmd[0]()
	if part, err := filepath.Glob(filepath.Join(dir, ".*.part")); len(part) != 1 {
		t.Fatalf("after the first report: %v, %v", part, err)
	}
	s.Stop()
	s.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

// Work that takes long shows in the terminal's own progress bar, and leaves
// nothing there when it is over, whether well, badly or by a person.
func TestProgressBar(t *testing.T) {
	shown := func(s *pageScreen) bool { return s.View().ProgressBar != nil }
	t.Run("export", func(t *testing.T) {
		s := many(t)
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s.Settle(half(t, s, name))
		if b, err := os.ReadFile(name); err != nil || bytes.Count(b, []byte("\n")) != 2*exportBatch+30 {
			t.Fatalf("%d lines, %v", bytes.Count(b, []byte("\n")), err)
		}
		if shown(s) {
			t.Fatal("the bar is left")
		}
	})
	t.Run("export of marked events, some pruned since", func(t *testing.T) {
		s := many(t)
		files, err := filepath.Glob(filepath.Join(s.Cfg.Logs.Dir, "2*.json"))
		if err != nil {
			t.Fatal(err)
		}
		const gone = 20
		for i, file := range files {
			s.events.marks[filepath.Base(file)] = logs.Entry{}
			if i < gone {
				err = errors.Join(err, os.Remove(file))
			}
		}
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s.Settle(half(t, s, name))
		b, readErr := os.ReadFile(name)
		lines := slices.Sorted(strings.Lines(string(b)))
		if err = errors.Join(err, readErr); err != nil || len(lines) != len(files)-gone || len(slices.Compact(lines)) != len(files)-gone {
			t.Fatalf("%d lines of %d records that are left, %v", len(lines), len(files)-gone, err)
		}
	})
	t.Run("export cancelled", func(t *testing.T) {
		s := many(t)
		dir := t.TempDir()
		rest := half(t, s, filepath.Join(dir, "out.ndjson"))
		s.Press("W")
		s.Settle(rest)
		s.Shows("export cancelled; no file was left behind")
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || shown(s) {
			t.Fatalf("left: %v %v", left, err)
		}
	})
}

func TestExportFollowsNoLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and modes")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("victim", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := eventful(t, 80, 24)
	s.Press("2", "x", "W")
	for _, link := range []string{"events-20261124-120000.ndjson.part", ".events-20261124-120000.ndjson.part"} {
		if err := os.Symlink("victim", link); err != nil {
			t.Fatal(err)
		}
	}
	s.Press("enter")
	s.Shows("written to")
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
