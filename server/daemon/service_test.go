package daemon

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%s differs; look at it with -update and git diff:\n%s", path, text)
	}
}

func exampleService() Service {
	return Service{
		Home: "/home/ada/.atlas", Executable: "/usr/local/bin/hookctl", Address: "127.0.0.1:9000", UnitDir: "/units",
		Writable: []string{"/home/ada/.atlas/webhook_logs", "/var/log/hooks"}, RotateAfter: 90 * 24 * time.Hour,
		Env: []string{"LOG_DIR=/var/log/hooks"},
	}
}

func TestUnitsOfSystemd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths of this system are no paths of systemd")
	}
	for kind, change := range map[string]func(*Service){
		"user":   func(*Service) {},
		"system": func(s *Service) { s.System, s.User = true, "ada" },
	} {
		t.Run(kind, func(t *testing.T) {
			s := exampleService()
			change(&s)
			files, err := s.filesFor(systemd{})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				names = append(names, f.Path)
				golden(t, kind+"-"+filepath.Base(f.Path), f.Text)
			}
			want := "/units/hookctl.service /units/hookctl.socket /units/hookctl-rotate.service /units/hookctl-rotate.timer"
			if got := strings.Join(names, " "); got != want {
				t.Errorf("files %s, want %s", got, want)
			}
		})
	}
}

func TestPropertyListsOfLaunchd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths of this system are no paths of launchd")
	}
	s := exampleService()
	s.Home = `/Users/ada/R&D <x>/"atlas"`
	files, err := s.filesFor(launchd{})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("%d files", len(files))
	}
	for _, f := range files {
		golden(t, filepath.Base(f.Path), f.Text)
		d := xml.NewDecoder(strings.NewReader(f.Text))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s is no XML: %v", f.Path, err)
			}
		}
	}
}

func TestSettingsThatNoUnitCanHold(t *testing.T) {
	tests := map[string]func(*Service){
		"line break in the home":  func(s *Service) { s.Home = "/home/a\nExecStartPre=/bin/evil" },
		"line break in arguments": func(s *Service) { s.Args = []string{"serve\nUser=root"} },
		"a port of chance":        func(s *Service) { s.Address = "127.0.0.1:0" },
		"no port":                 func(s *Service) { s.Address = "127.0.0.1" },
		"a name for an address":   func(s *Service) { s.Address = "example.com\nx:9000" },
		"a secret":                func(s *Service) { s.Env = []string{"GITHUB_WEBHOOK_SECRET_PROD=x"} },
		"a token":                 func(s *Service) { s.Env = []string{"gh_token=x"} },
		"no variable":             func(s *Service) { s.Env = []string{"LOG_DIR"} },
		"line break in variables": func(s *Service) { s.Env = []string{"LOG_DIR=/x\nUser=root"} },
		"an account with spaces":  func(s *Service) { s.System, s.User = true, "ada\nExecStart=/bin/evil" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s := exampleService()
			change(&s)
			if files, err := s.filesFor(systemd{}); err == nil {
				t.Errorf("accepted by systemd's: %v", files)
			}
			if files, err := s.filesFor(launchd{}); err == nil && s.Address == exampleService().Address && !s.System {
				t.Errorf("accepted by launchd's: %v", files)
			}
		})
	}
}

func TestAddressesOfTheSocketUnit(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:9000": "127.0.0.1:9000", "localhost:9000": "127.0.0.1:9000",
		":9000": "[::]:9000", "[::1]:9000": "[::1]:9000", "0.0.0.0:80": "0.0.0.0:80",
	} {
		text, err := socketUnit(Service{Address: address})
		if err != nil || !strings.Contains(text, "\nListenStream="+want+"\n") {
			t.Errorf("%s: %v in %s", address, err, text)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{`/a b`, `%h`, `"`, `\`, "x\ny", `$HOME`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := (Service{Executable: text}).complete(); err != nil {
			return
		}
		word := word(text)
		inner, ok := strings.CutPrefix(word, `"`)
		inner, ok2 := strings.CutSuffix(inner, `"`)
		if !ok || !ok2 || strings.ContainsAny(word, "\n\r") {
			t.Fatalf("%q is no word: %s", text, word)
		}
		// Read it as systemd does: escapes, then specifiers. Nothing ends the word early, and the text comes back.
		var b strings.Builder
		for i := 0; i < len(inner); i++ {
			switch c := inner[i]; c {
			case '"':
				t.Fatalf("%q ends early: %s", text, word)
			case '\\', '%':
				i++
				if i == len(inner) || c == '%' && inner[i] != '%' {
					t.Fatalf("%q has a loose %c: %s", text, c, word)
				}
				b.WriteByte(inner[i])
			default:
				b.WriteByte(c)
			}
		}
		if b.String() != text {
			t.Fatalf("%q comes back as %q", text, b.String())
		}
	})
}

// The units are shown to systemd itself, with names that need quoting.
func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"user", "system"} {
		t.Run(kind, func(t *testing.T) {
			s := exampleService()
			s.Executable, s.UnitDir = exe, t.TempDir()
			s.Home = filepath.Join(t.TempDir(), `odd "home" 100% $HOME \ ü`)
			s.Args = []string{"serve", "--bind", "100% $x"}
			args := []string{"verify", "--man=no"}
			if kind == "system" {
				s.System, s.User = true, "root"
			} else {
				args = append(args, "--user")
				t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
			}
			files, err := s.filesFor(systemd{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if err := writeUnit(f); err != nil {
					t.Fatal(err)
				}
				args = append(args, f.Path)
			}
			out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "hookctl") {
					t.Error(strings.TrimSpace(line))
				}
			}
			if err != nil {
				t.Errorf("systemd-analyze verify: %v\n%s", err, out)
			}
			if kind == "system" {
				out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", files[0].Path).CombinedOutput()
				lines := strings.Split(strings.TrimSpace(string(out)), "\n")
				t.Logf("systemd-analyze security: %s (%v)", lines[len(lines)-1], err)
			}
		})
	}
}

func TestInstallCreatesWhatTheUnitNamesAsWritable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no services are installed on this system")
	}
	dir := t.TempDir()
	s := Service{Home: filepath.Join(dir, "home"), Writable: []string{filepath.Join(dir, "var", "log", "hooks"), filepath.Join(dir, "home", "webhook_logs")}}
	if err := s.makeWritable(); err != nil {
		t.Fatal(err)
	}
	dirs := s.writable()
	for _, dir := range append(dirs, filepath.Dir(s.Writable[0]), filepath.Join(s.Home, "run"), StateDir(s.Home)) {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
	for _, dir := range dirs {
		if text := serviceUnit(s); !strings.Contains(text, dir) {
			t.Errorf("the unit does not name %s:\n%s", dir, text)
		}
	}
	s.Writable = []string{filepath.Join(dir, "file")}
	if err := os.WriteFile(s.Writable[0], nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.makeWritable(); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file in the place of a directory: %v", err)
	}
}

func TestPathOfAService(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths of this system are no paths of systemd")
	}
	s := exampleService()
	s.Env = []string{"PATH=/home/ada/.local/bin:.:/usr/bin::bin:/usr/bin", "GH_HOST=ghe.example.com"}
	s, err := s.complete()
	if text := serviceUnit(s); err != nil || !strings.Contains(text, "\nEnvironment=\"PATH=/home/ada/.local/bin:/usr/bin\"\n") || !strings.Contains(text, "GH_HOST=ghe.example.com") {
		t.Errorf("got %s, %v", text, err)
	}
}
