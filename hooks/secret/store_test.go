package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func newStore(t *testing.T, environ ...string) (*Store, Config) {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{EnvFile: filepath.Join(dir, ".env"), RotationFile: filepath.Join(dir, "state", "rotation.json"), Environ: func(name string) string {
		for _, e := range environ {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}}
	return NewStore(cfg), cfg
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func accepts(t *testing.T, s *Store, key string, hook int64, path string, now time.Time) bool {
	t.Helper()
	ring, err := s.Ring(now)
	must(t, err)
	_, ok := ring.Match([]byte("x"), Sign(key, []byte("x")), hook, path, now)
	return ok
}

func TestStoreCurrentComesFromTheEnvironmentFirst(t *testing.T) {
	s, cfg := newStore(t)
	if v, origin, err := s.Current(); v != "" || origin != FromNowhere || err != nil {
		t.Errorf("empty home: %q, %q, %v", v, origin, err)
	}
	must(t, s.SetCurrent("file"))
	if v, origin, err := s.Current(); v != "file" || origin != FromEnvFile || err != nil {
		t.Errorf("with .env: %q, %q, %v", v, origin, err)
	}
	cfg.Environ = func(string) string { return "real" }
	s = NewStore(cfg)
	if v, origin, err := s.Current(); v != "real" || origin != FromEnvironment || err != nil {
		t.Errorf("with environment: %q, %q, %v", v, origin, err)
	}
	if err := s.SetCurrent("x"); !errors.Is(err, ErrFromEnvironment) {
		t.Errorf("SetCurrent under an environment: %v", err)
	}
}

func TestStoreRingHoldsEverythingThatIsToBeAccepted(t *testing.T) {
	s, cfg := newStore(t)
	must(t, os.WriteFile(cfg.EnvFile, []byte("GITHUB_WEBHOOK_SECRET=current\nGITHUB_WEBHOOK_SECRET_42='of 42'\nGITHUB_WEBHOOK_SECRET_MY_APP=app\nGITHUB_WEBHOOK_SECRET_=x\n"), 0o600))
	must(t, s.SaveRotation(&Rotation{Old: "old", New: "new", Started: noon, Hooks: []RotationHook{{HookID: 9, Old: "old of 9", New: "new of 9"}},
		Retired: []Key{{Value: "retired", Expires: noon.Add(time.Minute)}}}))
	for _, tt := range []struct {
		key  string
		path string
		want bool
	}{
		{"current", "/", true}, {"of 42", "/", true}, {"app", "/webhook/my-app", true}, {"app", "/", false}, {"x", "/", false},
		{"old", "/", true}, {"new", "/", true}, {"old of 9", "/", true}, {"new of 9", "/", true}, {"retired", "/", true},
	} {
		if got := accepts(t, s, tt.key, 1, tt.path, noon); got != tt.want {
			t.Errorf("%s on %s accepted: %v", tt.key, tt.path, got)
		}
	}
	must(t, s.SetCurrent("new"))
	must(t, s.SaveRotation(&Rotation{Old: "old", New: "new", Promoted: noon, Expires: noon.Add(time.Hour)}))
	if !accepts(t, s, "old", 0, "/", noon.Add(time.Hour-1)) || accepts(t, s, "old", 0, "/", noon.Add(time.Hour)) {
		t.Error("the old secret is not accepted exactly until the grace period is over")
	}
}

func TestStoreKeepsARotationWhole(t *testing.T) {
	s, cfg := newStore(t)
	if r, err := s.Rotation(); r != nil || err != nil {
		t.Fatalf("none: %v, %v", r, err)
	}
	want := &Rotation{Old: "o", New: "n", Started: noon, Grace: time.Hour, Promoted: noon, Expires: noon.Add(time.Hour), Undo: true,
		Hooks:   []RotationHook{{Repository: "o/r", HookID: 1 << 60, Step: StepFailed, Error: "why", Untouched: true, Old: "ho", New: "hn"}},
		Retired: []Key{{Value: "r", HookID: 3, Expires: noon}}}
	must(t, s.SaveRotation(want))
	got, err := s.Rotation()
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back\n%#v, want\n%#v", *got, *want)
	}
	if info, err := os.Stat(cfg.RotationFile); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("state file: %v, %v", info.Mode(), err)
	}
	must(t, s.EndRotation())
	must(t, s.EndRotation())
	if _, err := os.Stat(cfg.RotationFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state survives its end: %v", err)
	}
}

