package hooks

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"hookctl/hooks/githubtest"
)

// answers is a GitHub that answers every canyway.
type answers struct {
	status int
	body   string
	header http.Header
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// A GitHub, or a proxy before it, that repeats what it was sent in its refusal does not bring the secret into an error.
func TestARefusalThatRepeatsTheSecretHidesIt(t *testing.T) {
	const hidden = "s3cret-of-the-hook"
	github := answers{422, `{"message":"Validation Failed: {\"secret\":\"` + hidden + `\"}","errors":[{"resource":"Hook","message":"config.secret ` + hidden + ` is refused"}]}`,
		http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
	c, err := New(Config{Host: "github.com", Token: "t", Transport: github, Limits: fast()})
	if err != nil {
		t.Fatal(err)
	}
	value := hidden
	_, made := c.Create(t.Context(), target(t, "o/r"), SetupRequest{URL: hookURL, NewEvents: []string{"push"}, Secret: hidden})
	changed := c.Configure(t.Context(), target(t, "o/r"), 7, ConfigChange{Secret: &value})
	for op, err := range map[string]error{"create": made, "configure": changed} {
		var e *Error
		if !errors.As(err, &e) || e.Status != 422 || !strings.Contains(e.Message, "Validation Failed") {
			t.Fatalf("%s: %v", op, err)
		}
		if text := fmt.Sprintf("%v %s", err, CureOf(err)); strings.Contains(text, hidden) {
			t.Errorf("%s shows the secret: %s", op, text)
		}
	}
}

// The token of the relay goes to the address that GitHub named, and to no address that this one names.
func TestRelayTokenFollowsNoRedirect(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Host)
		mu.Unlock()
		http.Redirect(w, r, "http://elsewhere.github.com/x", http.StatusFound)
	}))
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	_ = server.Listener.Close()
	if server.Listener, err = net.Listen("unix", socket); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	client, err := New(Config{Host: "github.com", Token: "t", Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Client: client, Target: Target{"o", "r"}}
	if _, err := r.connect(t.Context(), "wss://webhook-forwarder.github.com/x"); err == nil {
		t.Fatal("connected")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 1 || asked[0] != "webhook-forwarder.github.com" {
		t.Errorf("asked %q", asked)
	}
}

// The lines of a plan do in a shell what the plan says, whatever the URL is, and keep the secret out of every argument.
func TestCallsOfAPlanCanBePasted(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	dir := t.TempDir()
	const gh = "#!/bin/sh\nfor a in \"$@\"; do printf 'arg %s\\n' \"$a\"; done\ncase \"$*\" in *=@-*) printf 'stdin '; cat; echo;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "gh"), []byte(gh), 0o700); err != nil {
		t.Fatal(err)
	}
	const hostile = "https://hooks.example.com/it's/$(touch pwned)/`touch pwned`/;touch pwned;/\"x\""
	w := newWorld(t, "o/a", "o/b")
	w.odd = true
	w.setSecret("hidden-secret")
	w.AddHook("o/b", githubtest.Hook{Events: []string{"release"}, Config: githubtest.Config{URL: hostile}})
	r := w.request("o/a", "o/b")
	r.URL, r.Events = hostile, []string{"push", "it's; touch pwned"}
	plan, err := w.client.PlanSetup(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var args, stdin int
	for _, line := range plan.Calls() {
		cmd := exec.Command(sh, "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "GITHUB_WEBHOOK_SECRET=hidden-secret")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
		for said := range strings.Lines(string(out)) {
			switch said = strings.TrimSuffix(said, "\n"); {
			case said == "stdin hidden-secret":
				stdin++
			case strings.Contains(said, "hidden-secret"):
				t.Errorf("the secret is an argument: %s", said)
			case said == "arg config[url]="+hostile, said == "arg events[]=it's; touch pwned":
				args++
			}
		}
	}
	if stdin != 2 || args != 3 {
		t.Errorf("%d secrets on standard input and %d hostile arguments whole, want 2 and 3, of:\n%s", stdin, args, strings.Join(plan.Calls(), "\n"))
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("the shell ran what the URL says")
	}
}

// A redirect takes a body with a secret, and the token beside it, to no other host and out of TLS never.
func TestACallWithASecretIsRedirectedToNoOtherHost(t *testing.T) {
	for _, location := range []string{"https://evil.example.com/repos/o/r/hooks", "http://api.github.com/repositories/1/hooks", "https://api.github.com.evil.example.com/x", "//evil.example.com/x"} {
		for _, status := range []int{301, 302, 307, 308} {
			github := &recorder{answers: answers{status, "{}", http.Header{"Content-Type": {"application/json"}, "Location": {location}}}}
			c, err := New(Config{Host: "github.com", Token: "t", Transport: github, Limits: fast()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Create(t.Context(), target(t, "o/r"), SetupRequest{URL: hookURL, NewEvents: []string{"push"}, Secret: "hidden"}); err == nil {
				t.Errorf("%d to %s passes for success", status, location)
			}
			for _, asked := range github.asked {
				if !strings.HasPrefix(asked, "https://api.github.com/") {
					t.Errorf("%d: %s was asked", status, asked)
				}
			}
		}
	}
}

// recorder keeps what was asked.
type recorder struct {
	answers
	asked []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.asked = append(r.asked, req.URL.String())
	return r.answers.RoundTrip(req)
}
