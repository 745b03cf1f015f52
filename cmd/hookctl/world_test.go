package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// world is what surrounds the program in a story: its home, a simulated GitHub and a simulated AI Maestro.
type world struct {
	home    string
	port    int
	github  *githubtest.Server
	maestro *githubtest.Maestro
	screen  *screen
	traffic *pushTraffic
}

// newWorld finds a port and makes a home that is named after it, so that no other world takes the same.
func newWorld() (*world, error) {
	for {
		port, err := freePort(context.Background())
		if err != nil {
			return nil, err
		}
		home := filepath.Join(os.TempDir(), "hc"+strconv.Itoa(port)) // not in the work directory: a socket's path must be short
		if err := os.Mkdir(home, 0o700); !errors.Is(err, fs.ErrExist) {
			return &world{home: home, port: port}, err
		}
	}
}

// environ names the home and the port to the program, and nothing of the user's own.
func (w *world) environ(dir string) []string {
	env := []string{
		"HOME=" + dir, "HOOKCTL_HOME=" + w.home, "WEBHOOK_PORT=" + strconv.Itoa(w.port), "GH_CONFIG_DIR=" + filepath.Join(dir, "no-gh"),
		"TERM=xterm-256color", "TZ=UTC",
	}
	for _, name := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GITHUB_WEBHOOK_SECRET", "LOG_DIR", "WATCHED_BRANCHES", "AIMAESTRO_API", "AIMAESTRO_AGENT"} {
		env = append(env, name+"=")
	}
	return env
}

// startGitHub starts the simulated GitHub, which reaches the receiver at every address below hooks.example.com, and returns the
// environment that leads to it. An organization is a name without a slash.
func (w *world) startGitHub(names ...string) ([]string, error) {
	local := fmt.Sprintf("http://127.0.0.1:%d", w.port)
	w.github = githubtest.New(githubtest.Options{Resolve: func(public string) string {
		u, err := url.Parse(public)
		if err != nil || !strings.HasSuffix(u.Host, "hooks.example.com") {
			return ""
		}
		return local + u.Path
	}})
	for _, name := range names {
		if strings.Contains(name, "/") {
			w.github.AddRepository(name, githubtest.Repository{})
		} else {
			w.github.AddOrg(name)
		}
	}
	dir := filepath.Join(w.home, "gh")
	if err := errors.Join(w.github.Start(filepath.Join(w.home, "gh.sock")), w.github.WriteGHConfig(dir)); err != nil {
		return nil, err
	}
	return w.github.Environ(dir), nil
}

// startMaestro starts the simulated AI Maestro with the default agent, and returns the environment that leads to it.
func (w *world) startMaestro() (string, error) {
	w.maestro = githubtest.NewMaestro(demoAgent)
	base, err := w.maestro.Start("127.0.0.1:0")
	return "AIMAESTRO_API=" + base, err
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// close ends all of it, the receiver too, and takes the home away.
func (w *world) close() error {
	if w.traffic != nil {
		w.traffic.stop()
		w.traffic.senders.Wait()
	}
	if w.screen != nil {
		w.screen.close()
	}
	if w.github != nil {
		w.github.Close()
	}
	if w.maestro != nil {
		w.maestro.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	if err := daemon.Stop(ctx, daemon.Config{Home: w.home}); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
		return fmt.Errorf("stop the story's receiver: %w", err)
	}
	return os.RemoveAll(w.home)
}

func hasGH() bool {
	_, err := exec.LookPath("gh")
	return err == nil
}

// cmdGitHub starts the simulated GitHub or changes it:
//
//	github start owner/repo…   repositories of the logged-in user; an organization is a name without a slash
//	github topics owner/repo topic…
//	github scopes [scope…]     the token's scopes
//	github sso owner/repo URL  it demands single sign-on there
//	github rename FROM TO      the repository has another name, or owner
//	github remove owner/repo   the repository is gone
//	github logout              no token any more
//	github requests PATTERN    prints the calls that match
func cmdGitHub(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: github start|scopes|logout|requests …")
	}
	switch args[0] {
	case "start":
		pairs, err := w.startGitHub(args[1:]...)
		ts.Check(err)
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			ts.Setenv(name, value)
		}
	case "topics":
		w.github.AddRepository(args[1], githubtest.Repository{Topics: args[2:]})
	case "scopes":
		w.github.SetScopes(args[1:]...)
	case "sso":
		w.github.SetSSO(args[1], args[2])
	case "rename":
		w.github.Rename(args[1], args[2])
	case "remove":
		w.github.Remove(args[1])
	case "logout":
		ts.Setenv("GH_TOKEN", "")
	case "requests":
		pattern := regexp.MustCompile(args[1])
		for _, r := range w.github.Requests() {
			if line := r.Method + " " + r.Path; pattern.MatchString(line) {
				fmt.Fprintln(ts.Stdout(), line)
			}
		}
	default:
		ts.Fatalf("github: unknown %q", args[0])
	}
}

