package doctor

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// Every check in the states that it can find, with parts of its texts. Where the fix is a command, it is carried out, and the
// check has to be ok then.
func TestChecks(t *testing.T) {
	tests := []struct {
		check, state string
		arrange      func(*world)
		status       string
		detail, fix  string
	}{
		{"receiver", "runs", nil, OK, "running on 127.0.0.1:", ""},
		{"receiver", "not running", func(w *world) { w.end() }, Fail, "not running, so no delivery can arrive", "hookctl start"},
		{"receiver", "in trouble", func(w *world) { w.status.Alarms = []daemon.Alarm{{Text: "the disk is full"}} }, Fail, "but in trouble: the disk is full", ""},
		{"receiver", "in several troubles", func(w *world) {
			w.status.Alarms = []daemon.Alarm{{Key: "storage", Text: "the disk is full", Hint: "hookctl doctor"}, {Key: "route.0", Text: "routes[0]: it takes too long", Warning: true}}
		}, Fail, "but in trouble: the disk is full; routes[0]: it takes too long", ""},
		{"receiver", "warns", func(w *world) {
			w.status.Alarms = []daemon.Alarm{{Key: "certificate.a", Text: "the certificate of a expires on Monday", Warning: true}}
		}, Warn, "the certificate of a expires", ""},
		{"receiver", "hangs", func(w *world) { w.end(); lock(w) }, Fail, "does not answer", "hookctl restart"},
		{"receiver", "has trouble with its tunnel only", func(w *world) {
			w.status.Alarms = []daemon.Alarm{{Key: "tunnel", Text: "tunnel: some hooks keep an old address"}}
		}, OK, "running on", ""},

		{"refused requests", "none", nil, OK, "none with a wrong or missing signature", ""},
		{"refused requests", "no receiver", func(w *world) { w.end() }, Unknown, "not known", ""},
		{"refused requests", "signatures", func(w *world) {
			w.oldSecret()
			w.rejected = []daemon.Rejected{
				{Time: time.Now().Add(-time.Minute), Address: "192.0.2.1", Reason: "wrong signature", DeliveryID: "72d3162e", HookID: w.hookID + 1},
				{Time: time.Now(), Reason: "X-Hub-Signature-256 is missing: set a secret on the hook"},
				{Time: time.Now().Add(-2 * time.Hour), Reason: "wrong signature", DeliveryID: "old"},
				{Time: time.Now(), Reason: "no such path"},
			}
		}, Warn, "2 requests with a wrong or missing signature in the last hour, the last like a delivery from 192.0.2.1", "hookctl rejected"},
		{"refused requests", "of a hook of ours", func(w *world) {
			w.oldSecret()
			w.rejected = []daemon.Rejected{{Time: time.Now().Add(-time.Minute), Address: "192.0.2.1", Reason: "wrong signature", DeliveryID: "72d3162e", HookID: w.hookID}}
		}, Warn, "of ours signs with another secret", "hookctl rotate --all"},
		{"refused requests", "of scanners", func(w *world) {
			w.oldSecret()
			w.rejected = []daemon.Rejected{{Time: time.Now(), Reason: "X-Hub-Signature-256 is missing: set a secret on the hook"}}
		}, OK, "1 request with a wrong or missing signature in the last hour, none of them like a delivery", ""},
		{"refused requests", "a former secret", func(w *world) {
			w.oldSecret()
			w.rejected = []daemon.Rejected{{Time: time.Now().Add(-time.Minute), Address: "192.0.2.1", Reason: "the signature does not match", DeliveryID: "72d3162e", Former: "a1b2c3d4"}}
		}, Warn, "signed with the former secret a1b2c3d4: its hook was not rotated", "hookctl rotate --all"},
		{"refused requests", "from before the last new secret", func(w *world) {
			w.rejected = []daemon.Rejected{{Time: time.Now().Add(-time.Minute), Reason: "wrong signature", DeliveryID: "72d3162e"}}
		}, OK, "none with a wrong or missing signature", ""},

		{"version", "same", nil, OK, "1.0.0", ""},
		{"version", "differs", func(w *world) { w.cfg.Version = "1.1.0" }, Warn, "the receiver is version 1.0.0, this program is 1.1.0", "hookctl restart"},
		{"version", "no receiver", func(w *world) { w.end() }, OK, "1.0.0", ""},

		{"service", "none", nil, Unknown, "not installed", ""},
		{"service", "of an unreadable kind", func(w *world) { w.write(filepath.Join(w.home, "run", "service.json"), "{") }, Fail, "service.json", "hookctl service install"},

		{"address", "as set", nil, OK, "127.0.0.1:", ""},
		{"address", "another port", func(w *world) { w.cfg.Address = "127.0.0.1:1" }, Warn, "the settings say 1", "hookctl restart"},
		{"address", "another interface", func(w *world) { w.cfg.Address = strings.Replace(w.cfg.Address, "127.0.0.1", "0.0.0.0", 1) }, Warn, "the settings say 0.0.0.0", "hookctl restart"},
		{"address", "open to all", func(w *world) { w.status.Address, w.cfg.Address = "0.0.0.0:9000", ":9000" }, Warn, "from other machines", "receiver.bind"},
		{"address", "open to an allow-list", func(w *world) {
			w.status.Address, w.cfg.Address = "0.0.0.0:9000", ":9000"
			w.cfg.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		}, OK, "0.0.0.0:9000", ""},
		{"address", "free", func(w *world) { w.end(); w.cfg.Address = "127.0.0.1:0" }, OK, "is free", ""},
		{"address", "taken", func(w *world) { w.end(); w.cfg.Address = taken(w) }, Fail, "cannot listen on 127.0.0.1:", "--port"},

		{"firewall", "not in the way of a tunnel", nil, OK, "on this machine only", ""},
		{"firewall", "of an unknown address", func(w *world) { w.end(); w.cfg.Address = "" }, Unknown, "not checked", ""},

		{"log", "recorded", func(w *world) { w.deliver() }, OK, "1 record in ", ""},
		{"log", "none yet", nil, OK, "nothing has been recorded yet", ""},
		{"log", "another directory", func(w *world) { w.status.LogDir = "/elsewhere" }, Warn, "the receiver writes to /elsewhere", "hookctl restart"},
		{"log", "torn file", func(w *world) {
			w.writer()
			w.write(filepath.Join(w.cfg.Logs.Dir, "20260101_120000_push.json"), `{"event_type":"pu`)
		}, Warn, "1 record is incomplete, such as 20260101_120000_push.json", "move them out"},
		{"log", "unreadable", func(w *world) { w.cfg.Logs.Dir = filepath.Join(w.home, ".env") }, Fail, "", "check who owns"},

		{"disk space", "enough", nil, OK, " free of ", ""},

		{"notifications", "none", nil, OK, "none pending", ""},
		{"notifications", "pending", pending(time.Second, ""), OK, "4 notifications are pending, the oldest for 1 s", ""},
		{"notifications", "pending for a minute", pending(61*time.Second, ""), Warn, "4 notifications are pending, the oldest for 1 min", "hookctl events list --filter status:pending"},
		{"notifications", "a sink fails", pending(2*time.Second, "500 Internal Server Error"), Fail,
			"the sink aimaestro has been failing for 2 s: 500 Internal Server Error", "hookctl config edit"},
		{"notifications", "pending while nothing runs", func(w *world) { w.record(logs.StatusPending); w.end(); w.later(time.Hour) }, Warn,
			"1 notification is pending, the oldest for 60 min", "hookctl start"},
		{"notifications", "pending, says an older receiver", func(w *world) { w.status.PendingNotifications = 1 }, OK, "1 notification is pending", ""},
		{"notifications", "failed", func(w *world) { w.fail("500 gone"); w.fail("403 the channel is archived") }, Warn, "2 notifications failed, the latest: aimaestro: 403 the channel is archived", "hookctl events resend --failed"},

		{"secret", "there", nil, OK, ", from .env", ""},
		{"secret", "none", func(w *world) { w.write(filepath.Join(w.home, ".env"), "") }, Fail, "not set", "hookctl setup"},
		{"secret", "published", func(w *world) {
			w.write(filepath.Join(w.home, ".env"), "GITHUB_WEBHOOK_SECRET=YOUR_SECRET_HERE\n")
		}, Fail, "GITHUB_WEBHOOK_SECRET holds a placeholder", "hookctl secret generate --force"},
		{"secret", "short", func(w *world) { w.setSecret("hunter2") }, Warn, "it has only 7 characters", "hookctl rotate"},
		{"secret", "not at the receiver", func(w *world) { w.status.Secrets = []string{"deadbeef"} }, Fail, "it accepts deadbeef", "hookctl reload"},
		{"secret", "a second one not at the receiver", func(w *world) {
			if err := w.store.SetHookSecrets(map[int64]string{7: strings.Repeat("xy", 32)}, time.Now()); err != nil {
				w.t.Fatal(err)
			}
		}, Warn, "does not accept " + secret.Fingerprint(strings.Repeat("xy", 32)) + " yet", "hookctl reload"},

		{"age of the secret", "young", nil, OK, "it is ", ""},
		{"age of the secret", "old", func(w *world) { w.later(100 * 24 * time.Hour) }, Warn, "it is 100 days old", "hookctl rotate --all"},

		{"rotation", "none", nil, OK, "none in progress", ""},
		{"rotation", "complete", func(w *world) {
			w.saveRotation(secret.Rotation{Promoted: time.Now(), Expires: time.Now().Add(time.Hour)})
		}, OK, "accepted until", ""},
		{"rotation", "interrupted", func(w *world) {
			w.saveRotation(secret.Rotation{Old: w.value, New: strings.Repeat("ny", 32), Hooks: []secret.RotationHook{
				{Repository: repo, HookID: 7, Step: secret.StepFailed, Error: "403 Forbidden"}, {Repository: repo, HookID: 8, Step: secret.StepVerified},
			}})
		}, Warn, "hook 7 of octo-org/widgets: failed (403 Forbidden)", "hookctl rotate --resume"},
		{"rotation", "not promoted", func(w *world) { w.saveRotation(secret.Rotation{Old: w.value, New: strings.Repeat("ny", 32)}) }, Warn, "not the current one yet", "--resume"},

		{"public URL", "leads here", nil, OK, "leads to this receiver", ""},
		{"public URL", "none", func(w *world) { w.cfg.PublicURL = "" }, Warn, "not set", "hookctl setup --url"},
		{"public URL", "as the receiver says", func(w *world) { w.status.PublicURL, w.cfg.PublicURL = w.cfg.PublicURL, "" }, OK, "leads to this receiver", ""},
		{"public URL", "nonsense", func(w *world) { w.cfg.PublicURL = "ftp://x" }, Fail, `not a valid URL: "ftp://x"`, "hookctl setup --url"},
		{"public URL", "no such name", func(w *world) { w.cfg.PublicURL = "https://nowhere..invalid/webhook" }, Fail, "nowhere..invalid does not resolve", "DNS"},
		{"public URL", "not public", func(w *world) { w.host = "github.com" }, Fail, "127.0.0.1, which GitHub cannot reach", "tunnel"},
		{"public URL", "another receiver", func(w *world) { w.cfg.PublicURL = elsewhere(w, `{"status":"ok","instance":"other","nonce":"%s"}`) }, Fail, "another hookctl receiver answers", "tunnel"},
		{"public URL", "another program", func(w *world) { w.cfg.PublicURL = elsewhere(w, `<html>%s`) }, Fail, "another program answers", "tunnel"},
		{"public URL", "nobody", func(w *world) { w.cfg.PublicURL = "http://127.0.0.1:1/webhook" }, Warn, "cannot be reached from here", "tunnel"},
		{"public URL", "receiver not running", func(w *world) { w.end(); w.cfg.PublicURL = elsewhere(w, `{"nonce":"%s"}`) }, OK, "leads to a hookctl receiver", ""},

		{"certificate", "no TLS", nil, Warn, "not encrypted", "https"},
		{"certificate", "no URL", func(w *world) { w.cfg.PublicURL = "" }, Unknown, "the public URL is not set", ""},
		{"certificate", "nobody there", func(w *world) { w.cfg.PublicURL = "https://127.0.0.1:1" }, Warn, "connection refused", "tunnel"},

		{"tunnel", "none", nil, OK, "no tunnel program runs on this machine", ""},
		{"tunnel", "of ngrok, not running", func(w *world) { w.cfg.PublicURL = "https://x.ngrok-free.app/webhook" }, Fail, "is one of ngrok, which does not run", "start ngrok again for port "},
		{"tunnel", "leads here", func(w *world) { w.ngrok("https://x.ngrok-free.app", w.cfg.Address) }, OK, "ngrok https://x.ngrok-free.app leads to ", ""},
		{"tunnel", "leads elsewhere", func(w *world) { w.ngrok("https://x.ngrok-free.app", "127.0.0.1:80") }, Fail, "leads to 127.0.0.1:80, and the receiver listens on port", "start ngrok again"},
		{"tunnel", "has a new address", func(w *world) {
			w.ngrok("https://new.ngrok-free.app", w.cfg.Address)
			w.cfg.PublicURL = "https://old.ngrok-free.app/webhook"
		}, Fail, "a new address, https://new.ngrok-free.app", "hookctl setup --url https://new.ngrok-free.app/webhook"},
		{"tunnel", "not needed", func(w *world) {
			w.ngrok("https://x.ngrok-free.app", "127.0.0.1:80")
			w.cfg.PublicURL = "https://hooks.example.com"
		}, OK, "the public URL needs no tunnel", ""},
		{"tunnel", "in trouble", func(w *world) {
			w.status.Alarms = []daemon.Alarm{{Key: "storage", Text: "the disk is full"}, {Key: "tunnel", Text: "tunnel: some hooks keep an old address", Hint: "hookctl setup"}}
		}, Fail, "some hooks keep an old address", "hookctl setup"},
		{"tunnel", "not understood", func(w *world) { w.cfg.Tunnels.NgrokAPI = []string{elsewhere(w, `what? %s`)} }, Warn, "cannot see which tunnels run", ""},

		{"GitHub login", "in order", nil, OK, "octocat on github.com, scopes ", ""},
		{"GitHub login", "none", func(w *world) {
			w.github = func() (*hooks.Client, error) {
				return nil, &hooks.Error{Op: "log in", Err: hooks.ErrNotLoggedIn, Cure: "gh auth login"}
			}
		}, Fail, "log in", "gh auth login"},
		{"GitHub login", "without the scope", func(w *world) { w.gh.SetScopes("gist") }, Fail, "the token lacks admin:repo_hook", "gh auth refresh -h github.com -s admin:repo_hook"},
		{"GitHub login", "without the scope for an organization", func(w *world) {
			w.names = []string{"octo-org"}
			w.gh.SetScopes("repo")
		}, Fail, "lacks admin:org_hook", "-s admin:org_hook"},
		{"GitHub login", "refused", func(w *world) { w.gh.Fault(githubtest.Fault{Path: "/user", Status: 401}) }, Fail, "401", "token"},

		{"clock", "right", nil, OK, "agrees", ""},
		{"clock", "a little off", func(w *world) { w.later(time.Minute) }, Warn, "it is 1 min ahead of GitHub's", "timedatectl"},
		{"clock", "wrong", func(w *world) { w.later(-time.Hour - 30*time.Second) }, Fail, "it is 60 min behind GitHub's", "timedatectl"},
		{"clock", "no login", func(w *world) { w.gh.Fault(githubtest.Fault{Path: "/user", Status: 401}) }, Unknown, "not checked", ""},
		{"clock", "no answer", func(w *world) { w.gh.Fault(githubtest.Fault{Path: "/meta", Status: 502}) }, Warn, "502", "githubstatus"},

		{"allow-list", "none", nil, OK, "not set", ""},
		{"allow-list", "all of GitHub", func(w *world) {
			w.cfg.Allow = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		}, OK, "accepts all", ""},
		{"allow-list", "too narrow", func(w *world) { w.cfg.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, Fail, "that GitHub sends from: ", "receiver.allow"},

		{"hook of " + repo, "as setup makes it", nil, OK, "sends issues, push to https://hooks.example.com/webhook", ""},
		{"hook of " + repo, "none", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.URL = "https://other.example.com/hook" }) }, Fail,
			"no hook delivers to this receiver", "hookctl setup -R " + repo},
		{"hook of " + repo, "inactive", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.Active = false }) }, Warn, "is paused", "hookctl hooks enable"},
		{"hook of " + repo, "others are left alone", func(w *world) {
			w.gh.AddHook(repo, githubtest.Hook{Name: "travis", Active: true})
			w.gh.AddHook(repo, githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/hook"}, Last: githubtest.LastResponse{Code: 500}})
		}, OK, "sends issues, push to", ""},
		{"hook of " + repo, "only others", func(w *world) {
			w.changeHook(func(h *githubtest.Hook) { h.Name, h.URL = "travis", "" })
		}, Fail, "no hook delivers to this receiver", "hookctl setup -R " + repo},
		{"hook of " + repo, "moved elsewhere", func(w *world) {
			w.deliveredBefore()
			client, err := w.github()
			if err == nil {
				err = client.Configure(w.t.Context(), target(), w.hookID, hooks.ConfigChange{URL: new("https://other.example.com/hook")})
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}, Fail, "sends to https://other.example.com/hook now", "hookctl setup -R " + repo + " --adopt"},
		{"hook of " + repo, "plain http", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.URL = "http://hooks.example.com/webhook" }) }, Warn,
			"sends without encryption", "hookctl setup -R " + repo + " --url https://…"},
		{"hook of " + repo, "form", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.ContentType = "form" }) }, Warn, "sends forms", "hookctl setup"},
		{"hook of " + repo, "insecure", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.InsecureSSL = "1" }) }, Warn, "does not check the receiver's certificate", "hookctl setup"},
		{"hook of " + repo, "every event", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.Events = []string{"*"} }) }, OK, "sends * to", ""},
		{"hook of " + repo, "twice", func(w *world) { w.gh.AddHook(repo, w.hook()) }, Warn, "leads to the same place as hook", "hookctl hooks delete"},
		{"hook of " + repo, "an old address", func(w *world) { w.deliver(); w.cfg.PublicURL = "https://new.hooks.example.com/webhook" }, Warn,
			"and the public URL is https://new.hooks.example.com/webhook", "hookctl setup -R " + repo},
		{"hook of " + repo, "no role", func(w *world) { w.gh.Grant(repo, "read") }, Fail, "404", "Admin"},
		{"hook of " + repo, "no such repository", func(w *world) { w.gh.Remove(repo) }, Fail, "404", "hookctl hooks forget -R " + repo},
		{"hook of " + repo, "no login", func(w *world) { w.gh.Fault(githubtest.Fault{Path: "/user", Status: 401}) }, Unknown, "not checked", ""},

		{"secret of " + repo, "no such repository", func(w *world) { w.gh.Remove(repo) }, Unknown, "see the check of the hook", ""},
		{"deliveries of " + repo, "no such repository", func(w *world) { w.gh.Remove(repo) }, Unknown, "see the check of the hook", ""},
		{"missed deliveries of " + repo, "no such repository", func(w *world) { w.gh.Remove(repo) }, Unknown, "see the check of the hook", ""},
		{"missed deliveries of " + repo, "no login", func(w *world) { w.gh.Fault(githubtest.Fault{Path: "/user", Status: 401}) }, Unknown, "see the check of the login", ""},

		{"secret of " + repo, "current", func(w *world) { w.deliver() }, OK, "the current secret", ""},
		{"secret of " + repo, "nothing yet", nil, Warn, "has not proved its secret", "hookctl hooks ping"},
		{"secret of " + repo, "in rotation", func(w *world) {
			w.deliver()
			next := strings.Repeat("ny", 32)
			w.setSecret(next)
			w.saveRotation(secret.Rotation{Old: w.value, New: next, Promoted: time.Now(), Expires: time.Now().Add(time.Hour)})
		}, OK, "which is accepted", ""},
		{"secret of " + repo, "gone", func(w *world) { w.deliver(); w.setSecret(strings.Repeat("ny", 32)) }, Fail, "no longer accepted", "hookctl rotate "},
		{"secret of " + repo, "changed at GitHub by hand", func(w *world) { w.deliver(); w.gh.SetSecret(repo, w.hookID, "other"); w.deliver() }, Fail,
			"signed with a secret that the receiver does not have", "hookctl rotate"},
		{"hook of " + repo, "changed at GitHub by hand, and the deliveries cannot be listed", func(w *world) {
			w.deliver()
			w.gh.SetSecret(repo, w.hookID, "other")
			w.deliver()
			w.gh.Fault(githubtest.Fault{Path: "/repos/" + repo + "/hooks/" + strconv.FormatInt(w.hookID, 10) + "/deliveries", Status: 500, Times: 100})
		}, Fail, "500", "githubstatus"},
		{"secret of " + repo, "changed at GitHub, and nothing delivered since", func(w *world) {
			w.deliveredBefore()
		}, Warn, "has not proved its secret since it was changed", "hookctl hooks ping"},
		{"secret of " + repo, "changed at GitHub and right again", func(w *world) {
			w.gh.SetSecret(repo, w.hookID, "other")
			w.deliver()
			w.gh.SetSecret(repo, w.hookID, w.value)
			w.deliver()
		}, OK, "the current secret", ""},
		{"secret of " + repo, "none", func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.Secret = "" }) }, Fail, "has no secret", "hookctl setup"},

		{"deliveries of " + repo, "none", nil, OK, "none in the last 3 days", ""},
		{"deliveries of " + repo, "arrived", func(w *world) { w.deliver() }, OK, "the last one (push, 0 s ago) arrived", ""},
		{"deliveries of " + repo, "arrived again", func(w *world) { w.refuse(500); w.deliver(); w.refuse(0); w.deliver() }, OK, "arrived; 1 of the last 2 failed", ""},
		{"deliveries of " + repo, "wrong signature", func(w *world) { w.gh.SetSecret(repo, w.hookID, "other"); w.deliver() }, Fail, "signed with a secret that the receiver does not have", "hookctl rotate"},
		{"deliveries of " + repo, "nobody there", func(w *world) { w.end(); w.deliver() }, Fail, "could not connect", "hookctl start; then hookctl hooks ping"},

		{"missed deliveries of " + repo, "none", func(w *world) { w.deliver() }, OK, "none in the last 3 days", ""},
		{"missed deliveries of " + repo, "two", func(w *world) { w.refuse(500); w.deliver(); w.deliver() }, Fail, ": 500 the receiver failed", "hookctl catchup -R " + repo},
		{"missed deliveries of " + repo, "a ping", func(w *world) {
			w.refuse(500)
			client, err := w.github()
			if err != nil {
				w.t.Fatal(err)
			}
			if err := client.Ping(w.t.Context(), target(), w.hookID); err != nil {
				w.t.Fatal(err)
			}
		}, OK, "none in the last 3 days", ""},
		{"missed deliveries of " + repo, "caught up", func(w *world) {
			w.refuse(500)
			w.deliver()
			d := w.gh.Deliveries(w.hookID)[0]
			w.append(&logs.Record{EventType: d.Event, DeliveryID: d.GUID, Source: logs.SourceCatchup, Payload: json.RawMessage(`{}`)})
		}, OK, "none in the last 3 days", ""},
		{"missed deliveries of " + repo, "the same event came at another path", func(w *world) {
			w.refuse(500)
			w.deliver()
			d := w.gh.Deliveries(w.hookID)[0]
			w.append(&logs.Record{EventType: d.Event, DeliveryID: d.GUID, Headers: map[string]string{logs.PathHeader: "a"}, Source: logs.SourceDelivery, Payload: json.RawMessage(`{}`)})
		}, Fail, "1 of ", "hookctl catchup -R " + repo},
	}
	for _, tt := range tests {
		t.Run(tt.check+"/"+tt.state, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tt.check == "public URL" || tt.check == "certificate" {
				w.direct()
			}
			if tt.arrange != nil {
				tt.arrange(w)
			}
			got := w.one(tt.check)
			if got.Status != tt.status || !strings.Contains(got.Detail, tt.detail) || !strings.Contains(got.Fix, tt.fix) || tt.fix == "" && got.Fix != "" {
				t.Errorf("got %s: %s\n\tfix %q\nwant %s: …%s…\n\tfix …%s…", got.Status, got.Detail, got.Fix, tt.status, tt.detail, tt.fix)
			}
			if got.Status == OK && got.Fix != "" || got.Detail == "" {
				t.Errorf("a finding that is not one: %+v", got)
			}
			if strings.Contains(got.Detail+got.Fix, w.value) {
				t.Errorf("the secret is shown: %+v", got)
			}
			if !w.do(got.Fix) {
				return
			}
			w.cfg.Simulated = true // its names resolve nowhere else
			if again := w.one(tt.check); again.Status != OK && again.Name != "" {
				t.Errorf("after %q: %+v", got.Fix, again)
			}
		})
	}
}

