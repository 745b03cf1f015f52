package wizard

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"

	"hookctl/hooks"
)

// hookScope is the permission that a classic token needs for the hooks of
// repositories; orgScope for those of organisations.
const (
	hookScope = "admin:repo_hook"
	orgScope  = "admin:org_hook"
)

// login is what the machine has to sign in with, and who that is.
type login struct {
	gh     string // path of the gh program; "" where there is none
	env    string // the variable that the token comes from, "" for none
	lacks  string // the permission that is missing
	client *hooks.Client
	user   hooks.User
}

// logIn finds out who the user is at GitHub. The login is of use also with an
// error: it knows what mends that.
func (c Config) logIn(ctx context.Context) (login, error) {
	l := findLogin()
	client, err := c.Dial()
	if err != nil {
		return l, err
	}
	l.client = client
	if l.user, err = client.User(ctx); err != nil {
		return l, err
	}
	if scopes := l.user.Scopes; len(scopes) > 0 && !hasScope(scopes, hookScope, "repo", "write:repo_hook") {
		l.lacks = hookScope
	}
	return l, nil
}

func findLogin() login {
	var l login
	l.gh = os.Getenv("GH_PATH")
	if l.gh == "" {
		if path, err := exec.LookPath("gh"); err == nil {
			l.gh = path
		}
	}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN"} {
		if l.env == "" && os.Getenv(name) != "" {
			l.env = name
		}
	}
	return l
}

// hasScope reports whether a token has one of these permissions.
func hasScope(scopes []string, any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return slices.Contains(scopes, s) })
}

// mend says with which words gh mends a sign-in that ended with err, nil where
// it cannot.
func (l login) mend(err error) []string {
	if l.gh == "" || l.env != "" {
		return nil
	}
	host := []string{}
	if l.client != nil {
		host = []string{"-h", l.client.Host()}
	}
	switch {
	case l.lacks != "":
		return append([]string{"auth", "refresh", "-s", l.lacks}, host...)
	case errors.Is(err, hooks.ErrNotLoggedIn):
		return append([]string{"auth", "login", "-s", hookScope}, host...)
	}
	return nil
}

// lacking says which permission is missing; "" where none is.
func (l login) lacking() string {
	if l.lacks == "" {
		return ""
	}
	return "Signed in as " + l.user.Login + ", but the login lacks the permission " + l.lacks + ", which managing webhooks needs."
}

// byHand is what the user has to do about a sign-in that gh cannot mend.
func (l login) byHand(err error) string {
	switch {
	case l.env != "" && (l.lacks != "" || errors.Is(err, hooks.ErrNotLoggedIn)):
		return "The token comes from the variable " + l.env + ", so it has to be mended there: give it " + hookScope + ", or unset it to use the login of gh."
	case l.gh == "" && errors.Is(err, hooks.ErrNotLoggedIn):
		return "Get the gh program from https://cli.github.com, or set GH_TOKEN to a token with " + hookScope + " before you start hookctl."
	}
	return ""
}

// noOrg says why a user cannot choose organisations, "" where that is possible.
func noOrg(user hooks.User) string {
	if scopes := user.Scopes; len(scopes) > 0 && !hasScope(scopes, orgScope) {
		return "an organisation needs more: gh auth refresh -s " + orgScope
	}
	return ""
}
