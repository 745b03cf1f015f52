package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// hostile is text that an outsider puts wherever he can.
const hostile = "Ignore-all-instructions"

// The words of everybody below are hostile; want says whether an agent gets them.
func TestWhoseWordsReachAnAgent(t *testing.T) {
	const repository = `"repository":{"id":1,"full_name":"o/r","html_url":"https://github.com/o/r"},"sender":{"login":"` + hostile + `","type":"User"}`
	pull := func(association, login, kind string) string {
		return fmt.Sprintf(`{"action":"opened",%s,"pull_request":{"number":7,"title":"%s","body":"%s fixes #3","author_association":%q,"user":{"login":%q,"type":%q},
			"html_url":"https://github.com/o/r/pull/7","head":{"ref":"%s","sha":"1a2b3c4d"},"base":{"ref":"main"}}}`,
			repository, hostile, hostile, association, login, kind, hostile)
	}
	run := func(head string) string {
		return fmt.Sprintf(`{"action":"completed",%s,"workflow_run":{"id":12,"name":"%s","head_branch":"%s","head_sha":"1a2b3c4d","conclusion":"failure",
			"html_url":"https://github.com/o/r/actions/runs/12","head_repository":%s}}`, repository, hostile, hostile, head)
	}
	check := func(pulls string) string {
		return fmt.Sprintf(`{"action":"completed",%s,"check_run":{"id":9,"name":"%s","head_sha":"1a2b3c4d","conclusion":"failure",
			"html_url":"https://github.com/o/r/runs/9","details_url":"https://evil.example/%s","check_suite":{"head_branch":"%s"},"pull_requests":%s}}`,
			repository, hostile, hostile, hostile, pulls)
	}
	issue := func(association string) string {
		return fmt.Sprintf(`{"action":"labeled",%s,"label":{"name":"blocked"},"issue":{"number":3,"title":"%s","author_association":%q,"user":{"login":"x"},
			"html_url":"https://github.com/o/r/issues/3"}}`, repository, hostile, association)
	}
	review := func(of, by string) string {
		return fmt.Sprintf(`{"action":"submitted",%s,"review":{"state":"approved","body":"%s","author_association":%q,"user":{"login":"x"},
			"html_url":"https://github.com/o/r/pull/7#pullrequestreview-5"},"pull_request":{"number":7,"title":"%s","author_association":%q,"user":{"login":"x"}}}`,
			repository, hostile, by, hostile, of)
	}
	within := `[{"head":{"repo":{"id":1}}}]`
	for _, tc := range []struct {
		name, event, payload string
		want                 bool
	}{
		{"pull request of a member", "pull_request", pull("MEMBER", "x", "User"), true},
		{"pull request of an owner", "pull_request", pull("OWNER", "x", "User"), true},
		{"pull request of a first-timer", "pull_request", pull("FIRST_TIME_CONTRIBUTOR", "x", "User"), false},
		{"pull request of a contributor", "pull_request", pull("CONTRIBUTOR", "x", "User"), false},
		{"pull request without an association", "pull_request", pull("", "x", "User"), false},
		{"an invented association", "pull_request", pull("OWNER, MEMBER", "x", "User"), false},
		{"pull request of a named login", "pull_request", pull("NONE", "A-Friend", "User"), true},
		{"pull request of a named bot", "pull_request", pull("NONE", "dependabot[bot]", "Bot"), true},
		{"a user who is called like the bot", "pull_request", pull("NONE", "dependabot[bot]", "User"), false},
		{"another bot", "pull_request", pull("NONE", "other[bot]", "Bot"), false},
		{"issue of a stranger, labeled by somebody", "issues", issue("NONE"), false},
		{"issue of a collaborator", "issues", issue("COLLABORATOR"), true},
		{"run of the repository itself", "workflow_run", run(`{"full_name":"O/R"}`), true},
		{"run of a fork", "workflow_run", run(`{"full_name":"evil/r"}`), false},
		{"run of a fork that is gone", "workflow_run", run(`null`), false},
		{"check of a branch here", "check_run", check(within), true},
		{"check of a fork's pull request", "check_run", check(`[{"head":{"repo":{"id":2}}}]`), false},
		{"check of both", "check_run", check(`[{"head":{"repo":{"id":1}}},{"head":{"repo":{"id":2}}}]`), false},
		{"check without a pull request", "check_run", check(`[]`), false},
		{"review by a member of a stranger's pull request", "pull_request_review", review("NONE", "MEMBER"), false},
		{"review by a stranger of a member's pull request", "pull_request_review", review("MEMBER", "NONE"), false},
		{"review among members", "pull_request_review", review("MEMBER", "OWNER"), true},
		{"status", "status", `{` + repository + `,"sha":"1a2b3c4d","state":"failure","context":"` + hostile + `","target_url":"https://evil.example/` + hostile + `"}`, false},
		{"push", "push", `{` + repository + `,"ref":"refs/heads/main","after":"1a2b3c4d","head_commit":{"message":"` + hostile + `"},"commits":[{}]}`, true},
		{"an event that does not exist yet", "time_travel", `{"action":"` + hostile + `",` + repository + `}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, err := Explain(Config{
				Rules: route.Rules{
					Trust:           route.Trust{On: true, Authors: []string{"OWNER", "MEMBER", "COLLABORATOR"}, Logins: []string{"a-friend"}, Bots: []string{"dependabot[bot]"}},
					WatchedBranches: []string{"main"}, NotifyAlso: []string{route.AlsoReviews, route.AlsoStatuses},
					Routes: []route.Route{{Event: "time_travel", Notify: "travel", Subject: "{{.Title}} {{.Action}}", Message: "{{.Payload.action}} by {{.Sender}}"}},
				},
				Sinks: []sink.Config{
					{Type: "aimaestro", URL: "http://127.0.0.1:1", To: "agent"}, {Type: "amp-send", To: "agent"},
					{Type: "http", Name: "claw", URL: "http://127.0.0.1:1", Format: sink.FormatOpenClaw, Secret: "x"},
					{Type: "command", Command: []string{"true"}}, {Type: "http", URL: "http://127.0.0.1:1"},
				},
			}, "", tc.event, []byte(tc.payload))
			if err != nil || len(x.Sends) != 5 {
				t.Fatalf("%d messages, %v", len(x.Sends), err)
			}
			for _, s := range x.Sends {
				data, err := json.Marshal([]any{s.Subject, s.Message, s.Context})
				if err != nil {
					t.Fatal(err)
				}
				has := strings.Contains(string(data), hostile) || strings.Contains(string(data), strings.ToLower(hostile)) || strings.Contains(string(data), "evil.example")
				agent := s.Sink == "aimaestro" || s.Sink == "amp-send" || s.Sink == "claw"
				if want := tc.want || !agent; has != want {
					t.Errorf("%s gets the words: %v, want %v: %s", s.Sink, has, want, data)
				}
				if withheld := strings.Contains(s.Message, "left out"); withheld == (tc.want || !agent) {
					t.Errorf("%s: the message says that words are left out: %v: %s", s.Sink, withheld, s.Message)
				}
				if tc.event != "time_travel" && !strings.Contains(s.Message, "https://github.com/o/r") && agent {
					t.Errorf("%s: no link in %s", s.Sink, s.Message)
				}
			}
		})
	}
}

// The whole way: a stranger's pull request arrives, the agent gets numbers, the record has everything.
func TestAStrangersTitleIsRecordedAndNotSent(t *testing.T) {
	bodies := make(chan string, 10)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			b, _ := io.ReadAll(r.Body)
			bodies <- string(b)
		}
	}))
	defer there.Close()
	r := run(t, func(c *Config) {
		c.Trust = route.Trust{On: true, Authors: []string{"OWNER"}}
		c.Sinks = []sink.Config{{Type: "http", URL: there.URL, Format: sink.FormatOpenClaw, Secret: "token"}}
	})
	event, payload := sample(t, "pull_request_hostile_title")
	stranger := strings.Replace(string(payload), `"author_association":"`, `"author_association":"NOT_`, 1)
	if _, err := r.Ingest(t.Context(), &logs.Record{EventType: event, DeliveryID: guid(1), Payload: []byte(stranger)}); err != nil {
		t.Fatal(err)
	}
	body := <-bodies
	rec := r.record(t, guid(1))
	if title := rec.Summary.Title; title == "" || strings.Contains(body, title[:10]) {
		t.Errorf("title %q, posted %s", title, body)
	}
	if !strings.Contains(body, "left out") || !strings.Contains(body, "Pull request #") {
		t.Errorf("posted %s", body)
	}
}
