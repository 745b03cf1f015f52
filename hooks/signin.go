package hooks

import (
	"context"
	"errors"
	"os"
	"slices"
)

// The permissions that a classic token needs for the hooks of repositories and of organizations.
const (
	ScopeHooks    = "admin:repo_hook"
	ScopeOrgHooks = "admin:org_hook"
)

// SignIn is what this machine signs in to GitHub with, and who that is.
type SignIn struct {
	Client   *Client
	User     User
	Lacks    string // the permission that is missing, "" for none
	GH       string // path of the gh program, "" if none
	Variable string // the environment variable that the token comes from, "" for the login of gh
}

// FindSignIn asks GitHub who the user is. What it returns beside an error says how to fix that.
func FindSignIn(ctx context.Context, open func() (*Client, error)) (SignIn, error) {
	s := SignIn{GH: findGH()}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN"} {
		if s.Variable == "" && os.Getenv(name) != "" {
			s.Variable = name
		}
	}
	var err error
	if s.Client, err = open(); err != nil {
		return s, err
	}
	if s.User, err = s.Client.User(ctx); err != nil {
		return s, err
	}
	if s.lacks(ScopeHooks, "repo", "write:repo_hook") {
		s.Lacks = ScopeHooks
	}
	return s, nil
}

// lacks reports whether a classic token has none of these permissions. A fine-grained one does not list its own.
func (s SignIn) lacks(any ...string) bool {
	return len(s.User.Scopes) > 0 && !slices.ContainsFunc(any, func(scope string) bool { return slices.Contains(s.User.Scopes, scope) })
}

// Orgs returns nil where the user may manage the hooks of organizations, as far as the token says.
func (s SignIn) Orgs() error {
	if s.lacks(ScopeOrgHooks) {
		return errors.New("an organization needs one more permission: gh auth refresh -s " + ScopeOrgHooks)
	}
	return nil
}

// Fix returns the words after gh that fix a sign-in that ended with err or lacks a permission, nil where gh cannot.
func (s SignIn) Fix(err error) []string {
	if s.GH == "" || s.Variable != "" {
		return nil
	}
	host := []string{}
	if s.Client != nil {
		host = []string{"-h", s.Client.Host()}
	}
	switch {
	case s.Lacks != "":
		return append([]string{"auth", "refresh", "-s", s.Lacks}, host...)
	case errors.Is(err, ErrNotLoggedIn):
		return append([]string{"auth", "login", "-s", ScopeHooks}, host...)
	}
	return nil
}

// ByHand says what the user has to do about a sign-in that gh cannot fix, "" for nothing.
func (s SignIn) ByHand(err error) string {
	switch {
	case s.Variable != "" && (s.Lacks != "" || errors.Is(err, ErrNotLoggedIn)):
		return "The token comes from the variable " + s.Variable + ": give it " + ScopeHooks + ", or unset the variable to use the login of gh."
	case s.GH == "" && errors.Is(err, ErrNotLoggedIn):
		return "Install gh from https://cli.github.com, or set GH_TOKEN to a token with " + ScopeHooks + " before you start hookctl."
	}
	return ""
}