func TestStoreForHooksIsWhatHooksAreToHave(t *testing.T) {
	s, cfg := newStore(t)
	want := func(when, want string) {
		t.Helper()
		if got, _, err := s.ForHooks(); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", when, got, err, want)
		}
	}
	want("without a secret", "")
	must(t, s.SetCurrent("old"))
	want("without a rotation", "old")
	must(t, s.SaveRotation(&Rotation{Old: "old", New: "new"}))
	want("in a rotation", "new")
	must(t, s.SaveRotation(&Rotation{Old: "old", Hooks: []RotationHook{{New: "own"}}}))
	want("in a rotation per hook", "old")
	must(t, s.SetCurrent("new"))
	must(t, s.SaveRotation(&Rotation{Old: "old", New: "new", Promoted: noon, Expires: noon}))
	want("after it", "new")
	cfg.Environ = func(string) string { return "real" }
	s = NewStore(cfg)
	want("with an environment", "real")
}

func TestStoreReportsADamagedRotation(t *testing.T) {
	s, cfg := newStore(t)
	must(t, s.SetCurrent("x"))
	must(t, os.WriteFile(cfg.RotationFile, []byte(`{"old":"hidden`), 0o600))
	if _, err := s.Ring(noon); err == nil || !strings.Contains(err.Error(), cfg.RotationFile) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("Ring: %v", err)
	}
}

func TestStoreExpireEndsOnlyWhatIsOver(t *testing.T) {
	s, cfg := newStore(t)
	must(t, s.SetCurrent("n"))
	for _, tt := range []struct {
		name string
		r    Rotation
		want bool
	}{
		{"not promoted", Rotation{Old: "o", New: "n"}, false},
		{"in its grace period", Rotation{Old: "o", New: "n", Promoted: noon, Expires: noon.Add(time.Hour)}, false},
		{"an earlier one in its grace period", Rotation{Old: "o", New: "n", Promoted: noon, Expires: noon, Retired: []Key{{Value: "r", Expires: noon.Add(time.Hour)}}}, false},
		{"over", Rotation{Old: "o", New: "n", Promoted: noon, Expires: noon}, true},
	} {
		must(t, s.SaveRotation(&tt.r))
		if got, err := s.Expire(noon); got != tt.want || err != nil {
			t.Errorf("%s: Expire = %v, %v", tt.name, got, err)
		}
		if r, err := s.Rotation(); (r == nil) != tt.want || err != nil {
			t.Errorf("%s: state after it: %v, %v", tt.name, r, err)
		}
	}
	over := &Rotation{Old: "o", New: "n", Promoted: noon, Expires: noon}
	must(t, s.SaveRotation(over))
	unlock, err := s.LockRotation()
	must(t, err)
	if got, err := s.Expire(noon); got || err != nil {
		t.Errorf("while someone rotates: %v, %v", got, err)
	}
	unlock()
	cfg.Environ = func(string) string { return "another" }
	if got, err := NewStore(cfg).Expire(noon); got || err != nil {
		t.Errorf("with another secret in the environment: %v, %v", got, err)
	}
}

func TestStoreLetsOneRotateAtATime(t *testing.T) {
	s, cfg := newStore(t)
	unlock, err := s.LockRotation()
	must(t, err)
	if _, err := NewStore(cfg).LockRotation(); !errors.Is(err, ErrRotating) {
		t.Errorf("second lock: %v", err)
	}
	unlock()
	again, err := s.LockRotation()
	must(t, err)
	again()
}

func TestStoreChangedAt(t *testing.T) {
	s, cfg := newStore(t)
	if at, err := s.ChangedAt(); !at.IsZero() || err != nil {
		t.Errorf("no secret: %v, %v", at, err)
	}
	must(t, os.WriteFile(cfg.EnvFile, []byte(Variable+"=by hand\n"), 0o600))
	must(t, os.Chtimes(cfg.EnvFile, noon, noon))
	if at, err := s.ChangedAt(); !at.Equal(noon) || err != nil {
		t.Errorf("written by hand: %v, %v; want the file's time", at, err)
	}
	before := time.Now().Truncate(time.Second)
	must(t, s.SetCurrent("ours"))
	must(t, os.Chtimes(cfg.EnvFile, noon, noon)) // another variable was edited
	noted, err := s.ChangedAt()
	if noted.Before(before) || err != nil {
		t.Errorf("set by us: %v, %v; want the noted time", noted, err)
	}
	env, err := OpenEnv(cfg.EnvFile)
	must(t, err)
	env.Set(Variable, "by hand again")
	must(t, env.Save())
	must(t, os.Chtimes(cfg.EnvFile, noon, noon))
	if at, err := s.ChangedAt(); !at.Equal(noon) || err != nil {
		t.Errorf("changed by hand after us: %v, %v; want the file's time", at, err)
	}
}

