package tui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// Whatever goes wrong while setting up is said with its cure, and asked again.
func TestLineSetupFailuresAndCures(t *testing.T) {
	const url = "https://hooks.example.com"
	rest := func(lines ...string) []string { return append(lines, "", "", "", "", "go on", "", "quit") } // from the repositories on
	for name, c := range map[string]struct {
		prepare func(t *testing.T, r *rig) map[string]func()
		lines   []string
		has     []string
	}{
		"not signed in": {
			func(_ *testing.T, r *rig) map[string]func() {
				dial, out := r.cfg.Hooks, true
				r.cfg.Hooks = func() (*hooks.Client, error) {
					if out {
						return nil, hooks.ErrNotLoggedIn
					}
					return dial()
				}
				return map[string]func(){"y": func() { out = false }}
			},
			append([]string{"", "", "y"}, rest("", url)[0:]...),
			[]string{"You are not signed in to GitHub.", "Get the gh program", "Look again?", "You are not signed in", "Look again?", "Signed in to github.com as octocat.", "It works"},
		},
		"a permission is missing": {
			func(t *testing.T, r *rig) map[string]func() {
				t.Setenv("GH_TOKEN", "x")
				r.gh.SetScopes(githubtest.DefaultLogin, "gist")
				return map[string]func(){"y": func() { r.gh.SetScopes(githubtest.DefaultLogin, "repo") }}
			},
			append([]string{"", "y"}, rest("", url)...),
			[]string{"the login lacks the permission admin:repo_hook", "comes from the variable GH_TOKEN", "Signed in to github.com as octocat.", "It works"},
		},
		"repositories": {
			func(_ *testing.T, r *rig) map[string]func() {
				r.gh.AddRepository("octo-org/old", githubtest.Repository{Archived: true})
				return nil
			},
			append([]string{"", "9", "octo-org/old", "nothing-like-it", "a/b/c/d", "api"}, rest("", url)...),
			[]string{"octo-org/old, archived", "There is no number 9 in the list.", "Archived: its hooks cannot be changed.", `No repository has "nothing-like-it" in its name.`, "is no repository", "1. octo-org/api", "Repositories: octo-org/api.", "It works"},
		},
		"many repositories": {
			func(_ *testing.T, r *rig) map[string]func() {
				for i := range 30 {
					r.gh.AddRepository(fmt.Sprintf("octo-org/service-%02d", i), githubtest.Repository{})
				}
				return nil
			},
			append([]string{"", "SERVICE-1", "service-17", "octo-org/service-17, octo-org/web"}, rest(url)...),
			[]string{"20. ", "And 12 more: a part of a name finds them.", "SERVICE-1", "1. octo-org/service-1", "10. octo-org/service-1", "1. octo-org/service-17", "[octo-org/service-17]", "Repositories: octo-org/service-17, octo-org/web.", "arrived from all 2."},
		},
		"the repositories cannot be listed": {
			func(_ *testing.T, r *rig) map[string]func() {
				r.gh.Fault(githubtest.Fault{Path: "/user/repos", Status: http.StatusInternalServerError})
				return nil
			},
			append([]string{""}, rest("octo-org/api", url)...),
			[]string{"error: ", "You can name repositories all the same.", "Repositories: octo-org/api.", "It works"},
		},
		"the address": {
			func(*testing.T, *rig) map[string]func() { return nil },
			append([]string{"", "", "", "what is this", "ftp://example.com", "7", "localhost:9000", "back"}, rest(url)...),
			[]string{"No tunnel runs here yet.", "[look again]", "is no address", "GitHub sends over https, not ftp", "There is no number 7", "URL: https://localhost:9000/webhook.", "GitHub can hardly reach this address", "Step 3 of 9: URL.", "[https://localhost:9000/webhook]", "It works"},
		},
		"events and agent": {
			func(_ *testing.T, r *rig) map[string]func() {
				r.cfg.Setup.Probe = func(_ context.Context, _, agent string) error {
					if agent == "mona" {
						return nil
					}
					return &hint{errors.New("AI Maestro knows no " + agent), "start it"}
				}
				return nil
			},
			[]string{"", "", url, "list", "pish", "-push,-issues,-pull_request,-check_run,-workflow_run", "push", "", "no", "mona", "", "go on", "", "quit"},
			[]string{"star: ", `There is no event "pish".`, "A hook needs at least one event.", "Events: push.", "AI Maestro knows no orchestrator-amoa", "hint: start it", "Notify it all the same?", "AI Maestro is there and knows mona.", "It works"},
		},
		"the receiver does not start": {
			func(_ *testing.T, r *rig) map[string]func() {
				tries := 0
				r.cfg.Setup.SaveURL = func(context.Context, string) error {
					if tries++; tries == 1 {
						return &hint{errors.New("port 9000 is taken by nginx"), "stop it, or choose another port"}
					}
					return nil
				}
				r.cfg.Setup.SavePort = func(_ context.Context, port int) error {
					if port != 9100 {
						t.Errorf("saved %d", port)
					}
					return nil
				}
				return nil
			},
			[]string{"", "", url, "", "nobody", "", "70000", "9100", "go on", "", "quit"},
			[]string{"Nobody is notified.", "port 9000 is taken by nginx", "hint: stop it", "Try again? yes, no, or the number of another port", "a port is a number from 1 to 65535", "Port: 9100.", "The receiver runs on", "It works"},
		},
		"the .env can be read by everyone": {
			func(t *testing.T, r *rig) map[string]func() {
				if err := os.MkdirAll(r.home, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(r.home+"/.env", []byte("GITHUB_WEBHOOK_SECRET=kept-in-a-manager\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return nil
			},
			[]string{"setup", "", url, "", "", "", "", "go on", "", "quit"},
			[]string{"hint: chmod 600", "Do that now?", "The secret " + secret.Fingerprint("kept-in-a-manager") + " of .env is used", "It works"},
		},
		"GitHub fails": {
			func(_ *testing.T, r *rig) map[string]func() {
				r.gh.Fault(githubtest.Fault{Method: http.MethodPost, Path: "/repos/*/*/hooks", Status: http.StatusInternalServerError})
				return map[string]func(){"again": r.gh.ClearFaults}
			},
			[]string{"", "", url, "", "", "", "go on", "", "again", "", "quit"},
			[]string{"the hook could not be made", "0 of 1 hook proved by a signed ping.", "Try again, choose another URL, or leave?", "Step 8 of 9: Review.", "It works"},
		},
		"no ping arrives": {
			func(*testing.T, *rig) map[string]func() { return nil },
			[]string{"", "", "https://elsewhere.invalid", "", "", "", "go on", "", "url", url, "", "", "", "", "", "go on", "", "quit"},
			[]string{"no signed ping arrived", "hint: ", "0 of 1 hook proved", "Step 3 of 9: URL.", "URL: https://hooks.example.com/webhook.", "Go on with it all the same?", "It works"},
		},
		"nothing can be done": {
			func(_ *testing.T, r *rig) map[string]func() {
				r.gh.Fault(githubtest.Fault{Method: http.MethodGet, Path: "/repos/*/*/hooks", Status: http.StatusNotFound})
				return map[string]func(){"yes": r.gh.ClearFaults}
			},
			[]string{"", "", url, "", "", "", "go on", "yes", "no", "quit"},
			[]string{"octo-org/api: nothing can be done.", "hint: ", "Look again?", "octo-org/api: a hook is made", "Do this?", "Setup was left; what you chose is kept, and setup goes on with it."},
		},
		"cancelled at the end of the input": {
			func(*testing.T, *rig) map[string]func() { return nil },
			[]string{"", "", url},
			[]string{"Which events?", "Setup was left; what you chose is kept"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "the .env can be read by everyone" && runtime.GOOS == "windows" {
				t.Skip("Windows has no modes")
			}
			t.Setenv("PATH", "") // no gh, and no tunnel
			t.Setenv("GH_TOKEN", "")
			t.Setenv("GITHUB_TOKEN", "")
			t.Setenv("GH_PATH", "")
			r := newRig(t, "octo-org/api", "octo-org/web")
			d := newDialogue(t, c.lines...)
			d.then = c.prepare(t, r)
			has(t, d.with(r.cfg), c.has...)
		})
	}
}

// Setup that was left is gone on with, here and by the full screen's wizard.
func TestLineSetupGoesOnWhereItWasLeft(t *testing.T) {
	r := newRig(t, "octo-org/api", "octo-org/web")
	got := talk(t, r.cfg, "", "octo-org/web", "hooks.example.com", "back", "back", "octo-org/api,octo-org/web", "", "push", "cancel", "quit")
	has(t, got, "Step 4 of 9", "back", "Step 3 of 9", "back", "Step 2 of 9", "Repositories: octo-org/api, octo-org/web.", "[https://hooks.example.com/webhook]", "Events: push.", "Setup was left")
	b, err := os.ReadFile(r.cfg.wizardFile())
	if err != nil || !strings.Contains(string(b), `"step":5`) || strings.Contains(string(b), "secret") {
		t.Errorf("kept is %s (%v)", b, err)
	}
	r.start()
	r.press("w")
	r.until("the step", func() bool { return r.wizard != nil && r.wizard.at == stepNotify })
	if got := strings.Join(r.wizard.repos.pick.picked(), " ") + " " + strings.Join(r.wizard.events.pick.picked(), " "); got != "octo-org/api octo-org/web push" {
		t.Errorf("the wizard goes on with %s", got)
	}
	got = talk(t, r.cfg, "yes", "nobody", "", "go on", "", "setup", "cancel", "quit")
	has(t, got, "Going on where you left. Repositories: octo-org/api, octo-org/web.", "Step 6 of 9", "octo-org/api: a hook is made", "octo-org/web: a hook is made", "arrived from all 2.", "Step 2 of 9")
	if _, err := os.Stat(r.cfg.wizardFile()); err == nil {
		b, _ := os.ReadFile(r.cfg.wizardFile())
		if strings.Contains(string(b), `"step":5`) {
			t.Errorf("the state of the setup that is done is kept: %s", b)
		}
	}
}

// ctrl+c ends the waiting, not hookctl, and nothing is done twice.
func TestLineSetupInterrupted(t *testing.T) {
	r := newRig(t, "octo-org/web")
	r.gh.Fault(githubtest.Fault{Method: http.MethodPost, Path: "/repos/*/*/hooks/*/pings", Delay: time.Minute})
	r.gh.Fault(githubtest.Fault{Method: http.MethodPost, Path: "/repos/*/*/hooks", Delay: time.Minute, Times: 1})
	d := newDialogue(t, "", "", "hooks.example.com", "", "nobody", "", "go on", "calls", "", "setup", "", "go on", "", "hooks", "quit")
	d.then = map[string]func(){"setup": r.gh.ClearFaults}
	d.when = map[string]func(){"Step 9 of 9": d.interrupt}
	got := d.with(r.cfg)
	has(t, got, "Interrupting.", "Setup was left; what you chose is kept", "> setup", "Going on where you left", "It works", "1. octo-org/web")
	if n := len(r.gh.Hooks("octo-org/web")); n != 1 {
		t.Errorf("%d hooks", n)
	}
}

// A tunnel that leads here is chosen with enter alone, and tested at once.
func TestLineSetupFindsTunnels(t *testing.T) {
	t.Setenv("PATH", "")
	r := newLines(t, "octo-org/web")
	status, err := daemon.Dial(r.home).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ngrok := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"tunnels":[{"public_url":"http://%s","config":{"addr":"http://%s"}}]}`, status.Address, status.Address)
	}))
	defer ngrok.Close()
	r.cfg.Setup.Tunnels.NgrokAPI = []string{ngrok.URL}
	r.cfg.Setup.URL = "https://hooks.example.com/webhook"
	url := "http://" + status.Address + "/webhook"
	got := talk(t, r.cfg, "setup", "", "", "", "nobody", "", "", "quit")
	has(t, got, "1. "+url+", ngrok, leads to ", "2. https://hooks.example.com/webhook, from the settings", "["+url+"]", "URL: "+url+".", "GitHub can hardly reach this address",
		"leads to this receiver.", "Step 4 of 9", "leads to this receiver.", "octo-org/web: a hook is made, delivering to "+url, "Note: ", "It works")
}

// The receiver can run a tunnel; its address is known once it is open. One that
// was chosen and is not running yet is asked for again.
func TestLineSetupRunsATunnel(t *testing.T) {
	dir := t.TempDir()
	program := "cloudflared"
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	r := newRig(t, "octo-org/web")
	kind := ""
	r.cfg.Setup.SaveTunnel = func(_ context.Context, k string) error { kind = k; return nil }
	got := talk(t, r.cfg, "", "", "1", "cancel", "setup", "", "", "", "", "go on", "", "quit")
	has(t, got, "1. let the receiver run cloudflared, it gets a public address", "[1]: 1", "The receiver will run cloudflared", "Setup was left", "Going on where you left", "Step 3 of 9: URL.", "[1]: ",
		"Save your choices and start it together with cloudflared?", "Starting the receiver and cloudflared.", "URL: https://hooks.example.com/webhook, by cloudflared, run by the receiver.", "It works")
	if kind != "cloudflared" {
		t.Errorf("saved is %q", kind)
	}
}
