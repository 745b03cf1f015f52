package wizard

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
	"hookctl/hooks/tunnel"
	"hookctl/server/fleet"
)

// toReview answers the wizard's questions up to the review.
func (r *wizardRig) toReview(repositories int) {
	r.T.Helper()
	r.toReviewAt(repositories, "hooks.example.com")
}

// toReviewAt does so with that public URL, and chooses the first repositories.
func (r *wizardRig) toReviewAt(repositories int, url string) {
	r.T.Helper()
	r.toRepositories()
	for range repositories {
		r.Press("space", "down")
	}
	r.Press("enter")
	r.fromURL(url)
}

// toRepositories opens the wizard and goes to the choice of repositories.
func (r *wizardRig) toRepositories() {
	r.T.Helper()
	if r.Top() == nil {
		r.Press("w")
	}
	r.Shows("signed in")
	r.Press("enter")
	r.Until("the repositories", func() bool { return r.wizard.repos.have != nil })
}

// fromURL answers the questions from that of the URL on.
func (r *wizardRig) fromURL(url string) {
	r.T.Helper()
	r.Shows("At which public URL")
	r.Until("the tunnels", func() bool { return r.wizard.address.looked })
	r.wizard.address.input.SetValue("")
	r.Typed(url)
	r.Until("the receiver's state", func() bool { return r.Status.Known })
	r.Press("enter")
	if r.Status.OK() { // the address is asked at once, and cannot be seen from here
		r.Until("the test", func() bool { return r.wizard.address.busy == "" })
		if r.wizard.at == stepURL {
			r.Press("enter")
		}
	}
	r.toReceiver("background process")
	r.Until("the receiver", func() bool { return r.wizard.receiver.done && r.wizard.address.busy == "" })
	if r.wizard.at == stepReceiver {
		r.Press("enter")
	}
	r.Until("the plan", func() bool { return r.wizard.review.ready })
}

// toReceiver answers the questions from that of the events to that of the receiver, which shows these words.
func (r *wizardRig) toReceiver(words string) {
	r.T.Helper()
	r.Shows("Which events?")
	if r.events == "without check_run" {
		r.Press("space")
	}
	r.Press("enter")
	r.Until("the secret", func() bool { return r.wizard.value != "" })
	r.Press("enter")
	r.Until("the agent", func() bool { return !r.wizard.notify.asking })
	r.Press("enter")
	r.Shows(words)
	r.Press("enter")
}

// A wizard that was left is taken up where it was, also by another hookctl;
// what it keeps holds no secret.
func TestWizardGoesOnWhereItWasLeft(t *testing.T) {
	r := newWizardRig(t, "octo-org/api", "octo-org/web")
	r.Start()
	r.toRepositories()
	r.Press("down", "space", "enter")
	r.Shows("At which public URL")
	r.Typed("https://hooks.example.com/webhook/web")
	r.Press("enter")
	r.Shows("Which events?")
	r.Press("space", "enter") // without check_run
	r.Until("the secret", func() bool { return r.wizard.value != "" })
	value := r.wizard.value
	file := filepath.Join(r.cfg.Home, "run", "wizard.json")
	kept := func(step string) func() bool {
		return func() bool {
			b, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(b), `"step":`+step)
		}
	}
	r.Until("what was kept", kept("4"))
	b, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(b), value) {
		t.Fatalf("the state is %s (%v)", b, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state's mode is %v (%v)", info.Mode(), err)
	}

	// The same hookctl: closed and opened again.
	r.Press("esc", "esc", "esc", "esc", "esc")
	if r.Top() != nil {
		t.Fatal("the wizard is still open")
	}
	r.Press("w")
	r.Shows("Sign in")
	if got := r.wizard.repos.pick.Picked(); !slices.Equal(got, []string{"octo-org/web"}) {
		t.Errorf("chosen are %v", got)
	}

	// Another hookctl.
	r.Until("the state", kept("0"))
	r.Press("enter", "enter", "enter", "enter")
	r.Until("the state", kept("4"))
	other := wizardOn(t, r.Another(t))
	other.Start()
	other.Press("w")
	other.Until("the step", func() bool { return other.wizard != nil && other.wizard.at == stepSecret })
	if other.wizard.at != stepSecret || other.wizard.address.url() != "https://hooks.example.com/webhook/web" {
		t.Errorf("it goes on at step %d with %q", other.wizard.at, other.wizard.address.url())
	}
	if slices.Contains(other.wizard.events.pick.Picked(), "check_run") {
		t.Error("the choice of events is lost")
	}
}