func TestStoreHookSecrets(t *testing.T) {
	s, cfg := newStore(t)
	must(t, os.WriteFile(cfg.EnvFile, []byte("# keys\nGITHUB_WEBHOOK_SECRET_1=a\n"), 0o600))
	must(t, s.SetHookSecrets(map[int64]string{1: "", 2: "b", 3: "c"}, time.Now()))
	got, err := os.ReadFile(cfg.EnvFile)
	must(t, err)
	if want := "# keys\nGITHUB_WEBHOOK_SECRET_2=b\nGITHUB_WEBHOOK_SECRET_3=c\n"; string(got) != want {
		t.Errorf("file is %q, want %q", got, want)
	}
	if v, err := s.HookSecret(3); v != "c" || err != nil {
		t.Errorf("HookSecret(3) = %q, %v", v, err)
	}
}

func TestStoreFindsTheSecretOfAPath(t *testing.T) {
	s, cfg := newStore(t)
	must(t, os.WriteFile(cfg.EnvFile, []byte("GITHUB_WEBHOOK_SECRET_MY_TEAM=team\nGITHUB_WEBHOOK_SECRET_7=own\n"), 0o600))
	for _, tt := range []struct {
		hook int64
		url  string
		want string
	}{
		{1, "https://h.example.com/webhook/my-team", "team"},
		{1, "https://h.example.com/webhook/my-team?x=1", "team"},
		{1, "https://h.example.com/webhook/my-team/?", "team"},
		{7, "https://h.example.com/webhook/my-team", "own"},
		{7, "https://h.example.com/webhook", "own"},
		{1, "https://h.example.com/webhook", ""},
		{1, "https://h.example.com/webhook/other", ""},
		{1, "https://h.example.com/webhook/7", ""}, // that variable is a hook's
		{1, "https://webhook/webhook/my-team", "team"},
		{1, "", ""},
		{1, "http://[", ""},
	} {
		if got, err := s.SecretOf(tt.hook, tt.url); got != tt.want || err != nil {
			t.Errorf("hook %d at %s: %q, %v; want %q", tt.hook, tt.url, got, err, tt.want)
		}
	}
}

func TestStoreKnowsTheAgeOfEachSecret(t *testing.T) {
	s, cfg := newStore(t)
	must(t, os.WriteFile(cfg.EnvFile, []byte(Variable+"=by hand\n"), 0o600))
	must(t, os.Chtimes(cfg.EnvFile, noon, noon))
	changed := func(what string, want time.Time, got time.Time, err error) {
		t.Helper()
		if !got.Equal(want) || err != nil {
			t.Errorf("%s changed at %v, %v; want %v", what, got, err, want)
		}
	}
	own := func(hook int64, want time.Time) {
		t.Helper()
		at, err := s.HookChangedAt(hook, "")
		changed(fmt.Sprint("hook ", hook), want, at, err)
	}
	later := noon.Add(time.Hour)
	must(t, s.SetHookSecrets(map[int64]string{1: "a", 2: "b"}, later))
	must(t, s.SetHookSecrets(map[int64]string{1: "a", 2: "c"}, later.Add(time.Hour)))
	own(1, later) // the same one again is not a new one
	own(2, later.Add(time.Hour))
	own(3, noon)
	at, err := s.ChangedAt()
	changed("the shared one", noon, at, err)
	must(t, s.SetCurrent("ours"))
	must(t, s.NoteChanged(later))
	own(1, later)
	own(3, later)
}

