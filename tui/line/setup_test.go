package line_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/tunnel"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
	"hookctl/tui/line"
)

// site is the dialogue of setup over a simulated GitHub: the house records the commands that the answers amount to.
type site struct {
	house
	gh    *githubtest.Server
	dial  func() (*hooks.Client, error)
	setup line.Setup
	saved []string
}

func newSite(t *testing.T, repositories ...string) *site {
	t.Helper()
	for _, name := range []string{"PATH", "GH_TOKEN", "GITHUB_TOKEN", "GH_PATH"} {
		t.Setenv(name, "") // no gh, and no tunnel
	}
	dir, err := os.MkdirTemp("", "hc") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{gh: githubtest.New(githubtest.Options{})}
	t.Cleanup(s.gh.Close)
	for _, name := range repositories {
		s.gh.AddRepository(name, githubtest.Repository{})
	}
	socket := filepath.Join(dir, "gh.sock")
	if err := s.gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	limits := hooks.Limits{MaxWait: time.Second, Tries: 2, Pause: time.Millisecond}
	s.dial = func() (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: socket, Limits: limits})
	}
	save := func(key string, value any) error {
		s.saved = append(s.saved, fmt.Sprint(key, "=", value))
		return nil
	}
	s.setup = line.Setup{
		Home:  dir,
		Fleet: fleet.New(fleet.Config{Home: dir, Store: kittest.StoreAt(dir), GitHub: func() (*hooks.Client, error) { return s.dial() }}),
		// Nothing listens on port 1, so no tunnel of this machine is found.
		Tunnels: tunnel.Finder{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}},
		SetupDefaults: fleet.SetupDefaults{
			Port: 9000, Sink: "http://127.0.0.1:23000", Agent: "orchestrator-amoa",
			SavePort: func(_ context.Context, port int) error { return save("port", port) },
			RunTunnel: func(_ context.Context, kind string) (daemon.Status, error) {
				return daemon.Status{Address: "127.0.0.1:9000", PublicURL: "https://quick.example.com"}, save("tunnel", kind)
			},
			SaveNotify: func(_ context.Context, n fleet.Notify) error {
				s.saved = append(s.saved, "sink="+strings.TrimSpace(n.Sink+" "+n.Agent))
				if n.Chat || n.Also != nil {
					s.saved = append(s.saved, fmt.Sprint("chat=", n.ChatURL), "also="+strings.Join(n.Also, ","))
				}
				return nil
			},
		},
	}
	return s
}

// talk has the dialogue.
func (s *site) talk(p *person) string {
	cfg := s.config(p, p)
	cfg.Setup = func() (line.Setup, error) { return s.setup, nil }
	cfg.Fresh = func(context.Context) bool { return true }
	return p.talk(cfg)
}

