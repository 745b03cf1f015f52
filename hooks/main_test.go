package hooks

import (
	"fmt"
	"os"
	"testing"
)

// TestMain keeps the tests away from the login of the person who runs them: go-gh reads its configuration once per process.
func TestMain(m *testing.M) {
	if os.Getenv(rotateChild) != "" {
		os.Exit(rotateInChild())
	}
	dir, err := os.MkdirTemp("", "hc-gh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_HOST", "GH_PATH", "GITHUB_WEBHOOK_SECRET"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("GH_CONFIG_DIR", dir)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
