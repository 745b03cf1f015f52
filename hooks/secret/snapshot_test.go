package secret

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What one home accepts, another does after it took the snapshot over; its own other variables stay.
func TestSnapshotMakesTwoHomesTheSame(t *testing.T) {
	t.Parallel()
	open := func() (*Store, string) {
		dir := t.TempDir()
		env := filepath.Join(dir, ".env")
		return NewStore(Config{EnvFile: env, RotationFile: filepath.Join(dir, "state", "rotation.json"), Environ: func(string) string { return "" }}), env
	}
	from, _ := open()
	to, env := open()
	if err := os.WriteFile(env, []byte("# mine\nWEBHOOK_PORT=9100\nGITHUB_WEBHOOK_SECRET=another\nGITHUB_WEBHOOK_SECRET_7=old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, err := range []error{
		from.SetCurrent("first"), from.SetCurrent("current"), from.SetHookSecrets(map[int64]string{42: "own"}, now),
		from.SaveRotation(&Rotation{Old: "current", New: "next", Started: now}),
		to.SaveRotation(&Rotation{Old: "another", New: "elsewhere", Started: now}), to.SetAside([]AsideHook{{HookID: 9, Secret: "aside"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := from.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(data); err != nil {
		t.Fatal(err)
	}
	again, err := to.Snapshot()
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("the snapshots differ, %v", err)
	}
	want, err := from.Ring(now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := to.Ring(now)
	if err != nil || got.String() != want.String() {
		t.Errorf("accepts %v, want %v, %v", got, want, err)
	}
	text, err := os.ReadFile(env)
	if err != nil || !strings.Contains(string(text), "# mine\nWEBHOOK_PORT=9100\n") || strings.Contains(string(text), "_7") {
		t.Errorf(".env is %q, %v", text, err)
	}
	for _, bad := range []string{`{"env":{"PATH":"x"}}`, `{"files":{"../x":"y"}}`, `nonsense`} {
		if err := to.Restore([]byte(bad)); err == nil {
			t.Errorf("restored %s", bad)
		}
	}
}
