package githubtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const widgets = "octo-org/widgets"

// reply is an answer of the simulation, read back.
type reply struct {
	status int
	header http.Header
	text   string
	t      *testing.T
}

func (r reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.text), v); err != nil {
		r.t.Fatalf("%v in %d %s", err, r.status, r.text)
	}
}

// api makes one call without a socket, as the account with the token.
func api(t *testing.T, s *Server, token, method, path, body string) reply {
	t.Helper()
	r := httptest.NewRequest(method, "http://api.github.com"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "token "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String(), t}
}

// octocat makes one call as the account that every simulation knows.
func octocat(t *testing.T, s *Server, method, path, body string) reply {
	t.Helper()
	return api(t, s, DefaultToken, method, path, body)
}

// quiet is a simulation whose deliveries reach nobody.
func quiet(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.Resolve = func(string) string { return "" }
	s := New(opts)
	t.Cleanup(s.Close)
	s.AddRepository(widgets, Repository{})
	s.AddOrg("octo-org")
	return s
}

func body(config string, rest string) string {
	return `{"name":"web","active":true,"events":["push"],"config":{` + config + `}` + rest + `}`
}

const goodConfig = `"url":"https://hooks.example.com/webhook","content_type":"json","secret":"k","insecure_ssl":"0"`

func TestCreateRefusesWhatGitHubRefuses(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"good", body(goodConfig, ""), 201, `"secret":"********"`},
		{"a number as insecure_ssl", body(`"url":"https://a.example.com","insecure_ssl":1`, ""), 201, `"insecure_ssl":"1"`},
		{"content type left out", body(`"url":"https://a.example.com"`, ""), 201, `"content_type":"form"`},
		{"torn JSON", `{"name":`, 400, "Problems parsing JSON"},
		{"an array", `[]`, 400, "Body should be a JSON object"},
		{"null", `null`, 400, "Body should be a JSON object"},
		{"an unknown field", body(goodConfig, `,"colour":"red"`), 422, `\"colour\" is not a permitted key.`},
		{"an unknown setting", body(goodConfig+`,"token":"x"`, ""), 422, `\"token\" is not a permitted key.`},
		{"events as a string", `{"events":"push","config":{` + goodConfig + `}}`, 422, `For 'properties/events', \"push\" is not an array.`},
		{"a number among events", `{"events":[1],"config":{` + goodConfig + `}}`, 422, "For 'properties/events'"},
		{"active as a string", `{"active":"true","config":{` + goodConfig + `}}`, 422, `For 'properties/active', \"true\" is not a boolean.`},
		{"config as a string", `{"config":"k"}`, 422, "is not an object"},
		{"secret as a number", body(`"url":"https://a.example.com","secret":1`, ""), 422, "config/properties/secret"},
		{"no URL", body(`"content_type":"json"`, ""), 422, "Config must contain URL for webhooks"},
		{"no config", `{"name":"web","events":["push"]}`, 422, "Config must contain URL for webhooks"},
		{"another service", strings.Replace(body(goodConfig, ""), "web", "irc", 1), 422, `"field":"name"`},
		{"an unknown event", strings.Replace(body(goodConfig, ""), `"push"`, `"pusch"`, 1), 422, `pusch`},
		{"an event of organizations only", strings.Replace(body(goodConfig, ""), `"push"`, `"membership"`, 1), 422, `membership`},
		{"no events", strings.Replace(body(goodConfig, ""), `"push"`, ``, 1), 422, "Events must not be empty"},
		{"a bad content type", body(`"url":"https://a.example.com","content_type":"xml"`, ""), 422, "Content type"},
		{"a bad insecure_ssl", body(`"url":"https://a.example.com","insecure_ssl":"yes"`, ""), 422, "insecure_ssl"},
		{"insecure_ssl as a boolean", body(`"url":"https://a.example.com","insecure_ssl":true`, ""), 422, "insecure_ssl"},
		{"localhost", body(`"url":"http://localhost:9000/webhook"`, ""), 422, "Sorry, the URL host localhost is not supported because it isn't reachable over the public Internet"},
		{"loopback", body(`"url":"http://127.0.0.1:9000"`, ""), 422, "isn't reachable over the public Internet"},
		{"a private address", body(`"url":"http://10.1.2.3"`, ""), 422, "isn't reachable"},
		{"IPv6 loopback", body(`"url":"http://[::1]/"`, ""), 422, "isn't reachable"},
		{"a bare name", body(`"url":"http://buildbox/hook"`, ""), 422, "isn't reachable"},
		{"another scheme", body(`"url":"ftp://a.example.com"`, ""), 422, "is not valid"},
		{"a space in the URL", body(`"url":"https://a.example.com/a b"`, ""), 422, "encode all special characters"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := quiet(t, Options{})
			r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks", test.body)
			if r.status != test.status || !strings.Contains(r.text, test.says) {
				t.Errorf("%d %s\nwant %d with %s", r.status, r.text, test.status, test.says)
			}
			if refused := test.status != 201; refused != (len(s.Hooks(widgets)) == 0) {
				t.Errorf("hooks after it: %+v", s.Hooks(widgets))
			}
		})
	}
}