// GitHub fails while hooks are created: the step says so with the fix, and enter
// tries again without doing anything twice.
func TestWizardTriesAgainWhatFailed(t *testing.T) {
	r := newWizardRig(t, "octo-org/api", "octo-org/web")
	r.Start()
	r.toReview(2)
	lift := r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/web/hooks", Status: http.StatusForbidden})
	r.Press("enter")
	r.Shows("1 of 2 hooks proved by a signed ping")
	r.Shows("the hook could not be created")
	if len(r.GitHub.Hooks("octo-org/api")) != 1 || len(r.GitHub.Hooks("octo-org/web")) != 0 {
		t.Fatal("other hooks were created")
	}
	if _, err := os.Stat(filepath.Join(r.cfg.Home, "run", "wizard.json")); err != nil {
		t.Errorf("the state is gone before the end: %v", err)
	}
	lift()
	r.Press("enter")
	r.Until("the plan", func() bool { return r.wizard.at == stepReview && r.wizard.review.ready })
	r.Shows("is pinged")
	r.Press("enter")
	r.Shows("It works")
	if len(r.GitHub.Hooks("octo-org/api")) != 1 || len(r.GitHub.Hooks("octo-org/web")) != 1 {
		t.Error("a hook is there twice, or not at all")
	}
	r.Until("the state to go", func() bool {
		_, err := os.Stat(filepath.Join(r.cfg.Home, "run", "wizard.json"))
		return errors.Is(err, os.ErrNotExist)
	})
}

// Closed while it works, the wizard goes on, and says when it is done.
func TestWizardWorksOnWhileClosed(t *testing.T) {
	r := newWizardRig(t, "octo-org/web")
	r.Start()
	r.toReview(1)
	lift := r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", Delay: 200 * time.Millisecond})
	defer lift()
	r.Press("enter", "esc")
	r.Shows("setup continues in the background")
	r.Shows("set up: 1 hook is proved by a signed ping")
	if len(r.GitHub.Hooks("octo-org/web")) != 1 {
		t.Error("there is no hook")
	}
}

// Interrupted, nothing is half done that the next try would do twice.
func TestWizardCanBeInterrupted(t *testing.T) {
	r := newWizardRig(t, "octo-org/web")
	r.Start()
	r.toReview(1)
	lift := r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", Delay: time.Hour})
	r.Press("enter")
	r.Shows("creating the hook")
	r.Press("ctrl+x")
	r.Until("the end", func() bool { return r.wizard.apply.working() == "" })
	lift()
	r.Press("enter")
	r.Until("the plan", func() bool { return r.wizard.at == stepReview && r.wizard.review.ready })
	r.Press("enter")
	r.Shows("It works")
	if n := len(r.GitHub.Hooks("octo-org/web")); n != 1 {
		t.Errorf("there are %d hooks", n)
	}
}

