package hooks

import (
	"context"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// User is who the client acts as.
type User struct {
	Login  string   `json:"login"`
	Scopes []string `json:"scopes"` // of a classic token; empty for a fine-grained one, which lists none
}

// User asks GitHub who the client acts as.
func (c *Client) User(ctx context.Context) (User, error) {
	var answer struct{ Login string }
	header, err := c.do(ctx, Call{Op: "look up user", Target: c.host, Path: "user"}, &answer)
	if err != nil {
		return User{}, err
	}
	return User{Login: clean(answer.Login), Scopes: scopes(header.Get("X-OAuth-Scopes"))}, nil
}

// RepositoryQuery selects repositories. Its zero value is everything that the user may administer.
type RepositoryQuery struct {
	Owner      string // of this owner only
	Topic      string // with this topic only
	Match      string // whose name (or full name, if it has a "/") matches this glob, such as "service-*"
	AnyRole    bool   // also where the user is not an administrator, so that a list can say why one cannot be chosen
	Archived   bool   // archived ones too; their hooks cannot be changed
	MaxResults int    // 0 for all
}

// Repository is a repository that hooks can be set up on.
type Repository struct {
	FullName string   `json:"full_name"`
	Admin    bool     `json:"admin"`
	Private  bool     `json:"private"`
	Archived bool     `json:"archived"`
	Topics   []string `json:"topics"`
}

// Locked says why the user cannot change the repository's hooks, "" where that is possible.
func (r Repository) Locked() string {
	switch {
	case r.Archived:
		return "archived: its hooks cannot be changed"
	case !r.Admin:
		return "you are not an administrator of it"
	}
	return ""
}

// Target is the repository as a target.
func (r Repository) Target() Target {
	owner, repo, _ := strings.Cut(r.FullName, "/")
	return Target{Owner: owner, Repo: repo}
}

// wireRepository is a repository in GitHub's JSON.
type wireRepository struct {
	Repository
	Permissions struct{ Admin bool }
}

func (w wireRepository) repository() Repository {
	r := w.Repository
	r.FullName, r.Admin = clean(r.FullName), w.Permissions.Admin
	return r
}

// Repositories lists repositories that the user can reach, in the order of their names.
func (c *Client) Repositories(ctx context.Context, q RepositoryQuery) ([]Repository, error) {
	if _, err := path.Match(q.Match, ""); err != nil {
		return nil, &Error{Op: "list repositories", Target: q.Owner, Message: "bad pattern " + clean(q.Match), Err: err}
	}
	var list []Repository
	err := pages(ctx, c, Call{Op: "list repositories", Target: c.host, Path: "user/repos?per_page=100&sort=full_name"}, func(page []wireRepository) bool {
		for _, w := range page {
			if r := w.repository(); q.selects(r) {
				list = append(list, r)
			}
		}
		return q.MaxResults <= 0 || len(list) < q.MaxResults
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Repository) int { return strings.Compare(a.FullName, b.FullName) })
	if q.MaxResults > 0 && len(list) > q.MaxResults {
		list = list[:q.MaxResults]
	}
	return list, nil
}

func (q RepositoryQuery) selects(r Repository) bool {
	t := r.Target()
	if q.Match != "" {
		name := t.Repo
		if strings.Contains(q.Match, "/") {
			name = r.FullName
		}
		// The pattern was checked before, so it cannot fail here.
		if ok, _ := path.Match(q.Match, name); !ok {
			return false
		}
	}
	return (q.Owner == "" || strings.EqualFold(t.Owner, q.Owner)) &&
		(q.Topic == "" || slices.Contains(r.Topics, strings.ToLower(q.Topic))) &&
		(q.AnyRole || r.Admin) && (q.Archived || !r.Archived)
}

// Meta returns the address ranges that deliveries come from.
func (c *Client) Meta(ctx context.Context) ([]netip.Prefix, error) {
	var answer struct{ Hooks []netip.Prefix }
	_, err := c.do(ctx, Call{Op: "look up address ranges", Target: c.host, Path: "meta"}, &answer)
	return answer.Hooks, err
}

// ServerTime returns GitHub's time, to the second, so that a wrong clock of this machine can be seen.
func (c *Client) ServerTime(ctx context.Context) (time.Time, error) {
	r := Call{Op: "ask the time", Target: c.host, Path: "meta"}
	header, err := c.do(ctx, r, nil)
	if err != nil {
		return time.Time{}, err
	}
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}, &Error{Op: r.Op, Target: r.Target, Message: "the answer has no date", Err: err}
	}
	return at, nil
}