// cmdDeliver has GitHub send a sample, n times at once, and fails where one is refused (or, negated, accepted):
//
//	deliver owner/repo sample [n]
func cmdDeliver(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	n := 1
	if len(args) == 3 {
		var err error
		n, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	payload := githubtest.SampleFor(args[1], args[0])
	type outcome struct {
		results []githubtest.Delivery
		err     error
	}
	done := make(chan outcome)
	for range n {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
			defer cancel()
			results, err := w.github.Deliver(ctx, args[0], githubtest.SampleEvent(args[1]), payload)
			done <- outcome{results, err}
		}()
	}
	sent := 0
	for range n {
		o := <-done
		ts.Check(o.err)
		for _, r := range o.results {
			sent++
			if r.OK() == neg {
				ts.Fatalf("deliver %s: hook %d: %d %s %s", args[1], r.HookID, r.StatusCode, r.Status, r.Response)
			}
			fmt.Fprintf(ts.Stdout(), "%d %s\n", r.StatusCode, r.Response)
		}
	}
	if sent == 0 {
		ts.Fatalf("deliver %s: no hook of %s wants it", args[1], args[0])
	}
}

// cmdHooks prints the hooks that GitHub really has, with a fingerprint in the secret's place:
//
//	hooks owner/repo
func cmdHooks(ts *testscript.TestScript, neg bool, args []string) {
	for _, h := range worldOf(ts).github.Hooks(args[0]) {
		fmt.Fprintf(ts.Stdout(), "%d %s %s secret=%s active=%t\n", h.ID, h.URL, strings.Join(h.Events, ","), secret.Fingerprint(h.Secret), h.Active)
	}
}

// cmdMaestro runs the simulated AI Maestro:
//
//	maestro start              with the default agent; the program learns of it through AIMAESTRO_API
//	maestro up|down|fails|hangs
//	maestro await N            waits for N messages and prints them
func cmdMaestro(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	modes := map[string]githubtest.MaestroMode{
		"up": githubtest.MaestroUp, "down": githubtest.MaestroDown, "fails": githubtest.MaestroFails, "hangs": githubtest.MaestroHangs,
	}
	switch mode, known := modes[args[0]]; {
	case known:
		w.maestro.SetMode(mode)
	case args[0] == "start":
		pair, err := w.startMaestro()
		ts.Check(err)
		name, value, _ := strings.Cut(pair, "=")
		ts.Setenv(name, value)
	case args[0] == "await":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
		defer cancel()
		ts.Check(await(ctx, "wait for messages", func() (bool, error) { return len(w.maestro.Messages()) >= n, nil }))
		for _, m := range w.maestro.Messages() {
			fmt.Fprintf(ts.Stdout(), "%s %s %q\n%s\n", m.Content.Context["notification_type"], m.Priority, m.Subject, m.Content.Message)
		}
	default:
		ts.Fatalf("maestro: unknown %q", args[0])
	}
}