// The answers become one command line, which the user could have typed.
func TestSetupBecomesACommand(t *testing.T) {
	s := newSite(t, "octo-org/api", "octo-org/web")
	said := s.talk(newPerson(t, "enter", "2 octo-org/api", "hooks.example.com", "+star -push", "nobody", "enter", "quit"))
	has(t, said, "Nothing is set up yet.", "Step 1 of 6: Sign in.", "Signed in to github.com as octocat.", "1. octo-org/api\n2. octo-org/web\n",
		"Repositories: octo-org/api, octo-org/web.", "No tunnel is running.", "URL: https://hooks.example.com/webhook.", "Events: check_run, issues, pull_request, star, workflow_run.", "Nobody is notified.", "It works.")
	want := "setup -R octo-org/api -R octo-org/web --url https://hooks.example.com/webhook --event check_run --event issues --event pull_request --event star --event workflow_run"
	if got := strings.Join(s.ran, "|"); got != want {
		t.Errorf("it runs %s, not %s", got, want)
	}
	if got, want := strings.Join(s.saved, " "), "sink="; got != want {
		t.Errorf("it saves %s, not %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(s.setup.Home, "run", "wizard.json")); err == nil {
		t.Error("the answers are kept after setup has ended")
	}
}

// Whatever goes wrong is said with what to do about it, and asked again.
func TestSetupProblems(t *testing.T) {
	const url = "https://hooks.example.com"
	for name, c := range map[string]struct {
		prepare func(t *testing.T, s *site) map[string]func()
		lines   []string
		has     []string
	}{
		"not signed in": {
			func(_ *testing.T, s *site) map[string]func() {
				dial, out := s.dial, true
				s.dial = func() (*hooks.Client, error) {
					if out {
						return nil, hooks.ErrNotLoggedIn
					}
					return dial()
				}
				return map[string]func(){"y": func() { out = false }}
			},
			[]string{"enter", "enter", "y", "enter", url, "enter", "enter", "enter"},
			[]string{"You are not signed in to GitHub.", "Install gh", "Try again?", "You are not signed in", "Signed in to github.com as octocat.", "It works"},
		},
		"a permission is missing": {
			func(t *testing.T, s *site) map[string]func() {
				t.Setenv("GH_TOKEN", "x")
				s.gh.SetScopes("gist")
				return map[string]func(){"y": func() { s.gh.SetScopes("repo") }}
			},
			[]string{"enter", "y", "enter", url, "enter", "enter", "enter"},
			[]string{"the login lacks the permission admin:repo_hook", "comes from the variable GH_TOKEN", "Signed in to github.com as octocat.", "It works"},
		},
		"repositories": {
			func(_ *testing.T, s *site) map[string]func() {
				s.gh.AddRepository("octo-org/aa", githubtest.Repository{Archived: true})
				return nil
			},
			[]string{"enter", "9", "octo-org/aa", "nothing-like-it", "a/b/c/d", ",", "api", "enter", url, "enter", "enter", "enter"},
			[]string{"1. octo-org/api\n2. octo-org/web\n3. octo-org/aa, archived", "error: the list has no number 9", "octo-org/aa cannot be chosen: archived: its hooks cannot be changed", `no repository has "nothing-like-it" in its name`,
				"error: ", "name a repository as owner/repo", "1. octo-org/api", "Repositories: octo-org/api.", "It works"},
		},
		"many repositories": {
			func(_ *testing.T, s *site) map[string]func() {
				for i := range 30 {
					s.gh.AddRepository(fmt.Sprintf("octo-org/service-%02d", i), githubtest.Repository{})
				}
				return nil
			},
			[]string{"enter", "SERVICE-1", "service-17", "octo-org/service-17, octo-org/web", url, "enter", "enter", "enter"},
			[]string{"20. ", "And 12 more: a part of a name finds them.", "10. octo-org/service-1", "1. octo-org/service-17", "[octo-org/service-17]", "Repositories: octo-org/service-17, octo-org/web.", "It works"},
		},
		"the repositories cannot be listed": {
			func(_ *testing.T, s *site) map[string]func() {
				s.gh.Fault(githubtest.Fault{Path: "/user/repos", Status: http.StatusInternalServerError})
				return nil
			},
			[]string{"enter", "octo-org/api", url, "enter", "enter", "enter"},
			[]string{"error: ", "You can still type names of repositories.", "Repositories: octo-org/api.", "It works"},
		},
		"the address": {
			func(_ *testing.T, s *site) map[string]func() {
				s.setup.URL = "https://known.example.com/webhook"
				return nil
			},
			[]string{"enter", "enter", "what is this", "ftp://example.com", "7", "enter", "back", "back", "enter", url, "enter", "enter", "enter"},
			[]string{"1. https://known.example.com/webhook, from the settings", "is not a valid URL", "GitHub sends over https, not ftp", "The list has no number 7.",
				"URL: https://known.example.com/webhook.", "Step 3 of 6: URL.", "[https://known.example.com/webhook]", "Step 2 of 6", "URL: https://hooks.example.com/webhook.", "It works"},
		},
		"events and agent": {
			func(_ *testing.T, s *site) map[string]func() {
				s.setup.Probe = func(_ context.Context, _, agent string) error {
					if agent == "mona" {
						return nil
					}
					return errors.New("AI Maestro knows no " + agent)
				}
				return nil
			},
			[]string{"enter", "enter", url, "list", "pish", "-push,-issues,-pull_request,-check_run,-workflow_run", "push", "enter", "no", "mona", "enter"},
			[]string{"star: ", `GitHub has no event "pish"`, "a hook needs at least one event", "Events: push.", "AI Maestro knows no orchestrator-amoa", "Notify it anyway?", "AI Maestro answers and knows mona.", "It works"},
		},
		"setup fails": {
			func(_ *testing.T, s *site) map[string]func() { s.refusals = 4; return nil },
			[]string{"enter", "enter", url, "enter", "enter", "enter", "perhaps", "again", "fix", "port", "70000", "9100", "url", "https://other.example.com", "enter", "enter", "enter"},
			[]string{"error: no signed ping arrived", "fix lets doctor repair what it can", "What next? again, fix, url, port or leave", "Please answer", "A port is a number from 1 to 65535.", "Port: 9100.", "Step 3 of 6: URL.", "URL: https://other.example.com/webhook.", "It works"},
		},
		"setup is left": {
			func(_ *testing.T, s *site) map[string]func() { s.refusals = 1; return nil },
			[]string{"enter", "enter", url, "enter", "enter", "enter", "leave", "back", "status"},
			[]string{"error: no signed ping arrived", "Setup was cancelled. Your answers are saved", "> status\nreceiver"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "octo-org/api", "octo-org/web")
			p := newPerson(t)
			p.then = c.prepare(t, s)
			p.lines = append(c.lines, "quit")
			has(t, s.talk(p), c.has...)
		})
	}
}

