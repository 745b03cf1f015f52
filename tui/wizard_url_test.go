package tui

import (
	"context"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// Tunnels that are found while an address is typed leave the line alone.
func TestTypingGoesOnWhenTunnelsAreFound(t *testing.T) {
	s := hooked(t, 80, 24)
	w := at(s, stepURL)
	for range len(w.address.offers) {
		s.press("down")
	}
	w.address.input.SetValue("")
	s.typed("hooks")
	s.send(tunnelsFound{of: w, list: []hooks.Tunnel{{Kind: "ngrok", URL: "https://x.ngrok.app"}}})
	s.typed(".example.com")
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
		"https://h.example/?x=1":      "https://h.example/webhook?x=1",
		"h.example/webhook/frontend": "https://h.example/webhook/frontend",
	} {
		if got := hookURL(text); got != want {
			t.Errorf("hookURL(%q) = %q, not %q", text, got, want)
		}
	}
	for _, bad := range []string{"", "ftp://h.example", "https://", "https://a b.example"} {
		if checkHookURL(hookURL(bad)) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for address, want := range map[string]bool{
		"http://localhost:9000/webhook": true, "https://10.0.0.7/webhook": true, "https://printer.local/": true, "https://[::1]/": true,
		"https://hooks.example.com/": false, "https://140.82.112.3/": false,
	} {
		if private(address) != want {
			t.Errorf("private(%q) is %v", address, !want)
		}
	}
}

func FuzzHookURL(f *testing.F) {
	for _, s := range []string{"hooks.example.com", "https://h/webhook", "://", "http://[::1", "%zz", "a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := hookURL(s)
		if checkHookURL(got) == nil && hookURL(got) != got {
			t.Errorf("%q becomes %q and then %q", s, got, hookURL(got))
		}
		private(got)
	})
}

// A secret that was rotated while the wizard waited is the one that its hooks
// get.
func TestWizardTakesTheSecretOfNow(t *testing.T) {
	r := newRig(t, "octo-org/web")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.toReview(1)
	if err := r.cfg.Store.SetCurrent("fedcba9876543210"); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Dial(r.home).Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.press("esc", "enter", "enter", "enter")
	r.until("the plan", func() bool {
		if r.wizard.at == stepReceiver && r.wizard.receiver.done && r.wizard.address.busy == "" {
			r.press("enter")
		}
		return r.wizard.at == stepReview && r.wizard.review.ready
	})
	r.press("enter")
	r.shows("It works")
	if got := r.gh.Hooks("octo-org/web")[0].Secret; got != "fedcba9876543210" {
		t.Errorf("the hook signs with %s", secret.Fingerprint(got))
	}
}

// Where a tunnel's program is, the receiver can run it, and its address is the
// one of the hooks.
func TestWizardLetsTheReceiverRunATunnel(t *testing.T) {
	r := newRig(t, "octo-org/web")
	var kind string
	r.cfg.Setup.SaveTunnel = func(_ context.Context, k string) error { kind = k; return nil }
	r.start()
	r.press("w")
	r.shows("signed in")
	r.press("enter")
	r.until("the repositories", func() bool { return r.wizard.repos.have != nil })
	r.press("enter")
	r.until("the tunnels", func() bool { return r.wizard.address.looked })
	r.handle(tunnelsFound{of: r.wizard, can: []string{"cloudflared"}})
	r.shows("let the receiver run cloudflared")
	r.press("enter", "enter")
	r.until("the secret", func() bool { return r.wizard.value != "" })
	r.press("enter")
	r.until("the agent", func() bool { return !r.wizard.notify.busy })
	r.press("enter")
	r.shows("together with cloudflared")
	r.press("enter")
	r.until("the receiver", func() bool { return r.wizard.receiver.done && r.wizard.address.busy == "" })
	r.press("enter")
	r.until("the plan", func() bool { return r.wizard.review.ready })
	r.press("enter")
	r.shows("It works")
	if got := r.gh.Hooks("octo-org/web"); kind != "cloudflared" || len(got) != 1 || got[0].URL != publicURL {
		t.Errorf("the tunnel is %q, the hooks are %v", kind, got)
	}
}
