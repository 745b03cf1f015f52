package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) addLabels(c *call, t *target, i *Issue) answer {
	var in struct {
		Labels []string `json:"labels"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || len(in.Labels) == 0 {
		return badRequest("labels is missing")
	}
	if !t.mayTriage(c.user.Login) {
		return refuse(403, "Must have admin rights to Repository.")
	}
	for _, name := range t.canonical(in.Labels) {
		if !slices.Contains(i.Labels, name) {
			i.Labels = append(i.Labels, name)
			s.announce(t, "issues", "labeled", i, c.user.Login, map[string]any{"label": map[string]any{"name": name}})
		}
	}
	return ok(s.issueJSON(c.base, t, i)["labels"])
}

func (s *Server) removeLabel(c *call, t *target, i *Issue) answer {
	name := c.r.PathValue("label")
	if !hasAll(i.Labels, []string{name}) {
		return refuse(404, "Label does not exist")
	}
	i.Labels = slices.DeleteFunc(i.Labels, func(have string) bool { return strings.EqualFold(have, name) })
	s.announce(t, "issues", "unlabeled", i, c.user.Login, map[string]any{"label": map[string]any{"name": name}})
	return ok(s.issueJSON(c.base, t, i)["labels"])
}

func (s *Server) getLabel(c *call, t *target) answer {
	name := c.r.PathValue("label")
	if !hasAll(t.labels, []string{name}) {
		return notFound()
	}
	return ok(map[string]any{"name": name, "color": "d73a4a"})
}

func (s *Server) createLabel(c *call, t *target) answer {
	var in struct{ Name, Color, Description string }
	if err := json.Unmarshal(c.body, &in); err != nil || in.Name == "" || len(in.Description) > 100 || len(in.Color) != 6 {
		return refuse(422, "Validation Failed", fieldError{Resource: "Label", Field: "name", Code: "invalid"})
	}
	if !t.mayTriage(c.user.Login) {
		return notFound()
	}
	if hasAll(t.labels, []string{in.Name}) {
		return refuse(422, "Validation Failed", fieldError{Resource: "Label", Field: "name", Code: "already_exists"})
	}
	t.labels = append(t.labels, in.Name)
	a := ok(map[string]any{"name": in.Name, "color": in.Color})
	a.status = http.StatusCreated
	return a
}

// canonical are the labels as the repository spells them; it gets those that it lacks.
func (t *target) canonical(names []string) []string {
	var list []string
	for _, name := range names {
		at := slices.IndexFunc(t.labels, func(have string) bool { return strings.EqualFold(have, name) })
		if at < 0 {
			t.labels = append(t.labels, name)
			at = len(t.labels) - 1
		}
		list = append(list, t.labels[at])
	}
	return list
}

func hasAll(have, want []string) bool {
	for _, name := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, name) }) {
			return false
		}
	}
	return true
}
