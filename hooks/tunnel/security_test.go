package tunnel

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A tunnel program is started, and asked, without the secrets and tokens of this process.
func TestProgramsAreStartedWithoutSecrets(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	t.Setenv("GITHUB_WEBHOOK_SECRET", "hidden")
	t.Setenv("GH_TOKEN", "hidden")
	t.Setenv("HOOKCTL_TEST_SEEN", "yes")
	out := filepath.Join(t.TempDir(), "environ")
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	f := Finder{NgrokAPI: []string{closed.URL}, Cloudflared: []string{closed.URL}, Every: 10 * time.Millisecond, Patience: 5 * time.Second,
		command: func(ctx context.Context, _ string, _ ...string) *exec.Cmd {
			return exec.CommandContext(ctx, sh, "-c", `env >> "$0"; exit 1`, out)
		}}
	for _, kind := range []string{Ngrok, Tailscale} {
		if err := f.Run(t.Context(), kind, 9000, func(string) {}); err == nil {
			t.Errorf("%s: the program ended, and nobody says so", kind)
		}
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "HOOKCTL_TEST_SEEN=yes"); n < 3 || strings.Contains(string(raw), "hidden") {
		t.Errorf("%d programs saw:\n%s", n, raw)
	}
}

// What a tunnel, or another user in its place, calls its address is taken only as a clean http(s) URL.
func TestAddressesAreClean(t *testing.T) {
	for _, address := range []string{"https://a\u202eb.ngrok.app", "https://a.ngrok.app/\u009b31m", "https://a.ngrok.app/\n", "javascript:alert(1)", "file:///etc/passwd", "https://", "--help"} {
		if list := add(nil, Ngrok, address, "9000"); len(list) > 0 {
			t.Errorf("%q is taken as %q", address, list[0].URL)
		}
	}
}
