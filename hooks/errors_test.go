package hooks

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// Every refusal that GitHub knows for these calls has its reason and what to do about it.
func TestEveryErrorOfGitHubHasItsCure(t *testing.T) {
	ctx := context.Background()
	list := func(name string) func(*Client, *world) error {
		return func(c *Client, w *world) error { return second(c.List(ctx, target(w.t, name))) }
	}
	create := func(url string) func(*Client, *world) error {
		return func(c *Client, w *world) error {
			return second(c.Create(ctx, target(w.t, "o/r"), SetupRequest{URL: url, NewEvents: []string{"push"}, Secret: "hidden", Active: true}))
		}
	}
	fail := func(status int, body string, header ...string) func(*world) {
		return func(w *world) {
			h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
			for i := 0; i < len(header); i += 2 {
				h.Set(header[i], header[i+1])
			}
			w.Fault(githubtest.Fault{Status: status, Body: body, Header: h})
		}
	}
	tests := []struct {
		name    string
		source  string // where the token is from
		prepare func(*world)
		call    func(*Client, *world) error
		is      error
		says    string
		cure    string
	}{
		{"token no longer valid, from gh", "oauth_token", fail(401, `{"message":"Bad credentials"}`), list("o/r"), ErrNotLoggedIn,
			"list hooks on o/r: 401 Unauthorized: Bad credentials", "gh auth login -h github.com"},
		{"token no longer valid, from a variable", "GH_TOKEN", fail(401, `{"message":"Bad credentials"}`), list("o/r"), ErrNotLoggedIn, "", "replace the token in GH_TOKEN"},
		{"scope missing for a repository", "oauth_token", func(w *world) { w.SetScopes("gist") }, list("o/r"), ErrScope,
			"list hooks on o/r: 404 Not Found", "gh auth refresh -h github.com -s admin:repo_hook"},
		{"scope missing, token from a variable", "GITHUB_TOKEN", func(w *world) { w.SetScopes("gist") }, list("o/r"), ErrScope,
			"", "give the token in GITHUB_TOKEN the scope admin:repo_hook"},
		{"scope missing for an organization", "oauth_token", func(w *world) { w.SetScopes("repo") }, list("acme"), ErrScope,
			"", "gh auth refresh -h github.com -s admin:org_hook"},
		{"scope missing to write", "oauth_token", func(w *world) { w.SetScopes("read:repo_hook") }, create("https://x.example.com"), ErrScope,
			"create hook on o/r: 404", "-s admin:repo_hook"},
		{"no token has scopes, but a fine-grained one permissions", "oauth_token", fail(403, `{"message":"Resource not accessible by personal access token"}`), list("o/r"), ErrScope,
			"", `"Webhooks: read and write" for o/r`},
		{"no administrator", "oauth_token", func(w *world) { w.Grant("o/r", "write") }, list("o/r"), ErrNotAdmin,
			"list hooks on o/r: 404", "ask an owner of o/r for the role Admin"},
		{"no administrator, said by 403", "oauth_token", fail(403, `{"message":"Must have admin rights to Repository."}`), list("o/r"), ErrNotAdmin, "Must have admin rights", "ask an owner of o/r"},
		{"a permission missing for an organization", "oauth_token", fail(403, `{"message":"Resource not accessible by personal access token"}`), list("acme"), ErrScope, "", `"Organization webhooks: read and write" for acme`},
		{"an app's token", "oauth_token", fail(403, `{"message":"Resource not accessible by integration"}`), list("o/r"), ErrScope, "", "the GITHUB_TOKEN of a workflow cannot have it"},
		{"an IP allow list", "oauth_token", fail(403, "{\"message\":\"Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.\"}"),
			list("acme/web"), ErrForbidden, "IP allow list enabled", "ask an owner of acme to add this machine's address"},
		{"single sign-on without a link", "oauth_token", fail(403, `{"message":"Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization."}`),
			list("acme"), ErrSSO, "SAML", "authorize gh for acme: gh auth refresh -h github.com"},
		{"single sign-on without a link, token from a variable", "GH_TOKEN", fail(403, `{"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}`),
			list("acme"), ErrSSO, "", "authorize the token in GH_TOKEN for acme"},
		{"apps are restricted", "oauth_token", fail(403, "{\"message\":\"Although you appear to have the correct authorization credentials, the `acme` organization has enabled OAuth App access restrictions\"}"),
			list("acme/web"), ErrForbidden, "OAuth App", "organizations/acme/settings/oauth_application_policy"},
		{"classic tokens are forbidden", "GH_TOKEN", fail(403, "{\"message\":\"`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with fine-grained permissions.\"}"),
			list("acme/web"), ErrForbidden, "forbids access", "a kind that acme allows"},
		{"two-factor authentication", "oauth_token", fail(403, `{"message":"This organization requires two-factor authentication"}`), list("acme"), ErrForbidden, "", "settings/security"},
		{"suspended", "oauth_token", fail(403, `{"message":"Sorry. Your account was suspended."}`), list("o/r"), ErrForbidden, "suspended", "lift the suspension"},
		{"billing", "oauth_token", fail(403, `{"message":"Upgrade to GitHub Pro or make this repository public to enable this feature."}`), list("o/r"), ErrForbidden, "", "settings/billing"},
		{"blocked, said by 403", "oauth_token", fail(403, `{"message":"Repository access blocked"}`), list("o/r"), ErrForbidden, "", "see why at https://github.com/o/r"},
		{"a proxy refuses", "oauth_token", fail(403, "<html>Forbidden", "Content-Type", "text/html"), list("o/r"), ErrForbidden, "list hooks on o/r: 403 Forbidden", "check the proxy on the way to github.com"},
		{"a reason that nobody knows yet", "oauth_token", fail(403, `{"message":"The moon is full"}`), list("o/r"), ErrForbidden, "The moon is full", "gh api repos/o/r"},
		{"a secondary limit in the words of an old server", "oauth_token", fail(403, `{"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."}`), list("o/r"), ErrRateLimited, "", "wait until "},
		{"no owner of an organization", "oauth_token", fail(403, `{"message":"You must be an owner"}`), list("acme"), ErrNotAdmin, "", "ask an owner of acme"},
		{"no such repository", "oauth_token", nil, list("o/missing"), ErrNotFound, "list hooks on o/missing: 404", "gh repo view o/missing"},
		{"private repository without the scope repo", "oauth_token", func(w *world) {
			w.AddRepository("o/private", githubtest.Repository{Private: true})
			w.SetScopes("admin:repo_hook", "public_repo")
			w.Grant("o/private", "none")
		}, list("o/private"), ErrNotFound, "", "gh auth refresh -h github.com -s repo"},
		{"no such organization", "oauth_token", nil, list("nobody"), ErrNotFound, "", "spelling of the organization"},
		{"no such hook", "oauth_token", nil, func(c *Client, w *world) error { return second(c.Get(ctx, target(w.t, "o/r"), 7)) }, ErrHookNotFound,
			"view hook on o/r: 404", "hookctl hooks list -R o/r"},
		{"no such hook of a repository with a name like a path", "oauth_token", func(w *world) { w.AddRepository("o/hooks", githubtest.Repository{}) },
			func(c *Client, w *world) error { return second(c.Get(ctx, target(w.t, "o/hooks"), 7)) }, ErrHookNotFound, "", "hookctl hooks list -R o/hooks"},
		{"no such hook of an organization", "oauth_token", nil, func(c *Client, w *world) error { return c.Ping(ctx, target(w.t, "acme"), 7) }, ErrHookNotFound, "", "hookctl hooks list --org acme"},
		{"single sign-on", "oauth_token", func(w *world) { w.SetSSO("acme", "https://github.com/orgs/acme/sso?authorization_request=A1") }, list("acme"), ErrSSO,
			"403 Forbidden", "authorize the token in a browser: https://github.com/orgs/acme/sso?authorization_request=A1"},
		{"archived", "oauth_token", func(w *world) { w.AddRepository("o/r", githubtest.Repository{Archived: true}) }, create("https://x.example.com"), ErrArchived,
			"archived", "gh repo unarchive o/r"},
		{"rate limit", "oauth_token", func(w *world) {
			w.RateLimit(githubtest.RateLimit{Limit: 5000, Remaining: 0, Reset: time.Now().Add(30 * time.Minute)})
		}, list("o/r"), ErrRateLimited, "API rate limit exceeded", "wait until "},
		{"secondary rate limit", "oauth_token", func(w *world) { w.RateLimit(githubtest.RateLimit{WritesPerMinute: 1, RetryAfter: time.Hour}) },
			func(c *Client, w *world) error {
				return errors.Join(create("https://x.example.com")(c, w), create("https://y.example.com")(c, w))
			}, ErrRateLimited, "secondary rate limit", "wait until "},
		{"hook exists already", "oauth_token", func(w *world) {
			w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: "https://x.example.com"}})
		}, create("https://x.example.com"), ErrExists, "422 Unprocessable Entity: Validation Failed: Hook already exists on this repository", "run hookctl setup"},
		{"a twenty-first hook", "oauth_token", func(w *world) {
			for i := range 20 {
				w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: "https://x.example.com/" + itoa(int64(i))}})
			}
		}, create("https://x.example.com"), ErrHookLimit, "cannot have more than 20 hooks", "delete one"},
		{"a local URL", "oauth_token", nil, create("http://localhost:9000/webhook"), ErrURLRefused, "isn't reachable over the public Internet", "tunnel"},
		{"an event that does not exist", "oauth_token", nil, func(c *Client, w *world) error {
			return second(c.Create(ctx, target(w.t, "o/r"), SetupRequest{URL: "https://x.example.com", NewEvents: []string{"pushed"}}))
		}, nil, "422", "hookctl hooks events"},
		{"GitHub is down", "oauth_token", fail(503, ""), list("o/r"), ErrUnreachable, "503 Service Unavailable", "githubstatus.com"},
		{"GitHub answers with a page", "oauth_token", fail(502, "<html>\x1b[31m", "Content-Type", "text/html"), list("o/r"), ErrUnreachable, "list hooks on o/r: 502 Bad Gateway", "githubstatus.com"},
		{"the answer is no JSON", "oauth_token", fail(200, "<html>"), list("o/r"), ErrUnreachable, "understand the answer", "check the connection"},
		{"no connection", "oauth_token", func(w *world) { w.Fault(githubtest.Fault{DropBefore: true}) }, list("o/r"), ErrUnreachable, "list hooks on o/r: ", "check the connection to github.com"},
		{"a redirect to another host", "oauth_token", fail(307, "{}", "Location", "https://evil.example.com/repos/o/r/hooks"), list("o/r"), nil, "307 Temporary Redirect", "gh api repos/o/r"},
		{"redirects without end", "oauth_token", fail(301, "{}", "Location", "https://api.github.com/repos/o/r/hooks/x"), list("o/r"), nil, "301 Moved Permanently", "gh api repos/o/r"},
		{"blocked", "oauth_token", fail(451, `{"message":"Repository access blocked"}`), list("o/r"), nil, "451", "gh api repos/o/r"},
		{"a message that would write to the terminal", "oauth_token", fail(422, `{"message":"a\u001b[31mb\nc\u202ed"}`), list("o/r"), nil, "422 Unprocessable Entity: a^[[31mb: cd", "hookctl hooks list -R o/r"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "o/r")
			w.odd = true
			w.AddOrg("acme")
			if tt.prepare != nil {
				tt.prepare(w)
			}
			limits := fast()
			limits.Tries = 2
			c := w.newClient(Config{Limits: limits})
			c.tokenSource = tt.source
			err := tt.call(c, w)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %q", err, tt.is)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("says %q, want %q in it", err, tt.says)
			}
			if cure := CureOf(err); cure == "" || !strings.Contains(cure, tt.cure) {
				t.Errorf("cure is %q, want %q in it", cure, tt.cure)
			}
			if text := err.Error() + CureOf(err); strings.ContainsAny(text, "\x1b\n\u202e") || strings.Contains(text, "hidden") || strings.Contains(text, githubtest.DefaultToken) {
				t.Errorf("unclean: %q", text)
			}
		})
	}
}

