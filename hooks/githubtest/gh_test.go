package githubtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// start serves a simulation on a socket with a path short enough for every
// system, and returns the path.
func start(t *testing.T, opts Options) (*Server, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := New(opts)
	t.Cleanup(s.Close)
	socket := filepath.Join(dir, "gh.sock")
	if err := s.Start(socket); err != nil {
		t.Fatal(err)
	}
	return s, socket
}

// realGH runs the real gh against a simulation.
func realGH(t *testing.T, s *Server, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	bin, err := exec.LookPath("gh")
	if err != nil {
		t.Skip("the program gh is missing")
	}
	dir := t.TempDir()
	if err := s.WriteGHConfig(dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), s.Environ(dir)...)
	cmd.Dir = dir
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// The seed is the command with which people made this hook before there was
// hookctl.
func TestRealGHCreatesAndListsHooks(t *testing.T) {
	s, _ := start(t, Options{Resolve: func(string) string { return "" }})
	s.AddRepository("octo-org/widgets", Repository{})
	out, stderr, err := realGH(t, s, "api", "repos/octo-org/widgets/hooks", "-X", "POST", "-f", "name=web", "-F", "active=true",
		"-f", "events[]=push", "-f", "events[]=workflow_run", "-f", "config[url]=https://hooks.example.com/webhook",
		"-f", "config[content_type]=json", "-f", "config[secret]=s3cret", "-f", "config[insecure_ssl]=0")
	if err != nil {
		t.Fatalf("gh api POST: %v\n%s%s", err, out, stderr)
	}
	hooks := s.Hooks("octo-org/widgets")
	if len(hooks) != 1 || hooks[0].Secret != "s3cret" || hooks[0].ContentType != "json" || !hooks[0].Active ||
		strings.Join(hooks[0].Events, " ") != "push workflow_run" {
		t.Fatalf("hook = %+v", hooks)
	}
	out, stderr, err = realGH(t, s, "api", "repos/octo-org/widgets/hooks")
	if err != nil {
		t.Fatalf("gh api: %v\n%s", err, stderr)
	}
	var list []struct {
		ID     int64
		Config map[string]string
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].ID != hooks[0].ID || list[0].Config["secret"] != "********" {
		t.Fatalf("gh api lists %s (%v)", out, err)
	}
}

func TestRealGHAuthStatus(t *testing.T) {
	s, _ := start(t, Options{})
	out, stderr, err := realGH(t, s, "auth", "status")
	if err != nil || !strings.Contains(out+stderr, "Logged in to github.com as octocat") || !strings.Contains(out+stderr, "admin:repo_hook") {
		t.Fatalf("gh auth status: %v\n%s%s", err, out, stderr)
	}
}

func TestRealGHPagesByLink(t *testing.T) {
	s, _ := start(t, Options{AllowLocal: true})
	s.AddRepository("octo-org/widgets", Repository{})
	for range 45 {
		s.AddHook("octo-org/widgets", Hook{Events: []string{"star"}})
	}
	out, stderr, err := realGH(t, s, "api", "--paginate", "repos/octo-org/widgets/hooks", "--jq", ".[].id")
	if err != nil || len(strings.Fields(out)) != 45 {
		t.Fatalf("gh api --paginate: %v, %d ids\n%s", err, len(strings.Fields(out)), stderr)
	}
}

// What gh changes and reads is what a program sees, and the other way round.
func TestRealGHWorksOnTheSameHooks(t *testing.T) {
	s, _ := start(t, Options{Resolve: func(string) string { return "" }})
	s.AddRepository(widgets, Repository{})
	id := s.AddHook(widgets, Hook{Active: true, Config: Config{"https://hooks.example.com/webhook", "json", "k", "0"}})
	hook := "repos/" + widgets + "/hooks/" + itoa(id)
	if out, stderr, err := realGH(t, s, "api", hook+"/config", "-X", "PATCH", "-f", "secret=new"); err != nil || strings.Contains(out, "new") {
		t.Fatalf("PATCH config: %v\n%s%s", err, out, stderr)
	}
	if s.Hooks(widgets)[0].Config != (Config{"https://hooks.example.com/webhook", "json", "new", "0"}) {
		t.Errorf("%+v", s.Hooks(widgets)[0])
	}
	if _, stderr, err := realGH(t, s, "api", hook+"/pings", "-X", "POST"); err != nil {
		t.Fatalf("ping: %v\n%s", err, stderr)
	}
	awaitDeliveries(t, s, id, 1)
	out, stderr, err := realGH(t, s, "api", hook+"/deliveries", "--jq", ".[0].event")
	if err != nil || strings.TrimSpace(out) != "ping" {
		t.Errorf("deliveries: %v %s%s", err, out, stderr)
	}
	if _, stderr, err := realGH(t, s, "api", "repos/octo-org/nothing/hooks"); err == nil || !strings.Contains(stderr, "Not Found (HTTP 404)") {
		t.Errorf("a repository that is not there: %v %s", err, stderr)
	}
	s.Rename(widgets, "acme/gadgets")
	out, stderr, err = realGH(t, s, "api", hook, "--jq", ".id")
	if err != nil || strings.TrimSpace(out) != itoa(id) {
		t.Errorf("after renaming: %v %s%s", err, out, stderr)
	}
	if _, stderr, err := realGH(t, s, "api", "repos/acme/gadgets/hooks/"+itoa(id), "-X", "DELETE"); err != nil || len(s.Hooks("acme/gadgets")) != 0 {
		t.Errorf("delete: %v\n%s", err, stderr)
	}
}
