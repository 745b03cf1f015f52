package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks"
)

// TestProgram is no test: it is the program that stands for ngrok and the others when a test runs one.
func TestProgram(t *testing.T) {
	mode := os.Getenv("HOOKCTL_TUNNEL_PROGRAM")
	if mode == "" {
		t.Skip("it is a program for other tests")
	}
	fmt.Fprintln(os.Stderr, os.Getenv("HOOKCTL_TUNNEL_SAYS"))
	switch mode {
	case "exit":
		os.Exit(3)
	case "print":
		os.Exit(0)
	case "stay":
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		select {
		case <-interrupted:
			os.Exit(0)
		case <-time.After(5 * time.Minute):
			os.Exit(4)
		}
	}
}

// programAs gives commands that run TestProgram, as the mode for each start says; the last one stays.
func programAs(t *testing.T, says string, modes ...string) (command func(context.Context, string, ...string) *exec.Cmd, started func() []string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	return func(ctx context.Context, name string, args ...string) *exec.Cmd {
			mu.Lock()
			defer mu.Unlock()
			mode := modes[min(len(lines), len(modes)-1)]
			lines = append(lines, name+" "+strings.Join(args, " "))
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProgram$")
			cmd.Env = append(programEnv(t), "HOOKCTL_TUNNEL_PROGRAM="+mode, "HOOKCTL_TUNNEL_SAYS="+says)
			return cmd
		}, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(lines)
		}
}

// programEnv is the environment of a test binary that stands for a program: what it leaves behind at its sudden end goes
// with the test, and the race detector does not hold it up.
func programEnv(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	return append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TMPDIR="+dir, "TMP="+dir)
}

// noProgram is a machine on which nothing is installed.
func noProgram(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "hookctl-no-such-program-"+name, args...)
}

