package wizard

import (
	"context"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/hooks/tunnel"
	"hookctl/server/daemon"
	"hookctl/tui/kittest"
)

// Tunnels that are found while an address is typed leave the line alone.
func TestTypingGoesOnWhenTunnelsAreFound(t *testing.T) {
	s := wizarded(t, 80, 24)
	w := at(s, stepURL)
	for range len(w.address.offers) {
		s.Press("down")
	}
	w.address.input.SetValue("")
	s.Typed("hooks")
	s.Settle(w.address.found([]tunnel.Tunnel{{Kind: "ngrok", URL: "https://x.ngrok.app"}}, nil))
	s.Typed(".example.com")
	if got := w.address.input.Value(); got != "hooks.example.com" || w.address.url() != "https://hooks.example.com/webhook" {
		t.Errorf("the line is %q, the address %q", got, w.address.url())
	}
}

func TestHookURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"hooks.example.com":          "https://hooks.example.com/webhook",
		" hooks.example.com/ ":       "https://hooks.example.com/webhook",
		"https://h.example/webhook":  "https://h.example/webhook",
		"https://h.example/a/b":      "https://h.example/a/b",
		"http://127.0.0.1:9000":      "http://127.0.0.1:9000/webhook",
		"https://h.example/?x=1":     "https://h.example/webhook?x=1",
		"h.example/webhook/frontend": "https://h.example/webhook/frontend",
	} {
		if got := hookURL(text); got != want {
			t.Errorf("hookURL(%q) = %q, not %q", text, got, want)
		}
	}
}

func FuzzHookURL(f *testing.F) {
	for _, s := range []string{"hooks.example.com", "https://h/webhook", "://", "http://[::1", "%zz", "a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := hookURL(s)
		if _, err := hooks.CheckPublic(got, ""); err == nil && hookURL(got) != got {
			t.Errorf("%q becomes %q and then %q", s, got, hookURL(got))
		}
	})
}

// A secret that was rotated while the wizard waited is the one that its hooks
// get.
func TestWizardTakesTheSecretOfNow(t *testing.T) {
	r := newWizardRig(t, "octo-org/web")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.Start()
	r.toReview(1)
	if err := r.cfg.Store.SetCurrent("fedcba9876543210"); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Dial(r.Home).Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.Press("esc", "enter", "enter", "enter")
	r.Until("the plan", func() bool {
		if r.wizard.at == stepReceiver && r.wizard.receiver.done && r.wizard.address.busy == "" {
			r.Press("enter")
		}
		return r.wizard.at == stepReview && r.wizard.review.ready
	})
	r.Press("enter")
	r.Shows("It works")
	if got := r.GitHub.Hooks("octo-org/web")[0].Secret; got != "fedcba9876543210" {
		t.Errorf("the hook signs with %s", secret.Fingerprint(got))
	}
}

// Where a tunnel's program is, the receiver can run it, and its address is the
// one of the hooks.
func TestWizardLetsTheReceiverRunATunnel(t *testing.T) {
	r := newWizardRig(t, "octo-org/web")
	var kind string
	r.setup.RunTunnel = func(ctx context.Context, k string) (daemon.Status, error) {
		kind = k
		return daemon.Start(ctx, r.cfg.Daemon)
	}
	r.Start()
	r.toRepositories()
	r.Press("enter")
	r.Until("the tunnels", func() bool { return r.wizard.address.looked })
	r.Run(r.wizard.address.found(nil, []string{"cloudflared"}))
	r.Shows("let the receiver run cloudflared")
	r.Press("enter")
	r.toReceiver("together with cloudflared")
	r.Until("the receiver", func() bool { return r.wizard.receiver.done && r.wizard.address.busy == "" })
	r.Press("enter")
	r.Until("the plan", func() bool { return r.wizard.review.ready })
	r.Press("enter")
	r.Shows("It works")
	if got := r.GitHub.Hooks("octo-org/web"); kind != "cloudflared" || len(got) != 1 || got[0].URL != kittest.PublicURL {
		t.Errorf("the tunnel is %q, the hooks are %v", kind, got)
	}
}

// Without a public URL, a tunnel or a program for one, enter alone opens
// GitHub's relay: what happens arrives as long as hookctl is open, and nothing
// stays at GitHub then.
func TestWizardOpensTheRelay(t *testing.T) {
	r := newWizardRig(t, "octo-org/web")
	arrived := make(chan string, 1)
	r.setup.Relayed = func(_ context.Context, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
		select {
		case arrived <- d.Header.Get("X-GitHub-Event"):
		default:
		}
		return hooks.RelayAnswer{}, nil
	}
	r.Start()
	r.toRepositories()
	r.Press("enter")
	r.Shows("GitHub's relay, without a URL")
	r.Press("enter")
	r.toReceiver("background process")
	r.Shows("nothing stays at GitHub")
	if list := r.GitHub.Hooks("octo-org/web"); len(list) != 0 {
		t.Fatalf("before the review is agreed to there are the hooks %+v", list)
	}
	r.Press("enter")
	r.Shows("It works: GitHub's relay is open for octo-org/web")
	kittest.Must(r.GitHub.Deliver(t.Context(), "octo-org/web", "push", githubtest.SampleFor("push.main", "octo-org/web")))(t)
	if got := <-arrived; got != "push" {
		t.Errorf("arrived is %q", got)
	}
	r.setup.relay.End()
	if list := r.GitHub.Hooks("octo-org/web"); len(list) != 0 {
		t.Errorf("left are %+v", list)
	}
}
