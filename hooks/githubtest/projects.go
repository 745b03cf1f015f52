package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// project is a board, GitHub's Projects v2, with one single select field.
type project struct {
	board   string // owner/number
	org     bool
	field   int64
	name    string // of the field
	options []string
	items   []*projectItem
}

type projectItem struct {
	id     int64
	repo   string
	number int
	option string // "" for none
}

// project is the board that a path names.
func (c *call) project() *project {
	c.accepted = []string{"project", "read:project"}
	if c.r.Method != http.MethodGet {
		c.accepted = c.accepted[:1]
	}
	if !c.s.has(c.accepted...) {
		panic(notFound())
	}
	org, board := strings.HasPrefix(c.r.URL.Path, "/orgs/"), c.r.PathValue("login")+"/"+c.r.PathValue("project")
	return pick(c.s.projects, func(p *project) bool { return p.org == org && strings.EqualFold(p.board, board) })
}

// optionJSON is a column of a board, nil for none.
func optionJSON(name string) any {
	if name == "" {
		return nil
	}
	return map[string]any{"id": optionID(name), "name": map[string]any{"raw": name, "html": name}}
}

func optionID(name string) string { return fmt.Sprintf("opt%08x", len(name)*7919+int(name[0])) }

func (c *call) projectFields() answer {
	p := c.project()
	options := []any{}
	for _, name := range p.options {
		options = append(options, optionJSON(name))
	}
	return ok(c.page([]map[string]any{
		{"id": p.field + 1, "name": "Title", "data_type": "title"},
		{"id": p.field, "name": p.name, "data_type": "single_select", "options": options},
	}))
}

// addProjectItem adds an issue, or answers with the item that it has already.
func (c *call) addProjectItem() answer {
	p := c.project()
	var in struct {
		Type, Owner, Repo string
		Number            int
	}
	if c.strict(&in); in.Type != "Issue" {
		return badRequest("type is not one of Issue, PullRequest")
	}
	t := c.s.targets[strings.ToLower(in.Owner+"/"+in.Repo)]
	switch {
	case t == nil:
		return notFound()
	case t.issue(in.Number) == nil:
		return invalid("ProjectV2Item", "number", "invalid")
	}
	if it := p.item(t.name(), in.Number); it != nil {
		return ok(p.itemJSON(it))
	}
	return created(p.itemJSON(c.s.addItem(p, t.name(), in.Number)))
}

func (s *Server) addItem(p *project, repo string, number int) *projectItem {
	it := &projectItem{id: s.nextID(), repo: repo, number: number}
	p.items = append(p.items, it)
	return it
}

// item is that of an issue, nil where the board does not have it.
func (p *project) item(repo string, number int) *projectItem {
	for _, it := range p.items {
		if strings.EqualFold(it.repo, repo) && it.number == number {
			return it
		}
	}
	return nil
}

func (p *project) itemJSON(it *projectItem) map[string]any {
	return map[string]any{"id": it.id, "content_type": "Issue", "fields": []map[string]any{
		{"id": p.field + 1, "name": "Title", "data_type": "title", "value": map[string]any{"raw": "title", "html": "title"}},
		{"id": p.field, "name": p.name, "data_type": "single_select", "value": optionJSON(it.option)},
	}}
}

func (c *call) projectItem(p *project) *projectItem {
	id := c.id("item")
	return pick(p.items, func(it *projectItem) bool { return it.id == id })
}

// getProjectItem shows the field only where it was asked for.
func (c *call) getProjectItem() answer {
	p := c.project()
	j := p.itemJSON(c.projectItem(p))
	if c.r.URL.Query().Get("fields") != itoa(p.field) {
		j["fields"] = j["fields"].([]map[string]any)[:1]
	}
	return ok(j)
}

func (c *call) patchProjectItem() answer {
	p := c.project()
	it := c.projectItem(p)
	var in struct {
		Fields []struct {
			ID    int64   `json:"id"`
			Value *string `json:"value"`
		} `json:"fields"`
	}
	if c.strict(&in); len(in.Fields) == 0 {
		return badRequest("fields is missing")
	}
	for _, f := range in.Fields {
		if f.ID != p.field {
			return invalid("ProjectV2Item", "fields", "invalid")
		}
		option := ""
		if f.Value != nil {
			at := slices.IndexFunc(p.options, func(name string) bool { return optionID(name) == *f.Value })
			if at < 0 {
				return invalid("ProjectV2Item", "value", "invalid")
			}
			option = p.options[at]
		}
		it.option = option
	}
	return ok(p.itemJSON(it))
}

// AddProject adds a board of an organization or a user ("octo-org/7"), with one single select field of these options.
func (s *Server) AddProject(name string, org bool, field string, options ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects = append(s.projects, &project{board: name, org: org, field: s.nextID(), name: field, options: options})
}

// OnBoard is in which column of a board an issue is; "" for none, or where it is not there.
func (s *Server) OnBoard(board, repo string, number int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		if it := p.item(repo, number); it != nil && p.board == board {
			return it.option
		}
	}
	return ""
}

// PutOnBoard moves an issue as a person would.
func (s *Server) PutOnBoard(board, repo string, number int, option string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		if p.board != board {
			continue
		}
		it := p.item(repo, number)
		if it == nil {
			it = s.addItem(p, repo, number)
		}
		it.option = option
	}
}