// pending makes the receiver say that notifications wait, and why where a sink does not take them.
func pending(wait time.Duration, why string) func(*world) {
	return func(w *world) {
		now := time.Now()
		w.cfg.Now = func() time.Time { return now }
		w.status.PendingNotifications, w.status.PendingSince = 4, now.Add(-wait)
		if why != "" {
			w.status.FailingSinks = []daemon.FailingSink{{Sink: "aimaestro", Since: now.Add(-wait), Attempts: 3, Error: why}}
		}
	}
}

// oldSecret makes the secret one that has been in use for a day.
func (w *world) oldSecret() {
	if err := w.store.NoteChanged(time.Now().Add(-24 * time.Hour)); err != nil {
		w.t.Fatal(err)
	}
}

// deliveredBefore records a verified delivery of the hook from before its last change at GitHub.
func (w *world) deliveredBefore() {
	w.append(&logs.Record{EventType: "push", HookID: w.hookID, ReceivedAt: time.Now().Add(-time.Hour), Source: logs.SourceDelivery,
		Signature: logs.Signature{Verified: true, Secret: secret.Fingerprint(w.value)}, Payload: json.RawMessage(`{}`)})
}

// lock holds the receiver's lock without answering.
func lock(w *world) {
	inst, err := daemon.Lock(daemon.Config{Home: w.home})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = inst.Close() })
}

