package hooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hookctl/hooks/githubtest"
)

// published is GitHub's description of its calls around webhooks, as far as it is in testdata/openapi.
type published struct {
	Paths    map[string]map[string]operation
	compiler *jsonschema.Compiler
	patterns map[string]*regexp.Regexp
}

type operation struct {
	OperationID string
	Parameters  []struct {
		Name     string
		Required bool
		Schema   struct{ Type string }
	}
	RequestBody *struct{ Required bool }
	Responses   map[string]struct{ Content map[string]json.RawMessage }
}

const (
	openAPI     = "testdata/openapi/hooks.json"
	relaySchema = "testdata/openapi/relay.json"
)

func readPublished(t *testing.T) *published {
	t.Helper()
	data, err := os.ReadFile(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	p := &published{compiler: jsonschema.NewCompiler(), patterns: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal(data, p); err != nil {
		t.Fatal(err)
	}
	p.compiler.AssertFormat()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	for path := range p.Paths {
		pattern := regexp.MustCompile(`\\\{(\w+)\\\}`).ReplaceAllStringFunc(regexp.QuoteMeta(path), func(name string) string {
			if strings.Contains(name, "_id") {
				return `\d+`
			}
			return `[^/]+`
		})
		p.patterns[path] = regexp.MustCompile("^" + pattern + "$")
	}
	return p
}

// schema compiles what lies at a place in the description.
func (p *published) schema(place ...string) (*jsonschema.Schema, error) {
	var pointer strings.Builder
	for _, part := range place {
		pointer.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part)))
	}
	return p.compiler.Compile("openapi.json#" + pointer.String())
}

var byNumber = regexp.MustCompile(`^/(repositories|organizations)/\d+`)

// find is the operation that a request calls. Redirects lead to addresses by number, which are not in the description.
func (p *published) find(r githubtest.Request) (path string, op operation, found bool) {
	name := byNumber.ReplaceAllStringFunc(r.Path, func(s string) string {
		if strings.HasPrefix(s, "/repositories") {
			return "/repos/o/r"
		}
		return "/orgs/o"
	})
	for path, pattern := range p.patterns {
		if op, has := p.Paths[path][strings.ToLower(r.Method)]; has && pattern.MatchString(name) {
			return path, op, true
		}
	}
	return "", operation{}, false
}

// problems lists where a request, or the answer that it got, differs from what GitHub publishes.
func (p *published) problems(r githubtest.Request) []string {
	path, op, found := p.find(r)
	if !found {
		return []string{"there is no such call"}
	}
	list := p.queryProblems(path, op, r)
	if got := r.Header.Get("X-Github-Api-Version"); got != "2022-11-28" {
		list = append(list, fmt.Sprintf("X-GitHub-Api-Version is %q", got))
	}
	switch {
	case op.RequestBody == nil && len(r.Body) > 0:
		list = append(list, "it has a body and none is described")
	case op.RequestBody != nil && len(r.Body) == 0 && op.RequestBody.Required:
		list = append(list, "it lacks its body")
	case len(r.Body) > 0:
		if got := r.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			list = append(list, "its Content-Type is "+got)
		}
		schema, err := p.schema("paths", path, strings.ToLower(r.Method), "requestBody", "content", "application/json", "schema")
		if op.OperationID == "repos/create-webhook" && opensRelay(r.Body) {
			schema, err = p.compiler.Compile(relaySchema)
		}
		list = append(list, bodyProblems("request: ", r.Body, schema, err)...)
	}
	return append(list, p.answerProblems(path, op, r)...)
}

func (p *published) queryProblems(path string, op operation, r githubtest.Request) []string {
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for i, parameter := range op.Parameters {
		values := query[parameter.Name]
		query.Del(parameter.Name)
		if len(values) == 0 {
			if parameter.Required {
				list = append(list, "the parameter "+parameter.Name+" is missing")
			}
			continue
		}
		var value any = values[0]
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && parameter.Schema.Type == "integer" {
			value = json.Number(strconv.FormatInt(n, 10))
		}
		schema, err := p.schema("paths", path, strings.ToLower(r.Method), "parameters", strconv.Itoa(i), "schema")
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil || len(values) > 1 {
			list = append(list, fmt.Sprintf("the parameter %s=%q: %v", parameter.Name, values, err))
		}
	}
	for name := range query {
		list = append(list, "the parameter "+name+" is unknown")
	}
	return list
}

