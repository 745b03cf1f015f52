package hooks

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"
)

// Target is what has hooks: a repository, or with an empty Repo an organization.
type Target struct{ Owner, Repo string }

var (
	ownerName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$`)
	repoName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// ParseTarget reads "owner/repo", "host/owner/repo", the URL of a repository as git or a browser has it, or the bare
// name of an organization. See [Client.ParseTarget] where the host matters.
func ParseTarget(text string) (Target, error) {
	_, t, err := parseTarget(text)
	return t, err
}

// ParseTarget is the function of this name, and refuses a target that names another host than the client's: its
// namesake on this host would be changed in its place.
func (c *Client) ParseTarget(text string) (Target, error) {
	host, t, err := parseTarget(text)
	if err == nil && host != "" && auth.NormalizeHostname(host) != c.host {
		return Target{}, &Error{Op: "find repository", Target: clean(text), Message: "it is on " + clean(host) + ", and this is a login to " + c.host,
			Cure: "choose the host: GH_HOST=" + clean(host)}
	}
	return t, err
}

func parseTarget(text string) (host string, t Target, err error) {
	path := strings.TrimSpace(text)
	if u, err := url.Parse(path); err == nil && u.Host != "" {
		host, path = u.Hostname(), strings.Trim(u.Path, "/")
	} else if before, after, ok := strings.Cut(path, ":"); ok && strings.Contains(before, "@") {
		_, host, _ = strings.Cut(before, "@") // git@host:owner/repo.git
		path = after
	}
	parts := strings.Split(path, "/")
	switch {
	case host != "" || len(parts) < 3:
	case len(parts) == 3 || strings.Contains(parts[0], "."):
		host, parts = parts[0], parts[1:] // as gh understands it
	default:
		return "", Target{}, noTarget(text)
	}
	t.Owner = parts[0]
	if len(parts) > 1 {
		t.Repo = strings.TrimSuffix(parts[1], ".git")
	}
	if !ownerName.MatchString(t.Owner) || (len(parts) > 1 && (!repoName.MatchString(t.Repo) || t.Repo == "." || t.Repo == "..")) {
		return "", Target{}, noTarget(text)
	}
	return host, t, nil
}

func noTarget(text string) error {
	return fmt.Errorf("%q is not a repository (owner/repo) or an organization", clean(text))
}

// IsOrg reports whether the target is an organization.
func (t Target) IsOrg() bool { return t.Repo == "" }

// String is "owner/repo", or the organization.
func (t Target) String() string {
	if t.IsOrg() {
		return t.Owner
	}
	return t.Owner + "/" + t.Repo
}

// Flag is how a command line names the target.
func (t Target) Flag() string {
	if t.IsOrg() {
		return "--org " + t.String()
	}
	return "-R " + t.String()
}

// MarshalJSON writes the string.
func (t Target) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// base is the path of the target's hooks.
func (t Target) base() string {
	if t.IsOrg() {
		return "orgs/" + url.PathEscape(t.Owner) + "/hooks"
	}
	return "repos/" + url.PathEscape(t.Owner) + "/" + url.PathEscape(t.Repo) + "/hooks"
}

func (t Target) hook(id int64) string { return t.base() + "/" + itoa(id) }
