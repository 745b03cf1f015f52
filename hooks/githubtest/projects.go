package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// project is a board, GitHub's Projects v2, with one single select field.
type project struct {
	owner   string
	org     bool
	number  int
	field   int64
	name    string
	options []string
	items   []*projectItem
}

type projectItem struct {
	id     int64
	repo   string
	number int
	option string // "" for none
}

func (s *Server) projectRoutes(mux *http.ServeMux) {
	for _, base := range []string{"/orgs/{login}/projectsV2/{project}", "/users/{login}/projectsV2/{project}"} {
		s.plain(mux, "GET "+base+"/fields", true, onProject(false, s.projectFields))
		s.plain(mux, "POST "+base+"/items", true, onProject(true, s.addProjectItem))
		s.plain(mux, "GET "+base+"/items/{item}", true, onProject(false, s.getProjectItem))
		s.plain(mux, "PATCH "+base+"/items/{item}", true, onProject(true, s.patchProjectItem))
	}
}

func onProject(write bool, f func(*call, *project) answer) func(*call) answer {
	return func(c *call) answer {
		accepted := "project, read:project"
		if write {
			accepted = "project"
		}
		have := []string{"project"}
		if !write {
			have = append(have, "read:project")
		}
		if !c.user.has(have) {
			return notFound().with("X-Accepted-Oauth-Scopes", accepted)
		}
		org := strings.HasPrefix(c.r.URL.Path, "/orgs/")
		n, err := strconv.Atoi(c.r.PathValue("project"))
		if err != nil {
			return notFound()
		}
		for _, p := range c.s.projects {
			if p.org == org && p.number == n && strings.EqualFold(p.owner, c.r.PathValue("login")) {
				return f(c, p)
			}
		}
		return notFound()
	}
}

func optionID(name string) string { return fmt.Sprintf("opt%08x", len(name)*7919+int(name[0])) }

func (s *Server) projectFields(c *call, p *project) answer {
	options := []map[string]any{}
	for _, name := range p.options {
		options = append(options, map[string]any{"id": optionID(name), "name": map[string]any{"raw": name, "html": name}, "color": "GRAY"})
	}
	list := []map[string]any{
		{"id": p.field + 1, "name": "Title", "data_type": "title"},
		{"id": p.field, "name": p.name, "data_type": "single_select", "options": options},
	}
	return paged(c, c.base+c.r.URL.Path, list)
}

// addProjectItem adds an issue, or answers with the item that it has already.
func (s *Server) addProjectItem(c *call, p *project) answer {
	var in struct {
		Type, Owner, Repo string
		Number            int
	}
	d := json.NewDecoder(strings.NewReader(string(c.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Type != "Issue" && in.Type != "PullRequest" {
		return badRequest("type is not one of Issue, PullRequest")
	}
	t := s.targets[strings.ToLower(in.Owner+"/"+in.Repo)]
	if t == nil {
		return notFound()
	}
	known := slices.ContainsFunc(t.issues, func(i *Issue) bool { return i.Number == in.Number && i.Pull == (in.Type == "PullRequest") })
	if !known {
		return refuse(422, "Validation Failed", fieldError{Resource: "ProjectV2Item", Field: "number", Code: "invalid"})
	}
	for _, it := range p.items {
		if it.repo == t.name() && it.number == in.Number {
			return ok(p.itemJSON(it))
		}
	}
	it := &projectItem{id: s.nextID(), repo: t.name(), number: in.Number}
	p.items = append(p.items, it)
	a := ok(p.itemJSON(it))
	a.status = http.StatusCreated
	return a
}

func (p *project) itemJSON(it *projectItem) map[string]any {
	fields := []map[string]any{{"id": p.field + 1, "name": "Title", "data_type": "title", "value": map[string]any{"raw": "title", "html": "title"}}}
	var value any
	if it.option != "" {
		value = map[string]any{"id": optionID(it.option), "name": map[string]any{"raw": it.option, "html": it.option}}
	}
	fields = append(fields, map[string]any{"id": p.field, "name": p.name, "data_type": "single_select", "value": value})
	return map[string]any{"id": it.id, "content_type": "Issue", "fields": fields}
}

func (c *call) projectItem(p *project) *projectItem {
	id, err := strconv.ParseInt(c.r.PathValue("item"), 10, 64)
	if err != nil {
		return nil
	}
	for _, it := range p.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

// getProjectItem shows the field only where it was asked for.
func (s *Server) getProjectItem(c *call, p *project) answer {
	it := c.projectItem(p)
	if it == nil {
		return notFound()
	}
	j := p.itemJSON(it)
	if c.r.URL.Query().Get("fields") != itoa(p.field) {
		j["fields"] = j["fields"].([]map[string]any)[:1]
	}
	return ok(j)
}

func (s *Server) patchProjectItem(c *call, p *project) answer {
	it := c.projectItem(p)
	if it == nil {
		return notFound()
	}
	var in struct {
		Fields []struct {
			ID    int64 `json:"id"`
			Value any   `json:"value"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || len(in.Fields) == 0 {
		return badRequest("fields is missing")
	}
	for _, f := range in.Fields {
		if f.ID != p.field {
			return refuse(422, "Validation Failed", fieldError{Resource: "ProjectV2Item", Field: "fields", Code: "invalid"})
		}
		if f.Value == nil {
			it.option = ""
			continue
		}
		at := slices.IndexFunc(p.options, func(name string) bool { return optionID(name) == f.Value })
		if at < 0 {
			return refuse(422, "Validation Failed", fieldError{Resource: "ProjectV2Item", Field: "value", Code: "invalid"})
		}
		it.option = p.options[at]
	}
	return ok(p.itemJSON(it))
}

// AddProject adds a board of an organization or a user ("octo-org/7"), with one single select field of these options.
func (s *Server) AddProject(name string, org bool, field string, options ...string) {
	owner, number, _ := strings.Cut(name, "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(fmt.Sprintf("githubtest: %q is not owner/number", name))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects = append(s.projects, &project{owner: owner, org: org, number: n, field: s.nextID(), name: field, options: options})
}

// OnBoard is in which column of a board an issue is; "" for none, or where it is not there.
func (s *Server) OnBoard(board, repo string, number int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.boardItem(board, repo, number); it != nil {
		return it.option
	}
	return ""
}

// PutOnBoard moves an issue as a person would.
func (s *Server) PutOnBoard(board, repo string, number int, option string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.boardItem(board, repo, number)
	if it == nil {
		it = &projectItem{id: s.nextID(), repo: repo, number: number}
		for _, p := range s.projects {
			if fmt.Sprintf("%s/%d", p.owner, p.number) == board {
				p.items = append(p.items, it)
			}
		}
	}
	it.option = option
}

func (s *Server) boardItem(board, repo string, number int) *projectItem {
	for _, p := range s.projects {
		if fmt.Sprintf("%s/%d", p.owner, p.number) != board {
			continue
		}
		for _, it := range p.items {
			if strings.EqualFold(it.repo, repo) && it.number == number {
				return it
			}
		}
	}
	return nil
}