// answerProblems holds the simulation to the description: what it answered must be what GitHub would.
func (p *published) answerProblems(path string, op operation, r githubtest.Request) []string {
	redirect := r.Status == http.StatusMovedPermanently || r.Status == http.StatusTemporaryRedirect
	if r.Status == 0 || r.Status >= 500 || redirect { // a fault, or what is the same for every call
		return nil
	}
	status := strconv.Itoa(r.Status)
	answer, described := op.Responses[status]
	switch {
	case !described:
		return []string{"the answer " + status + " is not described"}
	case len(answer.Content) == 0 && len(r.Answer) > 0:
		return []string{"the answer " + status + " has a body"}
	case len(answer.Content) == 0:
		return nil
	}
	schema, err := p.schema("paths", path, strings.ToLower(r.Method), "responses", status, "content", "application/json", "schema")
	return bodyProblems("answer: ", r.Answer, schema, err)
}

// opensRelay reports the one call that GitHub does not publish; it has its own schema.
func opensRelay(body []byte) bool {
	var hook struct{ Name string }
	return json.Unmarshal(body, &hook) == nil && hook.Name == relayHook
}

func bodyProblems(what string, body []byte, schema *jsonschema.Schema, err error) []string {
	if err != nil {
		return []string{what + err.Error()}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return []string{what + err.Error()}
	}
	return nil
}

// checkPublished fails the test where a call, or the simulation's answer to it, differs from GitHub's description. It
// returns the operations that were called.
func checkPublished(t *testing.T, requests []githubtest.Request) []string {
	t.Helper()
	p := readPublished(t)
	var called []string
	for _, r := range requests {
		for _, problem := range p.problems(r) {
			t.Errorf("%s %s?%s: %s", r.Method, r.Path, r.Query, problem)
		}
		if _, op, found := p.find(r); found && !slices.Contains(called, op.OperationID) {
			called = append(called, op.OperationID)
		}
	}
	slices.Sort(called)
	return called
}

// TestEveryCallIsAsPublished makes every call that the client can make, each in all its forms.
func TestEveryCallIsAsPublished(t *testing.T) {
	w := newWorld(t, "o/r")
	w.AddOrg("org")
	w.setSecret("k")
	c, ctx := w.client, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	_, err := c.User(ctx)
	must(err)
	_, err = c.Repositories(ctx, RepositoryQuery{Owner: "o"})
	must(err)
	_, err = c.Meta(ctx)
	must(err)
	for _, at := range []Target{{"o", "r"}, {Owner: "org"}} {
		h, err := c.Create(ctx, at, SetupRequest{URL: hookURL, NewEvents: []string{"push"}, Secret: "k", Active: true})
		must(err)
		_, err = c.List(ctx, at)
		must(err)
		_, err = c.Get(ctx, at, h.ID)
		must(err)
		off, ssl, form, secret, address := false, "1", "form", "n", hookURL
		_, err = c.Edit(ctx, at, h.ID, Change{Active: &off, Events: []string{"push", "star"}})
		must(err)
		must(c.Configure(ctx, at, h.ID, ConfigChange{InsecureSSL: &ssl}))
		must(c.Configure(ctx, at, h.ID, ConfigChange{Secret: &secret, URL: &address, ContentType: &form}))
		must(c.Ping(ctx, at, h.ID))
		if !at.IsOrg() {
			must(c.Test(ctx, at, h.ID))
		}
		awaitDelivery(t, w, h.ID)
		list, err := c.Deliveries(ctx, at, h.ID, DeliveryQuery{})
		must(err)
		_, err = c.Deliveries(ctx, at, h.ID, DeliveryQuery{Failed: true})
		must(err)
		_, err = c.Delivery(ctx, at, h.ID, list[0].ID)
		must(err)
		must(c.Redeliver(ctx, at, h.ID, list[0].ID))
		must(c.Delete(ctx, at, h.ID))
		if _, err := c.Get(ctx, at, h.ID); err == nil {
			t.Error("a hook is there after it was deleted")
		}
		if _, err := c.Create(ctx, at, SetupRequest{URL: "http://localhost/", NewEvents: []string{"push"}}); err == nil {
			t.Error("a local URL was taken")
		}
	}
	if _, err := c.List(ctx, Target{"o", "missing"}); err == nil { // what explains it looks the repository up
		t.Error("a repository that is not there was listed")
	}
	w.setup("o/r", "org")
	called := checkPublished(t, w.Requests())
	for _, want := range []string{"meta/get", "orgs/create-webhook", "orgs/delete-webhook", "orgs/get-webhook", "orgs/get-webhook-delivery",
		"orgs/list-webhook-deliveries", "orgs/list-webhooks", "orgs/ping-webhook", "orgs/redeliver-webhook-delivery", "orgs/update-webhook",
		"orgs/update-webhook-config-for-org", "repos/create-webhook", "repos/delete-webhook", "repos/get", "repos/get-webhook",
		"repos/get-webhook-delivery", "repos/list-for-authenticated-user", "repos/list-webhook-deliveries", "repos/list-webhooks",
		"repos/ping-webhook", "repos/redeliver-webhook-delivery", "repos/test-push-webhook", "repos/update-webhook",
		"repos/update-webhook-config-for-repo", "users/get-authenticated"} {
		if !slices.Contains(called, want) {
			t.Errorf("%s was not called", want)
		}
	}
}