func TestNewWithoutALoginSaysHowToLogIn(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no gh
	for host, cure := range map[string]string{"": "gh auth login, or set GH_TOKEN", "ghe.example.com": "gh auth login -h ghe.example.com, or set GH_ENTERPRISE_TOKEN"} {
		_, err := New(Config{Host: host})
		if !errors.Is(err, ErrNotLoggedIn) || CureOf(err) != cure {
			t.Errorf("host %q: %v, cure %q", host, err, CureOf(err))
		}
	}
}

// Debian's gh 2.23 does not know --secure-storage, which go-gh passes.
func TestNewAsksAnOldGhForItsToken(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *secure-storage*) echo unknown flag >&2; exit 1;; 'auth token --hostname github.com') echo gho_old;; *) exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "gh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GH_PATH", filepath.Join(dir, "gh"))
	if token, source := findToken("github.com"); token != "gho_old" || source != "gh" {
		t.Errorf("token %q from %q", token, source)
	}
	if _, err := New(Config{}); err != nil {
		t.Error(err)
	}
}

// A token that no request can carry is refused where it is read, without a word of it, and the cure makes it a good one.
func TestNewRefusesATokenThatCannotBeSent(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
		for _, other := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
			t.Setenv(other, "")
		}
		host := "github.com"
		if strings.Contains(name, "ENTERPRISE") {
			host = "ghe.example.com"
		}
		for _, token := range []string{"gho_kept\n", "gho_kept\r\n", " gho_kept", "\tgho_kept ", "gho_\x1bkept", "gho_\u00a0kept", "\ufeffgho_kept", "gho_ke\npt"} {
			t.Setenv(name, token)
			_, err := New(Config{Host: host})
			cure := CureOf(err)
			if !errors.Is(err, ErrNotLoggedIn) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error()+cure, "gho") {
				t.Errorf("%s=%q: %v, cure %q", name, token, err, cure)
				continue
			}
			_, command, _ := strings.Cut(cure, ": ")
			out, err := exec.CommandContext(t.Context(), sh, "-c", command+`; printf %s "$`+name+`"`).Output() // #nosec G204 -- the cure
			if err != nil || string(out) != "gho_kept" {
				t.Errorf("%s=%q: the cure makes %q, %v", name, token, out, err)
			}
			t.Setenv(name, string(out))
			if _, err := New(Config{Host: host}); err != nil {
				t.Errorf("%s=%q: after the cure: %v", name, token, err)
			}
		}
	}
	for _, token := range []string{"a\n", "\x00"} {
		if _, err := New(Config{Token: token}); !errors.Is(err, ErrNotLoggedIn) || CureOf(err) == "" {
			t.Errorf("%q: %v", token, err)
		}
	}
}