// localAPI answers paths with texts; other paths it does not know.
func localAPI(t *testing.T, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, known := answers[r.URL.Path]
		if !known || r.Header.Get("Accept") != "application/json" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestFindByTheirAPIs(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, test := range []struct {
		name              string
		ngrok, cloudflare map[string]string
		port              int
		want              []Tunnel
		err               string
	}{
		{name: "nothing runs", port: 9000},
		{name: "ngrok", port: 9000, ngrok: map[string]string{"/api/tunnels": `{"tunnels":[
			{"name":"a","public_url":"http://a.ngrok.app","proto":"http","config":{"addr":"http://localhost:9000"}},
			{"name":"b","public_url":"https://a.ngrok.app","proto":"https","config":{"addr":"http://localhost:9000"}},
			{"name":"c","public_url":"https://other.ngrok.app","config":{"addr":"localhost:8080"}},
			{"name":"d","public_url":"tcp://1.tcp.ngrok.io:2222","config":{"addr":"localhost:9000"}}]}`},
			want: []Tunnel{{Ngrok, "https://a.ngrok.app", "localhost:9000"}}},
		{name: "ngrok without a scheme", port: 9000, ngrok: map[string]string{"/api/tunnels": `{"tunnels":[{"public_url":"https://a.ngrok.app","config":{"addr":"127.0.0.1:9000"}},{"public_url":"https://b.ngrok.app","config":{"addr":"9000"}}]}`},
			want: []Tunnel{{Ngrok, "https://a.ngrok.app", "127.0.0.1:9000"}, {Ngrok, "https://b.ngrok.app", "localhost:9000"}}},
		{name: "a newer ngrok", port: 9000, ngrok: map[string]string{"/api/tunnels": `{"tunnels":[]}`, "/api/endpoints": `{"endpoints":[{"name":"x","url":"https://a.ngrok.app","upstream":{"url":"http://localhost:9000"}}]}`},
			want: []Tunnel{{Ngrok, "https://a.ngrok.app", "localhost:9000"}}},
		{name: "ngrok for any port", ngrok: map[string]string{"/api/tunnels": `{"tunnels":[{"public_url":"https://a.ngrok.app/","config":{"addr":"https://localhost"}},{"public_url":"https://f.ngrok.app","config":{"addr":"file:///srv"}}]}`},
			want: []Tunnel{{Ngrok, "https://a.ngrok.app", "localhost:443"}, {Ngrok, "https://f.ngrok.app", ""}}},
		{name: "cloudflared does not say where it leads", port: 9000, cloudflare: map[string]string{"/quicktunnel": `{"hostname":"x.trycloudflare.com"}`},
			want: []Tunnel{{Cloudflared, "https://x.trycloudflare.com", ""}}},
		{name: "cloudflared without a quick tunnel", port: 9000, cloudflare: map[string]string{"/quicktunnel": `{"hostname":""}`}},
		{name: "what is sure comes first", port: 9000, cloudflare: map[string]string{"/quicktunnel": `{"hostname":"x.trycloudflare.com"}`},
			ngrok: map[string]string{"/api/tunnels": `{"tunnels":[{"public_url":"https://a.ngrok.app","config":{"addr":"localhost:9000"}}]}`},
			want:  []Tunnel{{Ngrok, "https://a.ngrok.app", "localhost:9000"}, {Cloudflared, "https://x.trycloudflare.com", ""}}},
		{name: "something else listens there", port: 9000, ngrok: map[string]string{"/api/tunnels": `<html>`}, err: "understand"},
		{name: "addresses that GitHub cannot send to", port: 9000, ngrok: map[string]string{"/api/tunnels": `{"tunnels":[{"public_url":"https://svc.internal","config":{"addr":"localhost:9000"}},{"public_url":"http://localhost:9000","config":{"addr":"9000"}},{"public_url":"https://10.0.0.7","config":{"addr":"9000"}},{"public_url":"https://A.ngrok.app:443/","config":{"addr":"9000"}}]}`},
			want: []Tunnel{{Ngrok, "https://a.ngrok.app", "localhost:9000"}}},
		{name: "an address that is none", port: 9000, ngrok: map[string]string{"/api/tunnels": `{"tunnels":[{"public_url":"https://a\u001b[2J.ngrok.app","config":{"addr":"localhost:9000"}},{"public_url":"javascript:x","config":{"addr":"9000"}}]}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := Finder{NgrokAPI: []string{closed.URL}, Cloudflared: []string{closed.URL}, command: noProgram}
			if test.ngrok != nil {
				f.NgrokAPI = append(f.NgrokAPI, localAPI(t, test.ngrok))
			}
			if test.cloudflare != nil {
				f.Cloudflared = append(f.Cloudflared, localAPI(t, test.cloudflare))
			}
			have, err := f.Find(t.Context(), test.port)
			if !slices.Equal(have, test.want) {
				t.Errorf("%+v, want %+v", have, test.want)
			}
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

func TestTailscaleStatusIsUnderstood(t *testing.T) {
	for _, test := range []struct {
		name, status string
		want         []Tunnel
		err          bool
	}{
		{name: "null", status: `null`},
		{name: "empty", status: `{}`},
		{name: "nulls", status: `{"Web":null,"AllowFunnel":null,"Foreground":null}`},
		{name: "a funnel", status: `{"Web":{"h.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:9000"}}}},"AllowFunnel":{"h.ts.net:443":true}}`,
			want: []Tunnel{{Tailscale, "https://h.ts.net", "127.0.0.1:9000"}}},
		{name: "within the tailnet only", status: `{"Web":{"h.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:9000"}}}}}`},
		{name: "in the foreground, below a path, on another port", status: `{"Foreground":{"x":{"Web":{"h.ts.net:8443":{"Handlers":{"/hooks":{"Proxy":"http://127.0.0.1:9000"},"/t":{"Text":"hi"}}}},"AllowFunnel":{"h.ts.net:8443":true}}}}`,
			want: []Tunnel{{Tailscale, "https://h.ts.net:8443/hooks", "127.0.0.1:9000"}}},
		{name: "torn", status: `{"Web`, err: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := Finder{command: func(ctx context.Context, _ string, _ ...string) *exec.Cmd {
				cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestStatus$")
				cmd.Env = append(programEnv(t), "HOOKCTL_TUNNEL_STATUS="+test.status)
				return cmd
			}}.withDefaults()
			have, err := f.askTailscale(t.Context())
			if !slices.Equal(have, test.want) || (err != nil && !errors.Is(err, errNoTunnel)) != test.err {
				t.Errorf("%+v %v, want %+v", have, err, test.want)
			}
		})
	}
}

// TestStatus is no test: it is the `tailscale funnel status --json` of TestTailscaleStatusIsUnderstood.
func TestStatus(t *testing.T) {
	status := os.Getenv("HOOKCTL_TUNNEL_STATUS")
	if status == "" {
		t.Skip("it is a program for another test")
	}
	fmt.Print(status)
	os.Exit(0)
}

// fakeNgrok is the API of an agent whose tunnel changes.
type fakeNgrok struct {
	mu  sync.Mutex
	url string
}

func (n *fakeNgrok) set(url string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.url = url
}

func (n *fakeNgrok) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.url == "" {
		fmt.Fprint(w, `{"tunnels":[]}`)
		return
	}
	fmt.Fprintf(w, `{"tunnels":[{"public_url":%q,"config":{"addr":"http://localhost:9000"}}]}`, n.url)
}