func TestCreateRefusesDuplicatesAndTheTwentyFirst(t *testing.T) {
	s := quiet(t, Options{})
	path := "/repos/" + widgets + "/hooks"
	octocat(t, s, "POST", path, body(goodConfig, ""))
	if r := octocat(t, s, "POST", path, body(goodConfig, "")); r.status != 422 || !strings.Contains(r.text, `"message":"Hook already exists on this repository"`) {
		t.Errorf("duplicate: %d %s", r.status, r.text)
	}
	if r := octocat(t, s, "POST", path, strings.Replace(body(goodConfig, ""), `"push"`, `"star"`, 1)); r.status != 201 {
		t.Errorf("same URL, other events: %d %s", r.status, r.text)
	}
	for range 19 {
		s.AddHook(widgets, Hook{Config: Config{URL: "https://b.example.com"}})
	}
	r := octocat(t, s, "POST", path, strings.Replace(body(goodConfig, ""), "hooks.", "c.", 1))
	if r.status != 422 || !strings.Contains(r.text, `The \"push\" event cannot have more than 20 hooks`) {
		t.Errorf("twenty-first: %d %s", r.status, r.text)
	}
	if r := octocat(t, s, "POST", "/orgs/octo-org/hooks", body(goodConfig, "")); r.status != 201 {
		t.Errorf("the organization has its own count: %d %s", r.status, r.text)
	}
}

// The traps of PATCH on a whole hook, which hookctl must never fall into.
func TestPatchHookReplacesConfigWhole(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		want       Config
	}{
		{"only active", `{"active":false}`, 200, Config{"https://hooks.example.com/webhook", "json", "k", "0"}},
		{"without the secret", `{"config":{"url":"https://b.example.com","content_type":"json"}}`, 200, Config{"https://b.example.com", "json", "", "0"}},
		{"with the mask", `{"config":{"url":"https://b.example.com","content_type":"json","secret":"********"}}`, 200, Config{"https://b.example.com", "json", "********", "0"}},
		{"without the content type", `{"config":{"url":"https://b.example.com","secret":"n"}}`, 200, Config{"https://b.example.com", "form", "n", "0"}},
		{"without the URL", `{"config":{"secret":"n"}}`, 422, Config{"https://hooks.example.com/webhook", "json", "k", "0"}},
		{"an empty config", `{"config":{}}`, 422, Config{"https://hooks.example.com/webhook", "json", "k", "0"}},
		{"a name", `{"name":"web"}`, 422, Config{"https://hooks.example.com/webhook", "json", "k", "0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := quiet(t, Options{})
			id := s.AddHook(widgets, Hook{Active: true, Config: Config{"https://hooks.example.com/webhook", "json", "k", "0"}})
			r := octocat(t, s, "PATCH", "/repos/"+widgets+"/hooks/"+itoa(id), test.body)
			if r.status != test.status || s.Hooks(widgets)[0].Config != test.want {
				t.Errorf("%d %s\n%+v", r.status, r.text, s.Hooks(widgets)[0])
			}
		})
	}
}

func TestPatchHookEvents(t *testing.T) {
	s := quiet(t, Options{})
	id := s.AddHook(widgets, Hook{Active: true, Events: []string{"push"}, Config: Config{URL: "https://hooks.example.com"}})
	path := "/repos/" + widgets + "/hooks/" + itoa(id)
	octocat(t, s, "PATCH", path, `{"add_events":["star","push"]}`)
	if have := s.Hooks(widgets)[0].Events; !slices.Equal(have, []string{"push", "star"}) {
		t.Errorf("added: %v", have)
	}
	octocat(t, s, "PATCH", path, `{"remove_events":["push"]}`)
	if have := s.Hooks(widgets)[0].Events; !slices.Equal(have, []string{"star"}) {
		t.Errorf("removed: %v", have)
	}
	if r := octocat(t, s, "PATCH", path, `{"events":[]}`); r.status != 422 {
		t.Errorf("no events: %d", r.status)
	}
}

