package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"
	"github.com/cli/go-gh/v2/pkg/auth"

	"hookctl/logs/text"
)

// What GitHub can have against a call. [Error] wraps one of these where it is known.
var (
	ErrNotLoggedIn  = errors.New("not logged in to GitHub")
	ErrScope        = errors.New("the token lacks a permission")
	ErrNotAdmin     = errors.New("not an administrator")
	ErrSSO          = errors.New("the token is not authorized for the organization's single sign-on")
	ErrRateLimited  = errors.New("rate limited")
	ErrNotFound     = errors.New("not found")
	ErrHookNotFound = fmt.Errorf("hook %w", ErrNotFound) // the repository is there and the hook is not
	ErrExists       = errors.New("the hook exists already")
	ErrHookLimit    = errors.New("too many hooks")
	ErrURLRefused   = errors.New("GitHub does not accept the URL")
	ErrArchived     = errors.New("the repository is archived")
	ErrForbidden    = errors.New("forbidden by a rule that a role does not lift") // of the organization or of GitHub
	ErrUnreachable  = errors.New("no answer from GitHub")
)

// OfTarget reports whether an error is about one repository or organization, so that others can be worked on: GitHub's 403 and
// 404 in their meanings, but not a hook that is gone.
func OfTarget(err error) bool {
	for _, kind := range []error{ErrNotFound, ErrNotAdmin, ErrForbidden, ErrScope, ErrSSO, ErrArchived} {
		if errors.Is(err, kind) && !errors.Is(err, ErrHookNotFound) {
			return true
		}
	}
	return false
}

// Error is a call that failed: what was done, what GitHub said, and what to do about it. Its texts are clean for a
// terminal and hold no secret.
type Error struct {
	Op      string // "create hook"; "" where the message says it all
	Target  string // "owner/repo", or what else the call was about
	Status  int    // HTTP status; 0 when there was no answer
	Message string // GitHub's own words
	Cure    string // what to do, often a command; "" when nothing is known
	Err     error  // one of the errors above where one applies

	lost bool // GitHub may have acted although the call failed
}

// Error reads like "create hook on o/r: 404 Not Found: …".
func (e *Error) Error() string {
	parts := []string{e.Op}
	if e.Target != "" {
		parts[0] += " on " + e.Target
	}
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	}
	parts = append(parts, e.Message)
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ": ")
}

// Hint is the cure, under the name that the errors of other packages have it.
func (e *Error) Hint() string { return e.Cure }

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// explain turns what a call came to into an Error with its cure. For a 404, which GitHub also answers where a
// permission is missing, it looks a little further.
func (c *Client) explain(ctx context.Context, r Call, err error) *Error {
	e := &Error{Op: r.Op, Target: r.Target, Err: err}
	if held := new(heldError); errors.As(err, &held) {
		e.Message, e.Err, e.Cure = "not sent: GitHub asked to wait", ErrRateLimited, waitCure(held.until)
		return e
	}
	var status *api.HTTPError
	if !errors.As(err, &status) {
		e.Message = clean(noURL(err).Error())
		if ctx.Err() == nil {
			e.Err = errors.Join(ErrUnreachable, err)
			e.Cure = "check the connection to " + c.host + ", then run the command again: it skips what is done"
		}
		return e
	}
	e.Status = status.StatusCode
	e.Message = r.hide(clean(strings.ReplaceAll(status.Message, "\n", ": ")))
	if strings.HasPrefix(e.Message, fmt.Sprint(e.Status)) {
		e.Message = "" // no JSON: go-gh gives the status line, which Error writes anyway
	}
	switch wait, limited := limitOf(status, time.Now()); {
	case limited:
		e.Err = ErrRateLimited
		e.Cure = waitCure(time.Now().Add(wait))
	case status.StatusCode == http.StatusUnauthorized:
		e.Err, e.Cure = ErrNotLoggedIn, c.tokenCure("log in again: gh auth login -h "+c.host, "replace the token in %s: GitHub no longer accepts it")
	case status.StatusCode == http.StatusForbidden:
		c.explainForbidden(e, r, status)
	case status.StatusCode == http.StatusNotFound:
		c.explainNotFound(ctx, e, r, status)
	case status.StatusCode == http.StatusUnprocessableEntity:
		explainUnprocessable(e, r)
	case isRedirect(status.StatusCode):
		e.Cure = "GitHub names another host, or names one address after the other; see its present name: " + r.look()
	case status.StatusCode >= 500:
		e.Err = ErrUnreachable
		e.Cure = "GitHub has a problem; see https://www.githubstatus.com and run the command again later"
	default: // such as 410 or 451
		e.Cure = "see what GitHub says of it: " + r.look()
	}
	return e
}

