package githubtest

import (
	"encoding/json"
	"slices"
	"strings"
)

func (c *call) addLabels() answer {
	i := c.issue()
	var in struct {
		Labels []string `json:"labels"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || len(in.Labels) == 0 {
		return badRequest("labels is missing")
	}
	if !c.mayTriage() {
		return refuse(403, "Must have admin rights to Repository.")
	}
	for _, name := range c.t.canonical(in.Labels) {
		if !slices.Contains(i.Labels, name) {
			i.Labels = append(i.Labels, name)
			c.announce("issues", "labeled", i, map[string]any{"label": map[string]any{"name": name}})
		}
	}
	return ok(c.issueJSON(i)["labels"])
}

func (c *call) removeLabel() answer {
	i := c.issue()
	name := c.r.PathValue("label")
	if !hasAll(i.Labels, []string{name}) {
		return refuse(404, "Label does not exist")
	}
	i.Labels = slices.DeleteFunc(i.Labels, func(have string) bool { return strings.EqualFold(have, name) })
	c.announce("issues", "unlabeled", i, map[string]any{"label": map[string]any{"name": name}})
	return ok(c.issueJSON(i)["labels"])
}

func (c *call) getLabel() answer {
	name := c.r.PathValue("label")
	if !hasAll(c.t.labels, []string{name}) {
		return notFound()
	}
	return ok(map[string]any{"name": name, "color": "d73a4a"})
}

func (c *call) createLabel() answer {
	var in struct{ Name, Color, Description string }
	if err := json.Unmarshal(c.body, &in); err != nil || in.Name == "" || len(in.Description) > 100 || len(in.Color) != 6 {
		return invalid("Label", "name", "invalid")
	}
	if !c.mayTriage() {
		return notFound()
	}
	if hasAll(c.t.labels, []string{in.Name}) {
		return invalid("Label", "name", "already_exists")
	}
	c.t.labels = append(c.t.labels, in.Name)
	return created(map[string]any{"name": in.Name, "color": in.Color})
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
