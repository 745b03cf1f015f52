package doctor

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hookctl/server/daemon"
)

func TestCertificateIsCheckedAsGitHubDoes(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it hears of every client that does not trust it
	srv.StartTLS()
	defer srv.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(srv.Certificate())

	cfg := Config{Home: t.TempDir(), PublicURL: srv.URL, Roots: trusted}.withDefaults()
	if got := newFacts(t.Context(), cfg).certificate(t.Context()); got.Status != OK || !strings.Contains(got.Detail, "valid until 2084-01-29") {
		t.Errorf("trusted: %+v", got)
	}
	cfg.Roots = x509.NewCertPool()
	if got := newFacts(t.Context(), cfg).certificate(t.Context()); got.Status != Fail || !strings.Contains(got.Detail, "unknown authority") {
		t.Errorf("of an unknown authority: %+v", got)
	}
	cfg.Roots, cfg.PublicURL = trusted, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	if got := newFacts(t.Context(), cfg).certificate(t.Context()); got.Status != Fail || !strings.Contains(got.Detail, "another name") {
		t.Errorf("for another name: %+v", got)
	}
}

func TestExpiryOfCertificates(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for days, want := range map[int]Check{
		-1: fail("renew the certificate", "it expired on 2026-04-30"),
		5:  warn("renew the certificate", "issued by Let's Trust, valid until 2026-05-06, in 5 days"),
		60: ok("issued by Let's Trust, valid until 2026-06-30"),
	} {
		leaf := &x509.Certificate{NotAfter: now.AddDate(0, 0, days), Issuer: pkix.Name{Organization: []string{"Let's Trust"}}}
		if got := expiry(leaf, now); got != want {
			t.Errorf("%d days: %+v, want %+v", days, got, want)
		}
	}
	if got := badCertificate(x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}); got.Status != Fail || !strings.Contains(got.Detail, "expired") {
		t.Errorf("expired: %+v", got)
	}
	if got := badCertificate(x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.IncompatibleUsage}); got.Status != Fail {
		t.Errorf("for clients: %+v", got)
	}
}

func TestStatesOfTheService(t *testing.T) {
	for _, tt := range []struct {
		enabled, active, note string
		status, detail, fix   string
	}{
		{"enabled", "active", "", OK, "hookctl.service (systemd --user) is enabled and active", ""},
		{"enabled", "failed", "", Fail, "is enabled and failed", "journalctl -u hookctl; then hookctl restart"},
		{"enabled", "inactive", "", Warn, "is enabled and inactive", "hookctl start"},
		{"disabled", "active", "", Warn, "does not start by itself", "hookctl service install"},
		{"enabled", "active", "it stops when you log out", Warn, "it stops when you log out", ""},
		{"", "", "", Warn, "is unknown and unknown", "hookctl start"},
	} {
		st := daemon.ServiceStatus{Installed: true, Unit: "hookctl.service", Manager: "systemd --user", Enabled: tt.enabled, Active: tt.active, Logs: "journalctl -u hookctl"}
		if tt.note != "" {
			st.Notes = []string{tt.note}
		}
		if got := serviceFinding(st); got.Status != tt.status || !strings.Contains(got.Detail, tt.detail) || got.Fix != tt.fix {
			t.Errorf("%s, %s: %+v", tt.enabled, tt.active, got)
		}
	}
}

func TestAReceiverNamesItsSupervisor(t *testing.T) {
	st := daemon.Status{Running: true, Supervisor: &daemon.Supervisor{Kind: daemon.KindPM2, Name: "hooks"}}
	if got := Receiver(t.TempDir(), st, nil, time.Now()); got.Status != OK || !strings.Contains(got.Detail, "running under pm2 (hooks) on ") {
		t.Errorf("got %+v", got)
	}
}

func TestFreeSpace(t *testing.T) {
	for free, want := range map[uint64]string{50 << 20: Fail, 500 << 20: Warn, 5 << 30: OK} {
		if got := spaceFinding("/x", free, 1<<40); got.Status != want || want != OK && !strings.Contains(got.Fix, "hookctl events prune") {
			t.Errorf("%d bytes: %+v, want %s", free, got, want)
		}
	}
}

func TestWorstOfSeveralFindings(t *testing.T) {
	tests := map[string]struct {
		all  []Check
		want Check
	}{
		"nothing":        {nil, Check{Status: OK}},
		"all ok":         {[]Check{ok("first"), ok("second"), {Status: OK}}, ok("second")},
		"a warning":      {[]Check{ok("first"), warn("a", "look")}, warn("a", "look")},
		"both":           {[]Check{warn("a", "look"), fail("b", "broken")}, fail("a; b", "look; broken")},
		"the same cure":  {[]Check{fail("a", "one"), fail("a", "two")}, fail("a", "one; two")},
		"one has no fix": {[]Check{fail("", "one"), warn("b", "two")}, fail("b", "one; two")},
	}
	for name, tt := range tests {
		if got := worst(tt.all...); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestSmallWords(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"localhost", "127.0.0.1", true}, {"", "::", true}, {"0.0.0.0", "::", true},
		{"127.0.0.1", "0.0.0.0", false}, {"::1", "127.0.0.1", false}, {"hooks.lan", "hooks.lan", true},
	} {
		if got := sameBind(tt.a, tt.b); got != tt.same {
			t.Errorf("sameBind(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
	for text, inside := range map[string]string{"10.1.2.3": "10.1.2.3", "::1": "::1", "::ffff:192.168.1.1": "192.168.1.1", "140.82.112.1": "", "fe80::1": "fe80::1"} {
		if got := private([]netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr(text)}, ""); got != inside {
			t.Errorf("private(%s) = %q, want %q", text, got, inside)
		}
	}
}

// A flag that restart keeps is named where the settings say something else.
func TestTunnelNamesTheFlagThatOverridesTheSettings(t *testing.T) {
	for args, want := range map[string]string{
		"serve --tunnel ngrok --debug": "ngrok, as it was started; the settings say off, which hookctl restart --tunnel off uses",
		"serve --tunnel=ngrok":         "ngrok, as it was started; the settings say off, which hookctl restart --tunnel off uses",
		"serve --tunnel off":           "",
		"serve --port 1":               "",
	} {
		if got := StartedTunnel(daemon.Status{Args: strings.Fields(args)}, "off"); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	if got := StartedTunnel(daemon.Status{Args: []string{"serve", "--tunnel", "ngrok"}}, ""); got != "" {
		t.Errorf("without settings: %q", got)
	}
}