// awaitDelivery waits until GitHub has tried to deliver something to a hook.
func awaitDelivery(t *testing.T, w *world, hookID int64) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(w.Deliveries(hookID)) == 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no delivery")
		}
	}
}

// The check itself must see what is wrong.
func TestPublishedSchemasRefuse(t *testing.T) {
	p := readPublished(t)
	header := http.Header{"X-Github-Api-Version": {"2022-11-28"}, "Content-Type": {"application/json; charset=utf-8"}}
	good := githubtest.Request{Method: "POST", Path: "/repos/o/r/hooks", Header: header, Body: []byte(`{"name":"web","config":{"url":"https://x.example.com"}}`)}
	if list := p.problems(good); list != nil {
		t.Errorf("a good call has problems: %q", list)
	}
	for _, test := range []struct {
		name, says string
		change     func(*githubtest.Request)
	}{
		{"unknown call", "no such call", func(r *githubtest.Request) { r.Path = "/repos/o/r/hook" }},
		{"an id that is none", "no such call", func(r *githubtest.Request) { r.Path, r.Method = "/repos/o/r/hooks/x", "GET" }},
		{"unknown field", "additional properties", func(r *githubtest.Request) { r.Body = []byte(`{"secret":"k"}`) }},
		{"wrong type", "got string, want boolean", func(r *githubtest.Request) { r.Body = []byte(`{"active":"true"}`) }},
		{"no URL", "uri", func(r *githubtest.Request) { r.Body = []byte(`{"config":{"url":"x y"}}`) }},
		{"a relay with a URL", "value must be ''", func(r *githubtest.Request) {
			r.Body = []byte(`{"name":"cli","active":false,"events":["push"],"config":{"url":"https://x.example.com","content_type":"json","insecure_ssl":"0","secret":"k"}}`)
		}},
		{"unknown parameter", "is unknown", func(r *githubtest.Request) { r.Query = "per_page=1" }},
		{"parameter out of range", "maximum", func(r *githubtest.Request) { r.Method, r.Query, r.Body = "GET", "per_page=101", nil }},
		{"parameter of another type", "want integer", func(r *githubtest.Request) { r.Method, r.Query, r.Body = "GET", "page=last", nil }},
		{"unknown status", "must be one of", func(r *githubtest.Request) {
			r.Method, r.Path, r.Query, r.Body = "GET", "/repos/o/r/hooks/1/deliveries", "status=failed", nil
		}},
		{"a body too many", "none is described", func(r *githubtest.Request) { r.Path = "/repos/o/r/hooks/1/pings" }},
		{"no API version", "X-GitHub-Api-Version", func(r *githubtest.Request) { r.Header = http.Header{"Content-Type": {"application/json"}} }},
		{"no content type", "Content-Type", func(r *githubtest.Request) { r.Header = http.Header{"X-Github-Api-Version": {"2022-11-28"}} }},
		{"an answer that lacks fields", "missing properties", func(r *githubtest.Request) { r.Status, r.Answer = 201, []byte(`{"id":1}`) }},
		{"an answer with another status", "not described", func(r *githubtest.Request) { r.Status, r.Answer = 200, []byte(`{"id":1}`) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := good
			test.change(&r)
			if text := strings.Join(p.problems(r), "\n"); !strings.Contains(text, test.says) {
				t.Errorf("problems %q, want %q", text, test.says)
			}
		})
	}
}