// Every failure before the review is shown in its step, and fixed there.
func TestWizardFailuresAndCures(t *testing.T) {
	t.Run("not signed in, then signed in", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		dial, out := r.Cfg.GitHub, true
		r.World.Cfg.GitHub = func() (*hooks.Client, error) {
			if out {
				return nil, &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}
			}
			return dial()
		}
		r.Start()
		r.Press("w")
		r.Shows("not signed in to GitHub")
		out = false
		r.Run(r.wizard.signIn.ended(nil))
		r.Shows("signed in to github.com as octocat")
	})
	t.Run("a permission is missing", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		r.GitHub.SetScopes("gist")
		r.Start()
		r.Press("w")
		r.Shows("lacks the permission")
		r.GitHub.SetScopes("gist", "admin:repo_hook")
		r.Run(r.wizard.signIn.ended(nil))
		r.Shows("signed in to github.com as octocat")
	})
	t.Run("GitHub is down", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		lift := r.GitHub.Fault(githubtest.Fault{Path: "/user/repos", Status: http.StatusBadGateway})
		r.Start()
		r.Press("w")
		r.Shows("signed in")
		r.Press("enter")
		r.Shows("GitHub has a problem")
		lift()
		r.Press("ctrl+r")
		r.Shows("[ ] octo-org/web")
	})
	t.Run("the secret's file is open to all", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		if err := os.MkdirAll(r.Home, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(r.Home, ".env")
		if err := os.WriteFile(file, []byte(secret.Variable+"=0123456789abcdef\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r.Start()
		r.Press("w")
		r.Shows("signed in")
		r.Until("the secret", func() bool { return r.wizard.secret.err != nil })
		r.wizard.at = stepSecret
		r.Shows("is open to every user")
		r.Press("enter")
		r.Shows("of .env is used")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the mode is %v (%v)", info.Mode(), err)
		}
	})
	t.Run("the receiver does not start", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		args, saved := r.World.Cfg.Daemon.Args, 0
		r.World.Cfg.Daemon.Args = []string{"-test.no-such-flag"}
		r.setup.SavePort = func(_ context.Context, port int) error { saved = port; return nil }
		r.Start()
		r.Press("w")
		r.Shows("signed in")
		r.Until("the secret", func() bool { return r.wizard.value != "" })
		r.wizard.at = stepReceiver
		r.Press("enter")
		r.Shows("When that is fixed")
		r.Press("ctrl+o")
		for range 4 {
			r.Press("backspace")
		}
		r.Typed("9100")
		r.Press("enter")
		r.Until("the port", func() bool { return r.setup.Port == 9100 })
		if saved != 9100 {
			t.Errorf("the port saved is %d", saved)
		}
		r.Shows("starts it on port 9100")
		r.World.Cfg.Daemon.Args = args
		r.wizard.cfg.Fleet = fleet.New(r.World.Cfg.Config)
		r.Press("enter")
		r.Shows("the receiver runs on")
	})
	t.Run("the agent is not there", func(t *testing.T) {
		r := newWizardRig(t, "octo-org/web")
		var agent string
		r.setup.Probe = func(_ context.Context, _, a string) error {
			if a == "helper" {
				return nil
			}
			return errors.New("no agent of that name")
		}
		r.setup.SaveNotify = func(_ context.Context, n fleet.Notify) error { agent = n.Agent; return nil }
		r.Start()
		r.Press("w")
		r.Shows("signed in")
		r.Until("the secret", func() bool { return r.wizard.value != "" })
		r.wizard.at = stepNotify
		r.Run(r.wizard.notify.open())
		r.Shows("no agent of that name")
		for range len("orchestrator-amoa") {
			r.Press("backspace")
		}
		r.Typed("helper")
		r.Press("enter")
		r.Shows("knows helper")
		r.Press("enter")
		r.Shows("background process")
		r.Press("enter")
		r.Until("the receiver", func() bool { return r.wizard.receiver.done })
		if agent != "helper" {
			t.Errorf("saved is %q", agent)
		}
	})
}

// A tunnel that is started while the step waits shows up by itself, and one
// that leads here is chosen with enter alone. A tunnel that GitHub cannot reach
// is not offered, unless GitHub is an Enterprise Server, which may.
func TestWizardFindsTunnels(t *testing.T) {
	for host, enterprise := range map[string]bool{"github.com": false, "ghe.example.com": true} {
		t.Run(host, func(t *testing.T) {
			r := newWizardRig(t, "octo-org/web")
			if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
				t.Fatal(err)
			}
			dial := r.Cfg.Dial
			r.World.Cfg.GitHub = func() (*hooks.Client, error) { return dial(host) }
			status := r.Receive()
			r.Start()
			r.Until("the receiver", r.Status.OK)
			r.Press("w")
			r.Shows("signed in to " + host)
			r.Until("the secret", func() bool { return r.wizard.value != "" })
			r.wizard.at = stepURL
			r.Run(r.wizard.address.open())
			r.Shows("No tunnel runs here.")
			r.Run(r.wizard.address.found([]tunnel.Tunnel{
				{Kind: "ngrok", URL: "http://" + status.Address, Target: status.Address}, {Kind: "ngrok", URL: "https://svc.internal"}, {Kind: "cloudflared", URL: "https://x.trycloudflare.com"},
			}, nil))
			r.Shows("x.trycloudflare.com")
			if got := r.wizard.address.url(); !enterprise {
				if text := r.Text(); strings.Contains(text, status.Address+"/webhook") || strings.Contains(text, "svc.internal") || got != "https://x.trycloudflare.com/webhook" {
					t.Errorf("chosen is %q of:\n%s", got, text)
				}
				return
			}
			r.Shows("svc.internal")
			r.Press("enter")
			r.Shows("Which events?")
			got := r.wizard.address.url()
			if err, tested := r.wizard.address.tested[got]; got != "http://"+status.Address+"/webhook" || !tested || err != nil {
				t.Errorf("chosen is %q, and it was tested: %v", got, r.wizard.address.tested)
			}
		})
	}
}
