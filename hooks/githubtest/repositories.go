package githubtest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// repositoryJSON is what GitHub says about a repository, as far as hooks need it.
func repositoryJSON(c *call, t *target) map[string]any {
	role := t.role(c.user.Login)
	visibility := "public"
	if t.Private {
		visibility = "private"
	}
	return map[string]any{"id": t.id, "name": t.repo, "full_name": t.name(), "private": t.Private, "visibility": visibility,
		"owner": map[string]any{"login": t.owner, "type": c.s.ownerType(t.owner)}, "description": t.Description,
		"html_url": "https://github.com/" + t.name(), "url": t.url(c.base), "hooks_url": t.url(c.base) + "/hooks",
		"archived": t.Archived, "disabled": false, "fork": false, "has_issues": !t.NoIssues, "topics": append([]string{}, t.Topics...), "default_branch": "main",
		"permissions": map[string]bool{"admin": role == "admin", "maintain": role == "admin", "push": role == "admin" || role == "write",
			"triage": role == "admin" || role == "write", "pull": true}}
}

func (s *Server) ownerType(owner string) string {
	if t := s.targets[strings.ToLower(owner)]; t != nil && t.repo == "" {
		return "Organization"
	}
	return "User"
}

// repositories lists, by full name, the repositories that the caller may see.
func (c *call) repositories(keep func(*target) bool) []map[string]any {
	var found []*target
	for _, t := range c.s.targets {
		if t.repo != "" && t.role(c.user.Login) != "none" && (!t.Private || c.user.has("repo")) && keep(t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *target) int { return cmp.Compare(strings.ToLower(a.name()), strings.ToLower(b.name())) })
	list := make([]map[string]any, 0, len(found))
	for _, t := range found {
		list = append(list, repositoryJSON(c, t))
	}
	return list
}

// userRepositories lists what the caller owns or works on; what single sign-on
// hides is left out, and a header says so.
func (c *call) userRepositories() answer {
	q := c.r.URL.Query()
	var hidden []string
	all := c.repositories(func(t *target) bool {
		if c.s.ssoOf(t) != "" {
			hidden = append(hidden, t.owner)
			return false
		}
		switch v := cmp.Or(q.Get("visibility"), q.Get("type")); v {
		case "private":
			return t.Private
		case "public":
			return !t.Private
		case "owner":
			return strings.EqualFold(t.owner, c.user.Login)
		}
		return true
	})
	a := ok(page(c, c.base+"/user/repos", all))
	if len(hidden) > 0 {
		slices.Sort(hidden)
		a = a.with("X-Github-Sso", "partial-results; organizations="+strings.Join(slices.Compact(hidden), ","))
	}
	return a
}

func (c *call) orgRepositories() answer {
	return ok(page(c, c.base+c.t.path()+"/repos", c.repositories(func(t *target) bool { return strings.EqualFold(t.owner, c.t.owner) })))
}

func (c *call) ownerRepositories() answer {
	login := c.r.PathValue("login")
	return ok(page(c, c.base+"/users/"+url.PathEscape(login)+"/repos",
		c.repositories(func(t *target) bool { return strings.EqualFold(t.owner, login) })))
}

// searchRepositories understands words in the name, user:, org: and topic:.
func (c *call) searchRepositories() answer {
	words := strings.Fields(c.r.URL.Query().Get("q"))
	if len(words) == 0 {
		return invalid("Search", "q", "missing")
	}
	all := c.repositories(func(t *target) bool {
		for _, w := range words {
			key, value, qualified := strings.Cut(w, ":")
			switch {
			case !qualified && !strings.Contains(strings.ToLower(t.name()), strings.ToLower(w)),
				(key == "user" || key == "org") && !strings.EqualFold(t.owner, value),
				key == "topic" && !slices.Contains(t.Topics, value):
				return false
			}
		}
		return true
	})
	list := page(c, c.base+"/search/repositories", all)
	return ok(map[string]any{"total_count": len(all), "incomplete_results": false, "items": list})
}

func orgJSON(c *call, t *target) map[string]any {
	return map[string]any{"login": t.owner, "id": t.id, "url": t.url(c.base), "hooks_url": t.url(c.base) + "/hooks", "description": t.Description}
}

func (c *call) userOrgs() answer {
	if !c.user.has("read:org", "admin:org", "write:org", "user") {
		c.accepted = []string{"admin:org", "read:org", "user", "write:org"}
		return refuse(403, "You need at least read:org scope or user scope to list your organizations.")
	}
	orgs := []map[string]any{}
	for _, t := range c.s.targets {
		if t.repo == "" && t.role(c.user.Login) != "none" {
			orgs = append(orgs, orgJSON(c, t))
		}
	}
	slices.SortFunc(orgs, func(a, b map[string]any) int { return cmp.Compare(a["login"].(string), b["login"].(string)) })
	return ok(page(c, c.base+"/user/orgs", orgs))
}