// Setup that was left goes on where it was, with the answers of before, and so does the wizard of the full screen.
func TestSetupGoesOnWhereItWasLeft(t *testing.T) {
	s := newSite(t, "octo-org/api", "octo-org/web")
	said := s.talk(newPerson(t, "enter", "octo-org/web", "hooks.example.com", "push", "^C", "quit"))
	has(t, said, "Events: push.", "Setup was cancelled.")
	b, err := os.ReadFile(filepath.Join(s.setup.Home, "run", "wizard.json"))
	if want := `{"step":5,"repositories":["octo-org/web"],"url":"https://hooks.example.com/webhook","events":["push"],"notify_nobody":false,"agent":"orchestrator-amoa"}`; err != nil || strings.TrimSpace(string(b)) != want {
		t.Errorf("kept is %s (%v), not %s", b, err, want)
	}
	said = s.talk(newPerson(t, "no", "setup", "back", "enter", "^D", "setup", "enter", "enter", "^D", "quit"))
	has(t, said, "Type setup to do it later.", "Continuing with your saved answers. Repositories: octo-org/web.", "Step 5 of 6", "Step 4 of 6", "[push]", "Step 5 of 6", "Setup was cancelled", "Step 5 of 6", "It works.")
}

// The receiver can run a tunnel: then setup begins with a secret and a restart, and takes the address that comes of it.
func TestSetupRunsATunnel(t *testing.T) {
	s := newSite(t, "octo-org/web")
	program := "cloudflared"
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	said := s.talk(newPerson(t, "enter", "enter", "enter", "enter", "enter", "enter", "quit"))
	has(t, said, "1. let the receiver run cloudflared, it gets a public address", "[1]: ", "The receiver will run cloudflared", "Starting the receiver and cloudflared.", "It works.")
	if got, want := strings.Join(s.ran, "|"), "setup -R octo-org/web --url https://quick.example.com/webhook"; !strings.HasPrefix(got, want) {
		t.Errorf("it runs %s, not %s", got, want)
	}
	if got, want := strings.Join(s.saved, " "), "sink=http://127.0.0.1:23000 orchestrator-amoa tunnel=cloudflared"; got != want {
		t.Errorf("it saves %s, not %s", got, want)
	}
}

// Besides the agent a chat can be notified, and of more events; project sync is offered when hooks are set up. The URL of the
// chat is not shown, is refused where it is none, and is in no draft.
func TestSetupNotifiesMore(t *testing.T) {
	s := newSite(t, "octo-org/web")
	typed := []string{"nonsense", "ntfy://ntfy.sh/secret-topic"}
	s.setup.Trust, s.setup.Sync = true, "off"
	s.setup.Hidden = func(context.Context, string) (string, error) {
		url := typed[0]
		typed = typed[1:]
		return url, nil
	}
	s.setup.ProbeChat = func(_ context.Context, url string) error {
		if url == "nonsense" {
			return errors.New("the URL is not one that shoutrrr understands")
		}
		return nil
	}
	s.setup.SaveSync = func(_ context.Context, mode string) error {
		s.saved = append(s.saved, "sync="+mode)
		return nil
	}
	said := s.talk(newPerson(t, "enter", "enter", "hooks.example.com", "enter", "enter", "everything", "chat, reviews", "chat reviews", "suggest", "quit"))
	has(t, said, "fixed words, numbers and links", "reviews: approvals and requested changes", `the list has no "everything"`, "not one that shoutrrr understands", "Project sync keeps one issue", "It works.")
	if strings.Contains(said, "secret-topic") {
		t.Errorf("the URL of the chat is shown:\n%s", said)
	}
	if got, want := strings.Join(s.saved, " "), "sink=http://127.0.0.1:23000 orchestrator-amoa chat=ntfy://ntfy.sh/secret-topic also=reviews sync=suggest"; got != want {
		t.Errorf("it saves %s, not %s", got, want)
	}
}

// Without a public URL the relay is one answer, and an address that GitHub cannot reach is used only where the user insists.
func TestSetupWithoutAPublicURL(t *testing.T) {
	s := newSite(t, "octo-org/web")
	said := s.talk(newPerson(t, "enter", "enter", "http://localhost:9000", "no", "enter", "enter", "enter", "enter", "quit"))
	has(t, said, "GitHub cannot reach localhost", "Use it anyway?", "1. GitHub's relay, without a URL, only while hookctl is open", "until you stop it with ctrl+c")
	if got, want := strings.Join(s.ran, "|"), "setup -R octo-org/web --relay"; got != want {
		t.Errorf("it runs %s, not %s", got, want)
	}
	s = newSite(t, "octo-org/web")
	s.talk(newPerson(t, "enter", "enter", "http://localhost:9000", "yes", "enter", "enter", "enter", "quit"))
	if got, want := strings.Join(s.ran, "|"), "setup -R octo-org/web --url http://localhost:9000/webhook --allow-unreachable"; got != want {
		t.Errorf("it runs %s, not %s", got, want)
	}
}