// hide takes the secrets that the call sent out of what GitHub, or who stands in its place, answers: an error is logged,
// shown and kept.
func (r Call) hide(text string) string {
	raw, err := json.Marshal(r.Body)
	if err != nil {
		return text // then nothing was sent either
	}
	var body struct {
		Secret string `json:"secret"`
		Config struct {
			Secret string `json:"secret"`
		} `json:"config"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return text
	}
	for _, value := range []string{body.Secret, body.Config.Secret} {
		if value = clean(value); value != "" {
			text = strings.ReplaceAll(text, value, "[the secret]")
		}
	}
	return text
}

// flag names the target on a command line.
func (r Call) flag() string {
	if strings.HasPrefix(r.Path, "orgs/") {
		return "--org " + r.Target
	}
	return "-R " + r.Target
}

// look is a command that shows what the call was about.
func (r Call) look() string {
	if base, ok := hooksBase(r.Path); ok {
		return "gh api " + strings.TrimSuffix(base, "/hooks")
	}
	return "gh auth status"
}

func waitCure(until time.Time) string {
	return fmt.Sprintf("wait until %s and run the command again: it continues where it stopped", until.Format("15:04:05"))
}

// explainForbidden finds the reason of a 403 in its headers and in GitHub's words; each has a cure of its own.
func (c *Client) explainForbidden(e *Error, r Call, status *api.HTTPError) {
	message := strings.ToLower(e.Message)
	says := func(any ...string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(message, s) })
	}
	owner, _, _ := strings.Cut(r.Target, "/")
	permission := "Webhooks"
	if strings.HasPrefix(r.Path, "orgs/") {
		permission = "Organization webhooks"
	}
	permission += ": read and write"
	if r.Permission != "" {
		permission = r.Permission
	}
	switch sso := status.Headers.Get("X-GitHub-SSO"); {
	case strings.HasPrefix(sso, "required"), says("saml", "single sign-on"):
		e.Err = ErrSSO
		e.Cure = c.tokenCure("authorize gh for "+owner+": gh auth refresh -h "+c.host, "authorize the token in %s for "+owner+": https://"+c.host+"/settings/tokens")
		if _, address, ok := strings.Cut(sso, "url="); ok {
			e.Cure = "authorize the token in a browser: " + clean(address)
		}
	case says("archived"):
		e.Err, e.Cure = ErrArchived, "unarchive it (gh repo unarchive "+r.Target+") or leave it out"
	case says("ip allow list"):
		e.Err, e.Cure = ErrForbidden, "run this from an allowed address, or ask an owner of "+owner+" to add this machine's address to the IP allow list"
	case says("access restrictions"):
		e.Err = ErrForbidden
		e.Cure = c.tokenCure("ask an owner of "+owner+" to approve GitHub CLI: https://"+c.host+"/organizations/"+owner+"/settings/oauth_application_policy",
			"ask an owner of "+owner+" to approve the app that the token in %s is from: https://"+c.host+"/organizations/"+owner+"/settings/oauth_application_policy")
	case says("forbids access via", "lifetime"):
		e.Err, e.Cure = ErrForbidden, "use a token of a kind that "+owner+" allows, as GitHub says: https://"+c.host+"/settings/tokens"
	case says("two-factor"):
		e.Err, e.Cure = ErrForbidden, "turn on two-factor authentication: https://"+c.host+"/settings/security"
	case says("suspended"):
		e.Err, e.Cure = ErrForbidden, "ask GitHub, or the administrator of "+c.host+", to lift the suspension"
	case says("billing", "payment", "upgrade to", "spending limit"):
		e.Err, e.Cure = ErrForbidden, "ask an owner of "+owner+" to settle the plan or the payment: https://"+c.host+"/settings/billing"
	case says("access blocked", "disabled"):
		e.Err, e.Cure = ErrForbidden, "see why at https://"+c.host+"/"+r.Target+", or leave it out"
	case message == "": // GitHub names a reason
		e.Err, e.Cure = ErrForbidden, "check the proxy on the way to "+c.host+": GitHub would say why"
	case says("not accessible by integration"):
		e.Err, e.Cure = ErrScope, "give the app whose token this is the permission \""+permission+"\" for "+r.Target+
			", or use a token of your own; the GITHUB_TOKEN of a workflow cannot have it"
	case says("not accessible by"):
		e.Err, e.Cure = ErrScope, "give the token the permission \""+permission+"\" for "+r.Target
	case lacksScope(status.Headers):
		e.Err, e.Cure = ErrScope, c.scopeCure(r)
	case says("admin", "owner", "permission", "must have", "forbidden"):
		e.Err, e.Cure = ErrNotAdmin, adminCure(r)
	default:
		e.Err, e.Cure = ErrForbidden, "do what GitHub asks for; to see its whole answer: "+r.look()
	}
}

// explainNotFound distinguishes the reasons for a 404: a token without the scope, a user without the role, a hook or
// delivery that is gone, and a repository that is not there.
func (c *Client) explainNotFound(ctx context.Context, e *Error, r Call, status *api.HTTPError) {
	e.Err = ErrNotFound
	if lacksScope(status.Headers) {
		e.Err, e.Cure = ErrScope, c.scopeCure(r)
		return
	}
	base, inHooks := hooksBase(r.Path)
	if !inHooks && r.Permission != "" {
		e.Cure = "check that it is there and that you may see it; a fine-grained token needs the permission \"" + r.Permission + "\" for " + r.Target
		return
	}
	if !inHooks {
		e.Cure = "check the spelling, and that " + c.host + " is where it is"
		return
	}
	if base != strings.SplitN(r.Path, "?", 2)[0] {
		if _, err := c.attempt(ctx, Call{Path: base + "?per_page=1"}, nil, nil); err == nil {
			e.Err, e.Cure = ErrHookNotFound, "see which hooks there are: hookctl hooks list "+r.flag()
			return
		}
	}
	var found struct {
		Permissions struct{ Admin bool } `json:"permissions"`
	}
	owner := strings.TrimSuffix(base, "/hooks")
	_, err := c.attempt(ctx, Call{Path: owner}, nil, &found)
	switch {
	case err == nil && !found.Permissions.Admin:
		e.Err, e.Cure = ErrNotAdmin, adminCure(r)
	case err == nil:
		e.Err, e.Cure = ErrScope, c.scopeCure(r)
	default:
		e.Cure = "check the spelling, and that you may see it: gh repo view " + r.Target
		if have := scopes(status.Headers.Get("X-OAuth-Scopes")); len(have) > 0 && !slices.Contains(have, "repo") {
			e.Cure += "; if it is private: " + c.tokenCure(fmt.Sprintf("gh auth refresh -h %s -s repo", c.host), "give the token in %s the scope repo")
		}
		if strings.HasPrefix(base, "orgs/") {
			e.Cure = "check the spelling of the organization, and that you are an owner of it"
		}
	}
}

func explainUnprocessable(e *Error, r Call) {
	message := strings.ToLower(e.Message)
	switch {
	case r.Permission != "": // not about hooks
		e.Cure = "see what GitHub says of it: " + r.look()
	case strings.Contains(message, "already exists"):
		e.Err, e.Cure = ErrExists, "run hookctl setup, which changes the hook that is there; see it with: hookctl hooks list "+r.flag()
		if strings.HasPrefix(r.Path, "orgs/") {
			e.Cure = "if hookctl hooks list --org " + r.Target + " does not show it, another app created it and gh's token cannot see it: set GH_TOKEN to a token of yours with the scope admin:org_hook"
		}
	case strings.Contains(message, "cannot have more than"):
		e.Err, e.Cure = ErrHookLimit, "delete one that is no longer needed: hookctl hooks list "+r.flag()
	case strings.Contains(message, "reachable over the public internet"), strings.Contains(message, "url"):
		e.Err, e.Cure = ErrURLRefused, "give a public https URL; a tunnel gives you one: hookctl start --tunnel cloudflared"
	case strings.Contains(message, "event"):
		e.Cure = "see which events there are: hookctl hooks events"
	default:
		e.Cure = "see what is there: hookctl hooks list " + r.flag()
	}
}

// hooksBase cuts a path down to …/hooks, if it is one about hooks.
func hooksBase(path string) (string, bool) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	n := 4 // repos/{owner}/{repo}/hooks
	if parts[0] == "orgs" {
		n = 3
	}
	if len(parts) < n || parts[n-1] != "hooks" {
		return "", false
	}
	return strings.Join(parts[:n], "/"), true
}

// lacksScope compares what a classic token has with what the endpoint accepts. Fine-grained tokens send neither.
func lacksScope(h http.Header) bool {
	accepted := scopes(h.Get("X-Accepted-OAuth-Scopes"))
	if _, ok := h[http.CanonicalHeaderKey("X-OAuth-Scopes")]; !ok || len(accepted) == 0 {
		return false
	}
	for _, have := range scopes(h.Get("X-OAuth-Scopes")) {
		if slices.ContainsFunc(accepted, func(want string) bool { return implies(have, want) }) {
			return false
		}
	}
	return true
}

// implies knows the scopes about hooks that contain others.
func implies(have, want string) bool {
	ranks := []string{"read:", "write:", "admin:"}
	rank := func(scope string) (string, int) {
		for i, prefix := range ranks {
			if name, ok := strings.CutPrefix(scope, prefix); ok {
				return name, i
			}
		}
		return scope, -1
	}
	haveName, haveRank := rank(have)
	wantName, wantRank := rank(want)
	return have == want || (haveName == wantName && haveRank >= wantRank && wantRank >= 0) || (have == "repo" && wantName == "repo_hook")
}

func scopes(header string) []string {
	var list []string
	for s := range strings.SplitSeq(header, ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

func (c *Client) scopeCure(r Call) string {
	scope := "admin:repo_hook"
	if strings.HasPrefix(r.Path, "orgs/") {
		scope = "admin:org_hook"
	}
	if r.Scope != "" {
		scope = r.Scope
	}
	return c.tokenCure(fmt.Sprintf("gh auth refresh -h %s -s %s", c.host, scope), "give the token in %s the scope "+scope)
}

// tokenCure chooses between what helps with gh's own login and with a token from elsewhere, which gh cannot change.
func (c *Client) tokenCure(login, token string) string {
	if strings.HasSuffix(c.tokenSource, "TOKEN") || c.tokenSource == "settings" {
		return fmt.Sprintf(token, c.tokenSource)
	}
	return login
}

func adminCure(r Call) string {
	if strings.HasPrefix(r.Path, "orgs/") {
		return "ask an owner of " + r.Target + ": only they may manage its hooks"
	}
	return "ask an owner of " + r.Target + " for the role Admin, or to run this command"
}

func loginCure(host string) string {
	if auth.IsEnterprise(host) {
		return "gh auth login -h " + host + ", or set GH_ENTERPRISE_TOKEN"
	}
	return "gh auth login, or set GH_TOKEN"
}

// noURL leaves the address out of a network error: it says nothing that the operation and its target do not.
func noURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// clean makes text from outside one printable line.
func clean(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text.Clean(s), "\ufffd", "")), " ")
}