// Readers run while rotations go through all their states: a secret that hooks may have is accepted at every moment.
func TestStoreRingIsNeverWithoutASecretInUse(t *testing.T) {
	s, cfg := newStore(t)
	must(t, s.SetCurrent("s0"))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	var mu sync.RWMutex // orders "what hooks use" against reads, not the files
	inUse := "s0"
	for range 2 {
		readers.Go(func() {
			reader := NewStore(cfg)
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.RLock()
				used := inUse
				ring, err := reader.Ring(time.Now())
				mu.RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
				if _, ok := ring.Match(nil, Sign(used, nil), 0, "/", time.Now()); !ok {
					t.Errorf("%s is not accepted", used)
					return
				}
			}
		})
	}
	for i := range 20 {
		old, next := fmt.Sprint("s", i), fmt.Sprint("s", i+1)
		r := &Rotation{Old: old, New: next, Hooks: []RotationHook{{HookID: 1}}}
		must(t, s.SaveRotation(r))
		mu.Lock()
		inUse = next // the hook is changed
		mu.Unlock()
		must(t, s.SetCurrent(next))
		r.Promoted, r.Expires = time.Now(), time.Now()
		must(t, s.SaveRotation(r))
		must(t, s.EndRotation())
	}
	close(stop)
	readers.Wait()
}

// A rotation of many hooks writes its state all the time. That a step is done is no reason to read everything again, or a
// receiver would not come to an end with it.
func TestStoreRingDoesNotWaitForSteps(t *testing.T) {
	_, cfg := newStore(t)
	writer, state, reads := NewStore(cfg), &Rotation{Old: "old", New: "new", Hooks: []RotationHook{{HookID: 1}}}, 0
	must(t, writer.SaveRotation(state))
	cfg.Environ = func(string) string {
		if reads++; reads < 10 {
			state.Hooks[0].Step = fmt.Sprint("step ", reads)
			must(t, writer.SaveRotation(state))
		}
		return ""
	}
	if _, err := NewStore(cfg).Ring(noon); err != nil || reads != 1 {
		t.Errorf("read %d times, %v; want once", reads, err)
	}
}

func TestStoreWritesOfSeveralProcessesAllArrive(t *testing.T) {
	_, cfg := newStore(t)
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for n := range 5 {
				if err := NewStore(cfg).SetHookSecrets(map[int64]string{int64(100*(i+1) + n): "v"}, time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	env, err := OpenEnv(cfg.EnvFile)
	must(t, err)
	if n := len(env.Names()); n != 40 {
		t.Errorf("%d of 40 variables are there", n)
	}
}

// An earlier version kept the rotation and the former secrets in run/, which may vanish. They are moved once, by whatever looks
// first, and are used where they are as long as they cannot be moved.
func TestFilesOfAnEarlierVersionAreTakenOver(t *testing.T) {
	home := t.TempDir()
	cfg := Config{EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "run", "rotation.json"), Environ: func(string) string { return "" }}
	old := NewStore(cfg)
	must(t, old.SetCurrent("first-secret-of-this-home"))
	must(t, old.SetCurrent("second-secret-of-this-home"))
	must(t, old.SaveRotation(&Rotation{Old: "first-secret-of-this-home", New: "second-secret-of-this-home", Started: noon}))
	changed, err := old.ChangedAt()
	must(t, err)
	cfg.FormerDir, cfg.RotationFile = filepath.Join(home, "run"), filepath.Join(home, "state", "rotation.json")
	for range 2 {
		s := NewStore(cfg)
		ring, err := s.Ring(noon)
		must(t, err)
		if got := ring.Fingerprints(noon); !slices.Contains(got, Fingerprint("first-secret-of-this-home")) {
			t.Errorf("accepted are %v", got)
		}
		if now, err := s.ChangedAt(); err != nil || !now.Equal(changed) {
			t.Errorf("the secret is from %v, %v, not %v", now, err, changed)
		}
		if former, err := s.readFormer(); err != nil || len(former) == 0 {
			t.Errorf("former secrets %v, %v", former, err)
		}
	}
	for _, name := range []string{"rotation.json", "former.json", "secret.json"} {
		if _, err := os.Stat(filepath.Join(home, "state", name)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(home, "run", name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stayed: %v", name, err)
		}
	}
	// A directory that cannot be made leaves them where they are.
	stuck := cfg
	stuck.RotationFile = filepath.Join(home, ".env", "state", "rotation.json") // below a file
	stuck.FormerDir = filepath.Join(home, "state")
	if r, err := NewStore(stuck).Rotation(); err != nil || r == nil {
		t.Errorf("the rotation that cannot be moved: %v, %v", r, err)
	}
}
