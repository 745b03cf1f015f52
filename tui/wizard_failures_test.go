package tui

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// toReview answers the wizard's questions up to the review.
func (r *rig) toReview(repositories int) {
	r.t.Helper()
	r.press("w")
	r.shows("signed in to github.com as octocat")
	r.press("enter")
	r.until("the repositories", func() bool { return r.wizard.repos.have != nil })
	for range repositories {
		r.press("space", "down")
	}
	r.press("enter")
	r.shows("At which address")
	r.until("the tunnels", func() bool { return r.wizard.address.looked })
	r.typed("hooks.example.com")
	r.until("the receiver's state", func() bool { return r.asked })
	r.press("enter")
	if r.running() { // the address is asked at once, and cannot be seen from here
		r.until("the test", func() bool { return r.wizard.address.busy == "" })
		r.press("enter")
	}
	r.shows("Which events?")
	r.press("enter")
	r.until("the secret", func() bool { return r.wizard.value != "" })
	r.press("enter")
	r.until("the agent", func() bool { return !r.wizard.notify.busy })
	r.press("enter")
	r.shows("background process")
	r.press("enter")
	r.until("the receiver", func() bool { return r.wizard.receiver.done && r.wizard.address.busy == "" })
	if r.wizard.at == stepReceiver {
		r.press("enter")
	}
	r.until("the plan", func() bool { return r.wizard.review.ready })
}

// A wizard that was left is taken up where it was, also by another hookctl;
// what it keeps holds no secret.
func TestWizardGoesOnWhereItWasLeft(t *testing.T) {
	r := newRig(t, "octo-org/api", "octo-org/web")
	r.start()
	r.press("w")
	r.shows("signed in")
	r.press("enter")
	r.until("the repositories", func() bool { return r.wizard.repos.have != nil })
	r.press("down", "space", "enter")
	r.shows("At which address")
	r.typed("https://hooks.example.com/webhook/web")
	r.press("enter")
	r.shows("Which events?")
	r.press("space", "enter") // without check_run
	r.until("the secret", func() bool { return r.wizard.value != "" })
	value := r.wizard.value
	file := r.cfg.wizardFile()
	r.until("what was kept", func() bool {
		b, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(b), `"step":4`)
	})
	kept := func(step string) func() bool {
		return func() bool {
			b, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(b), `"step":`+step)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(b), value) {
		t.Fatalf("the state is %s (%v)", b, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state's mode is %v (%v)", info.Mode(), err)
	}

	// The same hookctl: closed and opened again.
	r.press("esc", "esc", "esc", "esc", "esc")
	if r.top() != nil {
		t.Fatal("the wizard is still open")
	}
	r.press("w")
	r.shows("Sign in")
	if got := r.wizard.repos.pick.picked(); !slices.Equal(got, []string{"octo-org/web"}) {
		t.Errorf("chosen are %v", got)
	}

	// Another hookctl.
	r.until("the state", kept("0"))
	r.press("enter", "enter", "enter", "enter")
	r.until("the state", kept("4"))
	cfg := r.cfg
	other := &rig{t: t, gh: r.gh, home: r.home, msgs: r.msgs, quit: r.quit}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	other.app = newApp(ctx, cfg)
	defer other.close()
	other.start()
	other.shows("Welcome")
	other.press("enter")
	other.until("the step", func() bool { return other.wizard != nil && other.wizard.at == stepSecret })
	if other.wizard.at != stepSecret || other.wizard.address.url() != "https://hooks.example.com/webhook/web" {
		t.Errorf("it goes on at step %d with %q", other.wizard.at, other.wizard.address.url())
	}
	if slices.Contains(other.wizard.events.pick.picked(), "check_run") {
		t.Error("the choice of events is lost")
	}
}

// GitHub fails while hooks are made: the step says so with the cure, and enter
// tries again without doing anything twice.
func TestWizardTriesAgainWhatFailed(t *testing.T) {
	r := newRig(t, "octo-org/api", "octo-org/web")
	r.start()
	r.toReview(2)
	lift := r.gh.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/web/hooks", Status: http.StatusForbidden})
	r.press("enter")
	r.shows("1 of 2 hooks proved by a signed ping")
	r.shows("the hook could not be made")
	if len(r.gh.Hooks("octo-org/api")) != 1 || len(r.gh.Hooks("octo-org/web")) != 0 {
		t.Fatal("other hooks were made")
	}
	if _, err := os.Stat(r.cfg.wizardFile()); err != nil {
		t.Errorf("the state is gone before the end: %v", err)
	}
	lift()
	r.press("enter")
	r.until("the plan", func() bool { return r.wizard.at == stepReview && r.wizard.review.ready })
	r.shows("is pinged")
	r.press("enter")
	r.shows("It works")
	if len(r.gh.Hooks("octo-org/api")) != 1 || len(r.gh.Hooks("octo-org/web")) != 1 {
		t.Error("a hook is there twice, or not at all")
	}
	r.until("the state to go", func() bool {
		_, err := os.Stat(r.cfg.wizardFile())
		return errors.Is(err, os.ErrNotExist)
	})
}

// Closed while it works, the wizard goes on, and says when it is done.
func TestWizardWorksOnWhileClosed(t *testing.T) {
	r := newRig(t, "octo-org/web")
	r.start()
	r.toReview(1)
	lift := r.gh.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", Delay: 200 * time.Millisecond})
	defer lift()
	r.press("enter", "esc")
	r.shows("setting up goes on")
	r.shows("set up: 1 hook is proved by a signed ping")
	if len(r.gh.Hooks("octo-org/web")) != 1 {
		t.Error("there is no hook")
	}
}

