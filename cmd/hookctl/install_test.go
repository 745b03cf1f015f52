package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// releasedArchive is an archive as goreleaser makes it, with a program that says who it is.
func releasedArchive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{
		"hookctl": "#!/bin/sh\necho hookctl v1.2.3\n", "man1/hookctl.1": ".TH hookctl 1\n", "completions/hookctl.bash": "# bash\n",
		"completions/_hookctl": "#compdef hookctl\n", "completions/hookctl.fish": "# fish\n",
	} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// install.sh installs the program with its pages and completions, and nothing whose checksum is another.
func TestInstallScriptChecksWhatItInstalls(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("install.sh is for Linux and macOS")
	}
	for _, program := range []string{"sh", "curl", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, "is missing")
		}
	}
	top := fmt.Sprintf("hookctl_1.2.3_%s_%s", runtime.GOOS, runtime.GOARCH)
	archive := releasedArchive(t)
	sums := fmt.Sprintf("%x  %s.tar.gz\n%x  hookctl_1.2.3_plan9_mips.tar.gz\n", sha256.Sum256(archive), top, sha256.Sum256(nil))
	for name, c := range map[string]struct{ version, at, sums, fault string }{
		"latest":          {"", "/latest/download/", sums, ""},
		"a version":       {"v1.2.3", "/download/v1.2.3/", sums, ""},
		"other checksum":  {"", "/latest/download/", strings.Replace(sums, sums[:8], "00000000", 1), "nothing was installed"},
		"no such archive": {"", "/latest/download/", "", "no archive for"},
		"no such release": {"v9", "/download/v1.2.3/", sums, "cannot fetch"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case c.at + "checksums.txt":
					_, _ = w.Write([]byte(c.sums))
				case c.at + top + ".tar.gz":
					_, _ = w.Write(archive)
				default:
					http.NotFound(w, r)
				}
			}))
			t.Cleanup(server.Close)
			home := t.TempDir()
			cmd := exec.Command("sh", filepath.Join("..", "..", ".github", "release", "install.sh"))
			cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "BIN=", "VERSION="+c.version, "HOOKCTL_RELEASES="+server.URL)
			out, err := cmd.CombinedOutput()
			installed := filepath.Join(home, ".local", "bin", "hookctl")
			if c.fault != "" {
				if _, found := os.Stat(installed); err == nil || found == nil || !strings.Contains(string(out), c.fault) {
					t.Fatalf("%v: %s", err, out)
				}
				return
			}
			if err != nil || !strings.Contains(string(out), "installed hookctl v1.2.3 into ") {
				t.Fatalf("%v: %s", err, out)
			}
			for _, file := range []string{"man/man1/hookctl.1", "bash-completion/completions/hookctl", "zsh/site-functions/_hookctl", "fish/vendor_completions.d/hookctl.fish"} {
				if _, err := os.Stat(filepath.Join(home, ".local", "share", file)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Where the project lives stands in one place of what makes a release.
func TestReleaseNamesItsOwnerOnce(t *testing.T) {
	plan, text := readReleasePlan(t)
	if len(plan.Env) == 0 || !strings.HasPrefix(plan.Env[0], "OWNER=") || strings.Count(text, "GITHUB_REPOSITORY_OWNER") != 1 {
		t.Errorf("the owner comes from %q", plan.Env)
	}
	for _, d := range plan.Dockers {
		if d.Dockerfile != ".github/release/Dockerfile" || strings.Join(d.Platforms, " ") != "linux/amd64 linux/arm64" {
			t.Errorf("image %+v", d)
		}
	}
	script, err := os.ReadFile(filepath.Join("..", "..", ".github", "release", "install.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "github.com/@REPOSITORY@/") || !strings.Contains(text, "@REPOSITORY@") {
		t.Error("install.sh does not get the repository from .goreleaser.yaml")
	}
	if len(plan.Casks) != 1 || len(plan.Scoops) != 1 || len(plan.Dockers) != 1 {
		t.Errorf("%d casks, %d Scoop manifests, %d images", len(plan.Casks), len(plan.Scoops), len(plan.Dockers))
	}
}