// cmdAwait runs a command until its output matches, and fails when that takes too long:
//
//	await PATTERN command…
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(storyPatience)
	for {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir = ts.Getenv("WORK")
		cmd.Env = storyEnviron(ts)
		cmd.Path = lookPath(ts, args[1])
		out, err := cmd.CombinedOutput()
		if pattern.Match(out) != neg {
			_, err := ts.Stdout().Write(out)
			ts.Check(err)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never matched; last: %v\n%s", args[0], err, out)
		}
		<-tick.C
	}
}

// lookPath finds a program on the story's own PATH.
func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); isExecutable(path) {
			return path
		}
	}
	return name
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// storyEnviron is the environment that the story's own commands get.
func storyEnviron(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"HOME", "PATH", "WORK", "TMPDIR", "TERM", "TZ", "HOOKCTL_HOME", "WEBHOOK_PORT", "GH_CONFIG_DIR", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GH_REPO",
		"GH_PROMPT_DISABLED", "GH_NO_UPDATE_NOTIFIER", "AIMAESTRO_API", "AIMAESTRO_AGENT", "LOG_DIR", "WATCHED_BRANCHES", "GITHUB_WEBHOOK_SECRET", "GOCOVERDIR", "EDITOR", "VISUAL",
	} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// cmdCount checks how many record files the log has:
//
//	count N [PATTERN]
func cmdCount(ts *testscript.TestScript, neg bool, args []string) {
	pattern := "*.json"
	if len(args) > 1 {
		pattern = args[1]
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	deadline := time.Now().Add(storyPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(worldOf(ts).home, "webhook_logs", pattern))
		ts.Check(err)
		n := 0
		for _, file := range files {
			if filepath.Base(file) != "latest.json" {
				n++
			}
		}
		if n == want {
			return
		}
		if n > want || time.Now().After(deadline) {
			ts.Fatalf("%d files match %s, not %d", n, pattern, want)
		}
		<-tick.C // Files are written behind the answer, which waits for the spool alone.
	}
}

// cmdEdit replaces text in a file of the story:
//
//	edit FILE OLD NEW
func cmdEdit(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// cmdExits runs a command that must end with an exit code:
//
//	exits CODE command…
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

// cmdKillPID kills the process whose number is in a file, as the kernel would that is out of memory:
//
//	killpid FILE
func cmdKillPID(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	process, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(process.Kill())
}

// cmdJQ filters JSON as --jq does, for stories that look at the same JSON twice:
//
//	jq FILE EXPRESSION
func cmdJQ(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(runJQ(ts.Stdout(), args[1], []byte(ts.ReadFile(args[0]))))
}

// cmdInterrupt sends the background command what ctrl+c sends, or a terminal that is closed:
//
//	interrupt NAME [hangup]
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		if len(args) > 1 {
			ts.Check(cmd.Process.Signal(syscall.SIGHUP))
			continue
		}
		ts.Check(cmd.Process.Signal(os.Interrupt))
	}
}

// cmdStirring sends samples through the receiver until no background command runs any more: what one of them waits for
// comes, whenever it began to look.
func cmdStirring(ts *testscript.TestScript, neg bool, args []string) {
	sample := filepath.Join(ts.Getenv("WORK"), "stir.json")
	ts.Check(os.WriteFile(sample, []byte(`{"stir":1}`), 0o600))
	deadline := time.Now().Add(storyPatience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for running(ts.BackgroundCmds()) {
		if time.Now().After(deadline) {
			ts.Fatalf("the background command goes on")
		}
		ts.Check(ts.Exec("hookctl", "test", sample, "--event", "release"))
		<-tick.C
	}
}

func running(commands []*exec.Cmd) bool {
	for _, cmd := range commands {
		if cmd.Process.Signal(syscall.Signal(0)) == nil {
			return true
		}
	}
	return false
}

// cmdGet prints what a URL answers:
//
//	get URL
func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	res, err := http.Get(args[0])
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s", res.Status, body)
}