// taken is an address that another program has.
func taken(w *world) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// elsewhere is the URL of another program, which answers everything with text; %s in it is the nonce of the question.
func elsewhere(w *world, text string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, text, r.URL.Query().Get("nonce"))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	w.t.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// ngrok is a tunnel as its agent reports it, with the public URL set to it.
func (w *world) ngrok(public, target string) {
	list, err := json.Marshal(map[string]any{"tunnels": []any{map[string]any{
		"name": "x", "public_url": public, "proto": "https", "config": map[string]string{"addr": "http://" + target},
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.cfg.Tunnels.NgrokAPI = []string{elsewhere(w, strings.ReplaceAll(string(list), "%", "%%")+"%.0s")}
	w.cfg.PublicURL = public + "/webhook"
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) setSecret(value string) {
	w.t.Helper()
	if err := w.store.SetCurrent(value); err != nil {
		w.t.Fatal(err)
	}
	print := secret.Fingerprint(value)
	w.status.Secret, w.status.Secrets = print, []string{print}
}

func (w *world) saveRotation(r secret.Rotation) {
	w.t.Helper()
	r.Started, r.Grace = time.Now(), time.Hour
	if err := w.store.SaveRotation(&r); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) append(r *logs.Record) {
	w.t.Helper()
	if r.DeliveryID == "" {
		r.DeliveryID = rand.Text()
	}
	if err := w.writer().Append(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
	w.await(r.DeliveryID, r.Headers[logs.PathHeader])
}

// record stores a delivery whose notification is in a state.
func (w *world) record(status string) {
	w.notified(logs.Notification{Type: "push", Priority: "low", Sink: "aimaestro", Status: status})
}

func (w *world) fail(reason string) {
	w.notified(logs.Notification{Type: "push", Priority: "low", Sink: "aimaestro", Status: logs.StatusFailed, Error: reason})
}

func (w *world) notified(n logs.Notification) {
	w.append(&logs.Record{EventType: "push", Source: logs.SourceDelivery, Payload: json.RawMessage(`{}`), Notifications: []logs.Notification{n}})
}
