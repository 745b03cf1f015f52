//go:build unix

package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMergeFlags(t *testing.T) {
	for _, tt := range [][3]string{
		{"--port 1 --debug", "", "--port 1 --debug"},
		{"--port 1 --debug", "--port 2", "--debug --port 2"},
		{"--port=1 --log-dir /x", "--port 2", "--log-dir /x --port 2"},
		{"--debug --tunnel ngrok", "--debug=false", "--tunnel ngrok --debug=false"},
		{"", "--port 2", "--port 2"},
	} {
		if got := mergeFlags(strings.Fields(tt[0]), strings.Fields(tt[1])); !slices.Equal(got, strings.Fields(tt[2])) {
			t.Errorf("%q and %q: %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

func TestRestartKeepsTheFlagsOfStart(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	with := func(flags ...string) Config {
		c := cfg
		c.Args = append([]string{"serve"}, flags...)
		return c
	}
	check := func(what string, st Status, err error, want ...string) {
		t.Helper()
		if err != nil || !slices.Equal(st.Args, append([]string{"serve"}, want...)) {
			t.Errorf("%s: runs with %q (%v), want %q", what, st.Args, err, want)
		}
		if kept := LastFlags(cfg.Home); !slices.Equal(kept, want) {
			t.Errorf("%s: kept %q, want %q", what, kept, want)
		}
	}
	st, err := Start(t.Context(), with("--port", "1", "--debug"))
	check("start", st, err, "--port", "1", "--debug")
	for path, want := range map[string]os.FileMode{StateDir(cfg.Home): os.ModeDir | 0o700, startFile(cfg.Home): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	st, err = Restart(t.Context(), with())
	check("restart", st, err, "--port", "1", "--debug")
	st, err = Restart(t.Context(), with("--port", "2"))
	check("restart with a flag", st, err, "--debug", "--port", "2")

	if err := Stop(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	st, err = Restart(t.Context(), with())
	check("restart of a stopped one", st, err, "--debug", "--port", "2")
	if err := os.RemoveAll(StateDir(cfg.Home)); err != nil {
		t.Fatal(err)
	}
	st, err = Restart(t.Context(), with())
	check("restart without the record", st, err, "--debug", "--port", "2")
	if err := Stop(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	st, err = Start(t.Context(), with())
	check("plain start", st, err)
}

// TestARestartThatFailsKeepsTheRecord: the receiver that keeps running has its old flags, and so has the record.
func TestARestartThatFailsKeepsTheRecord(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	cfg.Args = []string{"serve", "--port", "1"}
	if _, err := Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	bad := toyConfigIn(t, cfg.Home, "nosecret")
	bad.Args = []string{"serve", "--port", "2"}
	if _, err := Restart(t.Context(), bad); err == nil {
		t.Fatal("it started")
	}
	if kept := LastFlags(cfg.Home); !slices.Equal(kept, cfg.Args[1:]) {
		t.Errorf("kept %q", kept)
	}
}

func TestADamagedRecordIsReportedAndIgnored(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	cfg.Args = []string{"serve"}
	if err := os.MkdirAll(StateDir(cfg.Home), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(startFile(cfg.Home), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var notices []string
	cfg.Notice = func(text string) { notices = append(notices, text) }
	if _, err := Restart(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(notices, "\n"); !strings.Contains(text, filepath.Join("state", "start.json")) {
		t.Errorf("notices: %q", text)
	}
}