// Interrupted, nothing is half done that the next try would do twice.
func TestWizardCanBeInterrupted(t *testing.T) {
	r := newRig(t, "octo-org/web")
	r.start()
	r.toReview(1)
	lift := r.gh.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", Delay: time.Hour})
	r.press("enter")
	r.shows("making the hook")
	r.press("ctrl+x")
	r.until("the end", func() bool { return !r.wizard.apply.busy() })
	lift()
	r.press("enter")
	r.until("the plan", func() bool { return r.wizard.at == stepReview && r.wizard.review.ready })
	r.press("enter")
	r.shows("It works")
	if n := len(r.gh.Hooks("octo-org/web")); n != 1 {
		t.Errorf("there are %d hooks", n)
	}
}

// Every failure before the review is told in its step, and mended there.
func TestWizardFailuresAndCures(t *testing.T) {
	t.Run("not signed in, then signed in", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		dial := r.cfg.Hooks
		r.cfg.Hooks = func() (*hooks.Client, error) {
			return nil, &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}
		}
		r.start()
		r.press("w")
		r.shows("not signed in to GitHub")
		r.cfg.Hooks = dial
		r.handle(ghDone{of: r.wizard})
		r.shows("signed in to github.com as octocat")
	})
	t.Run("a permission is missing", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		r.gh.SetScopes(githubtest.DefaultLogin, "gist")
		r.start()
		r.press("w")
		r.shows("lacks the permission")
		r.gh.SetScopes(githubtest.DefaultLogin, "gist", "admin:repo_hook")
		r.handle(ghDone{of: r.wizard})
		r.shows("signed in to github.com as octocat")
	})
	t.Run("GitHub is down", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		lift := r.gh.Fault(githubtest.Fault{Path: "/user/repos", Status: http.StatusBadGateway})
		r.start()
		r.press("w")
		r.shows("signed in")
		r.press("enter")
		r.shows("GitHub has a problem")
		lift()
		r.press("ctrl+r")
		r.shows("[ ] octo-org/web")
	})
	t.Run("the secret's file is open to all", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		if err := os.MkdirAll(r.home, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(r.home, ".env")
		if err := os.WriteFile(file, []byte(secret.Variable+"=0123456789abcdef\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r.start()
		r.press("w")
		r.shows("signed in")
		r.until("the secret", func() bool { return r.wizard.secret.err != nil })
		r.wizard.at = stepSecret
		r.shows("is open to every user")
		r.press("enter")
		r.shows("of .env is used")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the mode is %v (%v)", info.Mode(), err)
		}
	})
	t.Run("the receiver does not start", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		args, saved := r.cfg.Daemon.Args, 0
		r.cfg.Daemon.Args = []string{"-test.no-such-flag"}
		r.cfg.Setup.SavePort = func(_ context.Context, port int) error { saved = port; return nil }
		r.start()
		r.press("w")
		r.shows("signed in")
		r.until("the secret", func() bool { return r.wizard.value != "" })
		r.wizard.at = stepReceiver
		r.press("enter")
		r.shows("When the reason is gone")
		r.press("ctrl+o")
		for range 4 {
			r.press("backspace")
		}
		r.typed("9100")
		r.press("enter")
		r.until("the port", func() bool { return r.cfg.Setup.Port == 9100 })
		if saved != 9100 {
			t.Errorf("the port saved is %d", saved)
		}
		r.shows("starts it on port 9100")
		r.cfg.Daemon.Args = args
		r.press("enter")
		r.shows("the receiver runs on")
	})
	t.Run("the agent is not there", func(t *testing.T) {
		r := newRig(t, "octo-org/web")
		var agent string
		r.cfg.Setup.Probe = func(_ context.Context, _, a string) error {
			if a == "helper" {
				return nil
			}
			return errors.New("no agent of that name")
		}
		r.cfg.Setup.SaveSink = func(_ context.Context, _, a string) error { agent = a; return nil }
		r.start()
		r.press("w")
		r.shows("signed in")
		r.until("the secret", func() bool { return r.wizard.value != "" })
		r.wizard.at = stepNotify
		r.run(r.wizard.notify.open())
		r.shows("no agent of that name")
		for range len("orchestrator-amoa") {
			r.press("backspace")
		}
		r.typed("helper")
		r.press("enter")
		r.shows("knows helper")
		r.press("enter")
		r.shows("background process")
		r.press("enter")
		r.until("the receiver", func() bool { return r.wizard.receiver.done })
		if agent != "helper" {
			t.Errorf("saved is %q", agent)
		}
	})
}

// A tunnel that is started while the step waits shows up by itself, and one
// that leads here is chosen with enter alone.
func TestWizardFindsTunnels(t *testing.T) {
	r := newRig(t, "octo-org/web")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	status := r.receive()
	r.start()
	r.until("the receiver", r.running)
	r.press("w")
	r.shows("signed in")
	r.until("the secret", func() bool { return r.wizard.value != "" })
	r.wizard.at = stepURL
	r.run(r.wizard.address.open())
	r.shows("No tunnel runs here yet")
	r.handle(tunnelsFound{of: r.wizard, list: []hooks.Tunnel{{Kind: "ngrok", URL: "http://" + status.Address, Target: status.Address}}})
	r.shows("ngrok, leads to")
	r.press("enter")
	r.shows("Which events?")
	if got := r.wizard.address.url(); got != "http://"+status.Address+"/webhook" {
		t.Errorf("chosen is %q", got)
	}
	if !r.wizard.address.tested[r.wizard.address.url()].ok {
		t.Error("the address was not tested")
	}
}
