package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// project is a board, GitHub's Projects v2, with one single select field. Its items are the issues that are on it.
type project struct {
	path    string // of its address
	field   int64
	name    string // of the field
	options []string
}

// AddProject makes the board of an organization or a user ("octo-org/7"), with one single select field of these options.
func (s *Server) AddProject(name string, org bool, field string, options ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := "users"
	if org {
		kind = "orgs"
	}
	owner, number, _ := strings.Cut(name, "/")
	s.board = &project{path: "/" + kind + "/" + owner + "/projectsV2/" + number + "/", field: s.nextID(), name: field, options: options}
}

// project is the board that a path names.
func (c *call) project() *project {
	c.accepted = []string{"project", "read:project"}
	if c.r.Method != http.MethodGet {
		c.accepted = c.accepted[:1]
	}
	if !c.s.has(c.accepted...) || c.s.board == nil || !strings.HasPrefix(c.r.URL.Path, c.s.board.path) {
		panic(notFound())
	}
	return c.s.board
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
	if t == nil {
		return notFound()
	}
	i := t.issue(in.Number)
	switch {
	case i == nil:
		return invalid("ProjectV2Item", "number", "invalid")
	case i.onBoard || i.Column != "":
		return ok(p.itemJSON(i))
	}
	i.onBoard = true
	return created(p.itemJSON(i))
}

// itemJSON is an issue as an item of the board. Their ids are one.
func (p *project) itemJSON(i *Issue) map[string]any {
	return map[string]any{"id": i.id, "content_type": "Issue", "fields": []map[string]any{
		{"id": p.field + 1, "name": "Title", "data_type": "title", "value": map[string]any{"raw": "title", "html": "title"}},
		{"id": p.field, "name": p.name, "data_type": "single_select", "value": optionJSON(i.Column)},
	}}
}

// projectItem is the item that a path names.
func (c *call) projectItem() *Issue {
	id := c.id("item")
	for _, t := range c.s.targets {
		for _, i := range t.issues {
			if i.id == id && (i.onBoard || i.Column != "") {
				return i
			}
		}
	}
	panic(notFound())
}

// getProjectItem shows the field only where it was asked for.
func (c *call) getProjectItem() answer {
	p := c.project()
	j := p.itemJSON(c.projectItem())
	if c.r.URL.Query().Get("fields") != itoa(p.field) {
		j["fields"] = j["fields"].([]map[string]any)[:1]
	}
	return ok(j)
}

func (c *call) patchProjectItem() answer {
	p := c.project()
	i := c.projectItem()
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
		i.Column = option
	}
	return ok(p.itemJSON(i))
}
