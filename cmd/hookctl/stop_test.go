package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"hookctl/server/daemon"
)

// After a stop every delivery is a file, as ls and jq find it; only a receiver that is replaced leaves that to the next one.
func TestStoppedReceiverLeavesFiles(t *testing.T) {
	home, err := os.MkdirTemp("", "hc") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	const key = "0123456789abcdef0123456789abcdef"
	for name, content := range map[string]string{".env": "GITHUB_WEBHOOK_SECRET=" + key + "\n", "hookctl.yaml": "sinks: []\n"} {
		writeFile(t, filepath.Join(home, name), content)
	}
	port, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := daemon.Config{
		Home: home, Executable: buildProgram(t), Args: []string{"serve", "--port", strconv.Itoa(port)},
		Env: []string{"HOOKCTL_HOME=" + home, "PATH=" + os.Getenv("PATH"), "GH_CONFIG_DIR=" + home},
	}
	if _, err := daemon.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var senders sync.WaitGroup
	const each, all = 30, 64 * 30
	for range all / each {
		senders.Go(func() {
			for range each {
				if err := post(client, "127.0.0.1:"+strconv.Itoa(port), key, []byte(`{}`)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	if err := daemon.Stop(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(home, "webhook_logs", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	latest := 0
	for _, f := range files {
		if filepath.Base(f) == "latest.json" {
			latest++
		}
	}
	if n := len(files) - latest; n != all {
		t.Errorf("%d deliveries were acknowledged, %d are files", all, n)
	}
}