func TestPatchConfigChangesOnlyWhatItNames(t *testing.T) {
	s := quiet(t, Options{})
	id := s.AddHook(widgets, Hook{Active: true, Config: Config{"https://hooks.example.com/webhook", "json", "k", "0"}})
	path := "/repos/" + widgets + "/hooks/" + itoa(id) + "/config"
	r := octocat(t, s, "PATCH", path, `{"secret":"n"}`)
	if want := (Config{"https://hooks.example.com/webhook", "json", "n", "0"}); r.status != 200 || s.Hooks(widgets)[0].Config != want || strings.Contains(r.text, `"n"`) {
		t.Errorf("%d %s %+v", r.status, r.text, s.Hooks(widgets)[0].Config)
	}
	var config map[string]string
	if r.into(&config); config["secret"] != "********" || config["url"] != "https://hooks.example.com/webhook" {
		t.Errorf("config %v", config)
	}
	for _, bad := range []string{`{"url":"http://localhost"}`, `{"url":""}`, `{"events":["push"]}`, `{"insecure_ssl":"2"}`, `[`} {
		if r := octocat(t, s, "PATCH", path, bad); r.status < 400 || r.status > 422 {
			t.Errorf("%s: %d %s", bad, r.status, r.text)
		}
	}
	if s.Hooks(widgets)[0].URL != "https://hooks.example.com/webhook" {
		t.Error("a refused change was made")
	}
}

func TestHookOfAnOrganizationDiffers(t *testing.T) {
	s := quiet(t, Options{})
	if r := octocat(t, s, "POST", "/orgs/octo-org/hooks", `{"config":{`+goodConfig+`}}`); r.status != 422 || !strings.Contains(r.text, `\"name\" wasn't supplied.`) {
		t.Errorf("without a name: %d %s", r.status, r.text)
	}
	r := octocat(t, s, "POST", "/orgs/octo-org/hooks", strings.Replace(body(goodConfig, ""), `"push"`, `"membership"`, 1))
	var hook map[string]any
	if r.into(&hook); r.status != 201 || hook["type"] != "Organization" || hook["test_url"] != nil {
		t.Fatalf("%d %s", r.status, r.text)
	}
	id := s.Hooks("octo-org")[0].ID
	if r := octocat(t, s, "POST", "/orgs/octo-org/hooks/"+itoa(id)+"/tests", ""); r.status != 404 {
		t.Errorf("tests: %d", r.status)
	}
	s.AddHook("octo-org", Hook{App: "Another App", Config: Config{URL: "https://b.example.com"}})
	var list []map[string]any
	if octocat(t, s, "GET", "/orgs/octo-org/hooks", "").into(&list); len(list) != 1 {
		t.Errorf("%d hooks are visible, want only the own one", len(list))
	}
}

func TestEveryHookShowsItsParts(t *testing.T) {
	s := quiet(t, Options{})
	id := s.AddHook(widgets, Hook{Active: true, Config: Config{"https://hooks.example.com/webhook", "json", "k", "0"}})
	r := octocat(t, s, "GET", "/repos/"+widgets+"/hooks/"+itoa(id), "")
	for _, part := range []string{`"type":"Repository"`, `"name":"web"`, `"last_response":{"code":null,"message":null,"status":"unused"}`,
		`"ping_url":"https://api.github.com/repos/octo-org/widgets/hooks/` + itoa(id) + `/pings"`, `"secret":"********"`} {
		if !strings.Contains(r.text, part) {
			t.Errorf("%s lacks %s", r.text, part)
		}
	}
	if r := octocat(t, s, "DELETE", "/repos/"+widgets+"/hooks/"+itoa(id), ""); r.status != 204 || r.text != "" {
		t.Errorf("delete: %d %q", r.status, r.text)
	}
	if r := octocat(t, s, "GET", "/repos/"+widgets+"/hooks/"+itoa(id), ""); r.status != 404 {
		t.Errorf("after delete: %d", r.status)
	}
}

func TestEnterpriseServer(t *testing.T) {
	s := quiet(t, Options{Enterprise: true})
	for range 20 {
		s.AddHook(widgets, Hook{Config: Config{URL: "https://b.example.com"}})
	}
	r := httptest.NewRequest("POST", "http://ghe.example.com/api/v3/repos/"+widgets+"/hooks", bytes.NewBufferString(body(goodConfig, "")))
	r.Header.Set("Authorization", "token "+DefaultToken)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 201 || !strings.Contains(w.Body.String(), `"url":"https://ghe.example.com/api/v3/repos/octo-org/widgets/hooks/`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
