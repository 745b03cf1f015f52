package tasks

import (
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

func TestReadFailure(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.SetJobs(repo, 7, 2,
		githubtest.Job{Name: "lint", Conclusion: "success"},
		githubtest.Job{Name: "unit", Conclusion: "failure", Log: []byte("FAIL with " + githubtest.DefaultToken + " and s3cret\n"),
			Steps: []githubtest.Step{{Name: "Set up", Conclusion: "success"}, {Name: "Test", Conclusion: "failure"}}},
		githubtest.Job{Name: "old", Conclusion: "timed_out"}, // its log is gone
		githubtest.Job{Name: "skipped", Conclusion: "cancelled"})
	run := Run{Repository: hooks.Target{Owner: "octo-org", Repo: "widgets"}, ID: 7, Attempt: 2}
	f, err := ReadFailure(t.Context(), w.client, run, true, func(s string) string { return strings.ReplaceAll(s, "s3cret", "[removed]") })
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Jobs) != 2 || f.Jobs[0].Name != "unit" || strings.Join(f.Jobs[0].Steps, ",") != "Test" || strings.Join(f.Passed, ",") != "lint" {
		t.Fatalf("%+v", f)
	}
	if got := strings.Join(f.Jobs[0].Log.Lines, "\n"); got != "FAIL with [removed] and [removed]" {
		t.Errorf("the log is %q", got)
	}
	if f.Jobs[1].NoLog != "GitHub no longer has it" {
		t.Errorf("a log that is gone: %+v", f.Jobs[1])
	}
	asked := slices.DeleteFunc(w.Requests(), func(r githubtest.Request) bool { return r.Path != "/logs/job.txt" })
	if len(asked) != 1 || asked[0].Header.Get("Authorization") != "" {
		t.Errorf("the host of logs was asked %d times: %+v", len(asked), asked)
	}
	for _, fault := range []githubtest.Fault{{Path: "/repos/*/*/actions/jobs/*/logs", Status: 404}, {Path: "/repos/*/*/actions/jobs/*/logs", Status: 410}} {
		lift := w.Fault(fault)
		f, err := ReadFailure(t.Context(), w.client, run, true, nil)
		lift()
		if err != nil || f.Jobs[0].NoLog == "" || len(f.Jobs[0].Log.Lines) != 0 {
			t.Errorf("with %d for the log: %+v, %v", fault.Status, f, err)
		}
	}
}

// A redirect is followed without the token, and its signed address appears nowhere.
func TestSignedAddressStaysSecret(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.SetJobs(repo, 7, 1, githubtest.Job{Name: "unit", Conclusion: "failure", Log: []byte("FAIL\n")})
	lift := w.Fault(githubtest.Fault{Path: "/repos/*/*/actions/jobs/*/logs", Status: 302,
		Header: map[string][]string{"Location": {"http://127.0.0.1:1/logs?sig=verysecret"}}})
	run := Run{Repository: hooks.Target{Owner: "octo-org", Repo: "widgets"}, ID: 7}
	f, err := ReadFailure(t.Context(), w.client, run, true, nil)
	lift()
	if err != nil || f.Jobs[0].NoLog == "" || strings.Contains(f.Jobs[0].NoLog, "verysecret") {
		t.Errorf("%+v, %v", f, err)
	}
	w.Fault(githubtest.Fault{Path: "/repos/*/*/actions/jobs/*/logs", Status: 302,
		Header: map[string][]string{"Location": {"http://internal.example.com/?sig=verysecret"}}})
	if f, err = ReadFailure(t.Context(), w.client, run, true, nil); err != nil || !strings.Contains(f.Jobs[0].NoLog, "not https") {
		t.Errorf("%+v, %v", f, err)
	}
}