// runTunnel runs one in the background and returns its addresses as they come, and how it ended.
func runTunnel(t *testing.T, f Finder, kind string) (urls <-chan string, stop func() error) {
	t.Helper()
	t.TempDir() // so that it goes after the programs that use it have ended
	ctx, cancel := context.WithCancel(t.Context())
	reported := make(chan string, 10)
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, kind, 9000, func(u string) { reported <- u }) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() { cancel(); result = <-done })
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return reported, stop
}

func nextURL(t *testing.T, urls <-chan string, want string) {
	t.Helper()
	select {
	case got := <-urls:
		if got != want {
			t.Fatalf("the tunnel is at %s, want %s", got, want)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("the address %s was not reported", want)
	}
}

func TestRunReportsEveryNewAddress(t *testing.T) {
	ngrok := &fakeNgrok{}
	api := httptest.NewServer(ngrok)
	t.Cleanup(api.Close)
	command, started := programAs(t, "", "stay")
	f := Finder{NgrokAPI: []string{api.URL}, Every: 10 * time.Millisecond, command: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		ngrok.set("https://one.ngrok.app")
		return command(ctx, name, args...)
	}}
	urls, stop := runTunnel(t, f, Ngrok)
	nextURL(t, urls, "https://one.ngrok.app")
	ngrok.set("https://two.ngrok.app")
	nextURL(t, urls, "https://two.ngrok.app")
	if err := stop(); err != nil {
		t.Errorf("a tunnel that was stopped: %v", err)
	}
	if lines := started(); !slices.Equal(lines, []string{"ngrok http 127.0.0.1:9000 --log stdout"}) {
		t.Errorf("started %q", lines)
	}
}

func TestRunStartsAProgramThatEndedAgain(t *testing.T) {
	ngrok := &fakeNgrok{}
	api := httptest.NewServer(ngrok)
	t.Cleanup(api.Close)
	command, started := programAs(t, "", "stay")
	first, kill := context.WithCancel(t.Context())
	defer kill()
	f := Finder{NgrokAPI: []string{api.URL}, Every: 10 * time.Millisecond, command: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		n := len(started()) + 1
		ngrok.set(fmt.Sprintf("https://n%d.ngrok.app", n))
		if n == 1 {
			ctx = first
		}
		return command(ctx, name, args...)
	}}
	urls, _ := runTunnel(t, f, Ngrok)
	nextURL(t, urls, "https://n1.ngrok.app")
	ngrok.set("")
	kill()
	nextURL(t, urls, "https://n2.ngrok.app")
}

func TestRunUsesTheOneThatIsOpen(t *testing.T) {
	ngrok := &fakeNgrok{url: "https://mine.ngrok.app"}
	api := httptest.NewServer(ngrok)
	t.Cleanup(api.Close)
	urls, stop := runTunnel(t, Finder{NgrokAPI: []string{api.URL}, Every: 10 * time.Millisecond, command: noProgram}, Ngrok)
	nextURL(t, urls, "https://mine.ngrok.app")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// cloudflared has a name before it is connected; the address is reported once it is ready.
func TestRunCloudflaredWaitsUntilItIsReady(t *testing.T) {
	command, started := programAs(t, "", "stay")
	var asked atomic.Int64
	f := Finder{Every: 10 * time.Millisecond, command: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		l, err := net.Listen("tcp", args[slices.Index(args, "--metrics")+1])
		if err != nil {
			t.Error(err)
			return noProgram(ctx, name)
		}
		metrics := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/ready" && asked.Add(1) < 3:
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.URL.Path == "/quicktunnel":
				fmt.Fprint(w, `{"hostname":"x.trycloudflare.com"}`)
			}
		})}
		t.Cleanup(func() { _ = metrics.Close() })
		go func() { _ = metrics.Serve(l) }()
		return command(ctx, name, args...)
	}}
	urls, stop := runTunnel(t, f, Cloudflared)
	nextURL(t, urls, "https://x.trycloudflare.com")
	if n := asked.Load(); n < 3 {
		t.Errorf("reported after %d questions", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if lines := started(); len(lines) != 1 || !strings.HasSuffix(lines[0], " --url http://127.0.0.1:9000") {
		t.Errorf("started %q", lines)
	}
}

func TestRunTailscaleFunnel(t *testing.T) {
	command, started := programAs(t, "", "stay")
	f := Finder{Every: 10 * time.Millisecond, Patience: 20 * time.Second, command: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		if !slices.Contains(args, "status") {
			return command(ctx, name, args...)
		}
		status := `{}`
		if len(started()) > 0 {
			status = `{"Foreground":{"x":{"Web":{"h.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:9000"}}}},"AllowFunnel":{"h.ts.net:443":true}}}}`
		}
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestStatus$")
		cmd.Env = append(programEnv(t), "HOOKCTL_TUNNEL_STATUS="+status)
		return cmd
	}}
	urls, _ := runTunnel(t, f, Tailscale)
	nextURL(t, urls, "https://h.ts.net")
	if lines := started(); !slices.Equal(lines, []string{"tailscale funnel 9000"}) {
		t.Errorf("started %q", lines)
	}
}

