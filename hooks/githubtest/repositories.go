package githubtest

import (
	"cmp"
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
		if t.repo != "" && t.role(c.user.Login) != "none" && (!t.Private || c.user.has([]string{"repo"})) && keep(t) {
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

func (s *Server) getRepository(c *call, t *target) answer {
	if t.Private && !c.user.has([]string{"repo"}) {
		return notFound()
	}
	return ok(repositoryJSON(c, t))
}

// userRepositories lists what the caller owns or works on; what single sign-on
// hides is left out, and a header says so.
func (s *Server) userRepositories(c *call) answer {
	q := c.r.URL.Query()
	var hidden []string
	a := paged(c, c.base+"/user/repos", c.repositories(func(t *target) bool {
		if s.ssoOf(t) != "" {
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
	}))
	if len(hidden) > 0 {
		slices.Sort(hidden)
		a = a.with("X-Github-Sso", "partial-results; organizations="+strings.Join(slices.Compact(hidden), ","))
	}
	return a
}

func (s *Server) orgRepositories(c *call, org *target) answer {
	return paged(c, c.base+org.path()+"/repos", c.repositories(func(t *target) bool { return strings.EqualFold(t.owner, org.owner) }))
}

func (s *Server) ownerRepositories(c *call) answer {
	login := c.r.PathValue("login")
	return paged(c, c.base+"/users/"+pathSegment(login)+"/repos",
		c.repositories(func(t *target) bool { return strings.EqualFold(t.owner, login) }))
}

// searchRepositories understands words in the name, user:, org: and topic:.
func (s *Server) searchRepositories(c *call) answer {
	words := strings.Fields(c.r.URL.Query().Get("q"))
	if len(words) == 0 {
		return refuse(422, "Validation Failed", fieldError{Resource: "Search", Field: "q", Code: "missing"})
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
	list, link := page(c, c.base+"/search/repositories", all)
	return withLink(ok(map[string]any{"total_count": len(all), "incomplete_results": false, "items": list}), link)
}

func orgJSON(c *call, t *target) map[string]any {
	return map[string]any{"login": t.owner, "id": t.id, "url": t.url(c.base), "hooks_url": t.url(c.base) + "/hooks", "description": t.Description}
}

func (s *Server) getOrg(c *call, t *target) answer { return ok(orgJSON(c, t)) }

func (s *Server) userOrgs(c *call) answer {
	if !c.user.has([]string{"read:org", "admin:org", "write:org", "user"}) {
		return refuse(403, "You need at least read:org scope or user scope to list your organizations.").
			with("X-Accepted-Oauth-Scopes", "admin:org, read:org, user, write:org")
	}
	orgs := []map[string]any{}
	for _, t := range s.targets {
		if t.repo == "" && t.role(c.user.Login) != "none" {
			orgs = append(orgs, orgJSON(c, t))
		}
	}
	slices.SortFunc(orgs, func(a, b map[string]any) int { return cmp.Compare(a["login"].(string), b["login"].(string)) })
	return paged(c, c.base+"/user/orgs", orgs)
}
