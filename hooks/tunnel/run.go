package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"

	"github.com/cenkalti/backoff/v5"
)

// program is how one kind of tunnel is run and asked.
type program struct {
	args []string
	ask  func(context.Context) ([]Tunnel, error)
	cure string // for a program that is missing
}

// Run opens a tunnel of a kind to a port of this machine and keeps it open until ctx ends, which is not an error. It calls
// onURL with the public address as soon as the tunnel is up, and again whenever it has changed. A tunnel of that kind to
// that port that is there already is used and watched instead of a second one. A program that ends is started again; one
// that never opened its tunnel is an error with its last words.
func (f Finder) Run(ctx context.Context, kind string, port int, onURL func(string)) error {
	f = f.withDefaults()
	w := &watch{Finder: f, kind: kind, port: port, onURL: onURL}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = f.Every, time.Minute
	for {
		program, err := f.program(ctx, kind, port)
		if err != nil {
			return err
		}
		w.program = program
		opened, err := w.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if w.last == "" {
			return err
		}
		if opened {
			pause.Reset()
		}
		wait := pause.NextBackOff()
		f.Logger.Warn("the tunnel ended and is opened again", "kind", kind, "in", wait.Round(time.Millisecond), "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

func (f Finder) program(ctx context.Context, kind string, port int) (program, error) {
	local := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	switch kind {
	case Ngrok:
		return program{args: []string{"http", local, "--log", "stdout"}, ask: f.askAllNgrok, cure: "install it from https://ngrok.com/download, then run: ngrok config add-authtoken TOKEN"}, nil
	case Cloudflared:
		metrics, err := freeAddress(ctx)
		if err != nil {
			return program{}, err
		}
		return program{args: []string{"tunnel", "--no-autoupdate", "--metrics", metrics, "--url", "http://" + local},
			ask:  func(ctx context.Context) ([]Tunnel, error) { return askReadyCloudflared(ctx, "http://"+metrics, local) },
			cure: "install it from https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads"}, nil
	case Tailscale:
		return program{args: []string{"funnel", strconv.Itoa(port)}, ask: f.askTailscale, cure: "install it from https://tailscale.com/download, then run: tailscale up"}, nil
	}
	return program{}, &hooks.Error{Op: "run tunnel", Message: fmt.Sprintf("unknown kind of tunnel %q", text.Clean(kind)), Cure: "use one of " + strings.Join(kinds(), ", ")}
}

func (f Finder) askAllNgrok(ctx context.Context) ([]Tunnel, error) {
	var list []Tunnel
	var errs []error
	for _, base := range f.NgrokAPI {
		found, err := askNgrok(ctx, base)
		list = append(list, found...)
		if !errors.Is(err, errNoTunnel) {
			errs = append(errs, err)
		}
	}
	return list, errors.Join(errs...)
}

// askReadyCloudflared asks the cloudflared that was started here, so that what it leads to is known. It has its name
// before it is connected.
func askReadyCloudflared(ctx context.Context, base, target string) ([]Tunnel, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/ready", nil)
	if err != nil {
		return nil, fmt.Errorf("ask cloudflared: %w", err)
	}
	res, err := localClient.Do(req)
	if err != nil {
		return nil, errNoTunnel
	}
	_ = res.Body.Close() // the status says everything
	if res.StatusCode == http.StatusServiceUnavailable {
		return nil, errNoTunnel
	}
	list, err := askCloudflared(ctx, base)
	for i := range list {
		list[i].Target = target
	}
	return list, err
}

// freeAddress finds a port that is free at this moment.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port for the tunnel's metrics: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// watch follows one tunnel through every program that opens it.
type watch struct {
	Finder
	program
	kind  string
	port  int
	onURL func(string)
	last  string // the address reported last
}

// once follows the tunnel that is there, or runs the program that opens one, until it ends.
func (w *watch) once(ctx context.Context) (opened bool, err error) {
	w.endLeftOver(ctx)
	if w.look(ctx) {
		return true, w.follow(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var words lastWords
	cmd := w.command(ctx, w.kind, w.args...)
	cmd.Stdout, cmd.Stderr = &words, &words
	cmd.Env = withoutSecrets(cmd.Environ())
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil { // Windows has no such signal
			return cmd.Process.Kill()
		}
		return nil
	}
	exited := make(chan error, 1)
	if err := startWithUs(cmd, exited); err != nil {
		e := &hooks.Error{Op: "run " + w.kind, Message: err.Error(), Err: err}
		if errors.Is(err, exec.ErrNotFound) {
			e.Message, e.Cure = "the program "+w.kind+" is not installed", w.cure
		}
		return false, e
	}
	w.Logger.Info("opening a tunnel", "kind", w.kind, "pid", cmd.Process.Pid)
	opened, ended, problem := w.await(ctx, exited)
	cancel()
	if !ended {
		w.Logger.Debug("stopped the tunnel's program", "kind", w.kind, "result", <-exited)
	}
	e := &hooks.Error{Op: "run " + w.kind, Message: problem.Error(), Cure: "run it by hand to see more: " + w.kind + " " + strings.Join(w.args, " "), Err: problem}
	if said := words.String(); said != "" {
		e.Message += ": " + said
	}
	return opened, e
}

// startWithUs starts a program that ends when this process does, and sends to exited how it ended.
func startWithUs(cmd *exec.Cmd, exited chan<- error) error {
	started := make(chan error, 1)
	go func() {
		defer endWithUs(cmd)()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		release, err := bindToUs(cmd)
		if err != nil { // It runs, and ends with ctx.
			release = func() {}
		}
		defer release()
		started <- nil
		exited <- cmd.Wait()
	}()
	return <-started
}

// await looks at a running program until it has ended, until ctx ends, or until it has taken too long to open its tunnel.
func (w *watch) await(ctx context.Context, exited <-chan error) (opened, ended bool, problem error) {
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	first := time.NewTicker(max(w.Every/10, time.Millisecond)) // until it is open, every moment counts
	defer first.Stop()
	patience := time.NewTimer(w.Patience)
	defer patience.Stop()
	for {
		select {
		case err := <-exited:
			if err == nil {
				err = errors.New("it ended by itself")
			}
			return opened, true, err
		case <-patience.C:
			if !opened {
				return false, false, fmt.Errorf("it opened no tunnel within %s", w.Patience)
			}
		case <-first.C:
			if w.look(ctx) {
				opened = true
				first.Stop()
			}
		case <-tick.C:
			w.look(ctx)
		case <-ctx.Done():
			return opened, false, ctx.Err()
		}
	}
}

// follow watches a tunnel that another program keeps open, until it is gone for good or ctx ends.
func (w *watch) follow(ctx context.Context) error {
	w.Logger.Info("using the tunnel that is open already", "kind", w.kind, "url", w.last)
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for missed := 0; missed < 3; {
		select {
		case <-tick.C:
			if missed++; w.look(ctx) {
				missed = 0
			}
		case <-ctx.Done():
			return nil
		}
	}
	return errors.New("the tunnel is gone")
}

// look asks for the tunnel and reports its address where that is new.
func (w *watch) look(ctx context.Context) (open bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	list, err := w.ask(ctx)
	if err != nil && !errors.Is(err, errNoTunnel) && ctx.Err() == nil {
		w.Logger.Debug("look for the tunnel", "kind", w.kind, "error", err)
	}
	list = slices.DeleteFunc(choose(list, w.port), func(t Tunnel) bool { return t.Target == "" })
	if len(list) == 0 {
		return false
	}
	// Several may lead here; the one that was reported stays the one.
	if slices.ContainsFunc(list, func(t Tunnel) bool { return t.URL == w.last }) {
		return true
	}
	w.last = list[0].URL
	w.onURL(w.last)
	return true
}

// withoutSecrets leaves out of an environment what another program has no business with.
func withoutSecrets(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		name = strings.ToUpper(name)
		return strings.HasPrefix(name, "GITHUB_WEBHOOK_SECRET") || strings.HasPrefix(name, "GH_") && strings.HasSuffix(name, "TOKEN") ||
			strings.HasPrefix(name, "GITHUB_") && strings.HasSuffix(name, "TOKEN")
	})
}

// lastWords keeps the end of what a program says, for an error.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > 4096 {
		l.text = slices.Clone(l.text[len(l.text)-2048:])
	}
	return len(p), nil
}

// String is the last lines, clean, on one line. ngrok repeats a token that it refuses, so that line is left out.
func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(l.text)), "\n")
	lines = slices.DeleteFunc(lines, func(s string) bool { return strings.Contains(strings.ToLower(s), "authtoken:") })
	return strings.Join(strings.Fields(text.Clean(strings.Join(lines[max(0, len(lines)-3):], " "))), " ")
}