// Where somebody else's tunnel ends, one of our own takes its place.
func TestRunReplacesTheOneThatWasOpen(t *testing.T) {
	ngrok := &fakeNgrok{url: "https://theirs.ngrok.app"}
	api := httptest.NewServer(ngrok)
	t.Cleanup(api.Close)
	command, _ := programAs(t, "", "stay")
	f := Finder{NgrokAPI: []string{api.URL}, Every: 10 * time.Millisecond, command: func(ctx context.Context, name string, args ...string) *exec.Cmd {
		ngrok.set("https://ours.ngrok.app")
		return command(ctx, name, args...)
	}}
	urls, _ := runTunnel(t, f, Ngrok)
	nextURL(t, urls, "https://theirs.ngrok.app")
	ngrok.set("")
	nextURL(t, urls, "https://ours.ngrok.app")
}

func TestRunSaysWhyNot(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	exiting, _ := programAs(t, "ERR_NGROK_4018: sign in\x1b[2J first", "exit")
	staying, _ := programAs(t, "", "stay")
	for _, test := range []struct {
		name, kind string
		f          Finder
		says, cure string
	}{
		{"missing", Ngrok, Finder{command: noProgram}, "is not installed", "ngrok.com"},
		{"refuses", Ngrok, Finder{command: exiting}, "ERR_NGROK_4018: sign in first", "run it by hand"},
		{"too slow", Cloudflared, Finder{command: staying, Patience: 30 * time.Millisecond}, "opened no tunnel within 30ms", "cloudflared tunnel --no-autoupdate"},
		{"unknown", "smee", Finder{}, `unknown kind of tunnel "smee"`, "ngrok, cloudflared, tailscale"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.f.NgrokAPI, test.f.Cloudflared, test.f.Every = []string{closed.URL}, []string{closed.URL}, 10*time.Millisecond
			err := test.f.Run(t.Context(), test.kind, 9000, func(u string) { t.Errorf("reported %s", u) })
			var e *hooks.Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), test.says) || !strings.Contains(e.Cure, test.cure) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestProgramsGetNoSecrets(t *testing.T) {
	have := withoutSecrets([]string{"PATH=/bin", "GITHUB_WEBHOOK_SECRET=x", "GITHUB_WEBHOOK_SECRET_4711=x", "GH_TOKEN=x", "GITHUB_TOKEN=x", "GH_ENTERPRISE_TOKEN=x", "NGROK_AUTHTOKEN=y", "GH_HOST=h"})
	if want := []string{"PATH=/bin", "NGROK_AUTHTOKEN=y", "GH_HOST=h"}; !slices.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
}

// Only what a killed receiver started for this port is ended: not a tunnel of somebody who is still there, to another port, or
// with other arguments.
func TestProgramsLeftBehindAreFound(t *testing.T) {
	args := []string{"tunnel", "--no-autoupdate", "--metrics", "127.0.0.1:2000", "--url", "http://127.0.0.1:9000"}
	list := `    1     0 /sbin/launchd
  101     1 /opt/homebrew/bin/cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:51234 --url http://127.0.0.1:9000
  102   900 cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:51235 --url http://127.0.0.1:9000
  103     1 cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:51236 --url http://127.0.0.1:9001
  104     1 cloudflared tunnel run mine
  105     1 notcloudflared tunnel --no-autoupdate --metrics 127.0.0.1:51234 --url http://127.0.0.1:9000
  106     1 cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:51237 --url http://127.0.0.1:9000
  107     1 ngrok http 127.0.0.1:9000 --log stdout
`
	if got := leftOver(list, Cloudflared, args); !slices.Equal(got, []int{101, 106}) {
		t.Errorf("cloudflared: %v", got)
	}
	if got := leftOver(list, Ngrok, []string{"http", "127.0.0.1:9000", "--log", "stdout"}); !slices.Equal(got, []int{107}) {
		t.Errorf("ngrok: %v", got)
	}
}

func TestKindOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://x.ngrok-free.app/webhook": Ngrok, "https://a-b.trycloudflare.com": Cloudflared,
		"https://box.tail1234.ts.net": Tailscale, "https://ngrok.app.example.com": "", "https://evilts.net": "", "": "",
	} {
		if got := KindOf(address); got != want {
			t.Errorf("KindOf(%q) = %q, want %q", address, got, want)
		}
	}
}
