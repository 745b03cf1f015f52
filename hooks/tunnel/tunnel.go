// Package tunnel finds and runs the tunnels that lead GitHub's deliveries to this machine: ngrok, cloudflared and Tailscale's
// funnels.
//
// [Finder.Find] asks the programs that are running here which public addresses they have, through their own local APIs.
// [Finder.Run] keeps one open: it uses the tunnel that is there, or starts the program, watches it, starts it again when it
// ends, and reports each new address. [Offers] puts what was found beside what else could be had, for a person to choose.
package tunnel

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The kinds of tunnel that hookctl knows. smee.io is not among them: it rewrites the body, so that signatures fail.
const (
	Ngrok       = "ngrok"
	Cloudflared = "cloudflared"
	Tailscale   = "tailscale"
)

// kinds are the kinds that [Finder.Run] can run.
func kinds() []string { return []string{Ngrok, Cloudflared, Tailscale} }

// Tunnel is a public address that leads to this machine.
type Tunnel struct {
	Kind string `json:"kind"`
	URL  string `json:"url"` // https where there is a choice, without a slash at its end
	// Target is the local address that it leads to, as "127.0.0.1:9000"; "" where the tunnel does not say.
	Target string `json:"target"`
}

// LeadsTo reports whether the tunnel ends at a port, for all that is known: one that does not say where it leads to may. Port
// 0 is any port.
func (t Tunnel) LeadsTo(port int) bool {
	_, have, err := net.SplitHostPort(t.Target)
	return t.Target == "" || err == nil && (port == 0 || have == strconv.Itoa(port))
}

// KindOf is the kind of tunnel that has addresses of this domain; "" for another address.
func KindOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name := "." + strings.ToLower(u.Hostname())
	for kind, domains := range map[string][]string{
		Ngrok:       {".ngrok-free.app", ".ngrok-free.dev", ".ngrok.app", ".ngrok.dev", ".ngrok.io"},
		Cloudflared: {".trycloudflare.com"},
		Tailscale:   {".ts.net"},
	} {
		for _, domain := range domains {
			if strings.HasSuffix(name, domain) {
				return kind
			}
		}
	}
	return ""
}

// Programs are the kinds whose programs are on this machine.
func Programs() (installed []string) {
	for _, kind := range kinds() {
		if _, err := exec.LookPath(kind); err == nil {
			installed = append(installed, kind)
		}
	}
	return installed
}

// Finder finds and runs tunnels through their own programs and local APIs. The zero value asks where they listen by
// default.
type Finder struct {
	NgrokAPI    []string      // base addresses; default http://127.0.0.1:4040 to 4043, because a second agent takes the next
	Cloudflared []string      // base addresses of metrics; default http://127.0.0.1:20241 to 20245
	Every       time.Duration // how often a running tunnel is looked at; default 2 s
	Patience    time.Duration // how long a program may take to open its tunnel; default 30 s
	Logger      *slog.Logger  // nil for none

	// command creates the programs; nil is exec.CommandContext.
	command func(ctx context.Context, name string, args ...string) *exec.Cmd
}

// probeTime bounds the question to one local API: they answer at once or are not there.
const probeTime = 2 * time.Second

// errNoTunnel is the answer of a kind of tunnel that is not running here.
var errNoTunnel = errors.New("no tunnel")

// Find looks for tunnels that lead to a port of this machine, those that surely do first. Port 0 is any port. A missing program is not
// an error; one that answers what is not understood is, and what the others said is returned anyway.
func (f Finder) Find(ctx context.Context, port int) ([]Tunnel, error) {
	f = f.withDefaults()
	var probes []func(context.Context) ([]Tunnel, error)
	for _, base := range f.NgrokAPI {
		probes = append(probes, func(ctx context.Context) ([]Tunnel, error) { return askNgrok(ctx, base) })
	}
	for _, base := range f.Cloudflared {
		probes = append(probes, func(ctx context.Context) ([]Tunnel, error) { return askCloudflared(ctx, base) })
	}
	probes = append(probes, f.askTailscale)

	answers, errs := make([][]Tunnel, len(probes)), make([]error, len(probes))
	var wg sync.WaitGroup
	for i, probe := range probes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, probeTime)
			defer cancel()
			answers[i], errs[i] = probe(ctx)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, err := range errs {
		if errors.Is(err, errNoTunnel) {
			errs[i] = nil
		}
	}
	return choose(slices.Concat(answers...), port), errors.Join(errs...)
}

// choose keeps the tunnels that may lead to a port, the surest first. A tunnel that is there with and without TLS is
// taken with it.
func choose(all []Tunnel, port int) []Tunnel {
	var sure, unsure []Tunnel
	seen := map[string]bool{}
	for _, t := range all {
		if rest, plain := strings.CutPrefix(t.URL, "http:"); plain && slices.ContainsFunc(all, func(o Tunnel) bool { return o.URL == "https:"+rest }) {
			continue
		}
		if !t.LeadsTo(port) || seen[t.URL] {
			continue
		}
		seen[t.URL] = true
		if t.Target != "" {
			sure = append(sure, t)
		} else {
			unsure = append(unsure, t)
		}
	}
	return append(sure, unsure...)
}

func (f Finder) withDefaults() Finder {
	if f.NgrokAPI == nil {
		f.NgrokAPI = localAddresses(4040, 4043)
	}
	if f.Cloudflared == nil {
		f.Cloudflared = localAddresses(20241, 20245)
	}
	f.Every = cmp.Or(f.Every, 2*time.Second)
	f.Patience = cmp.Or(f.Patience, 30*time.Second)
	f.Logger = cmp.Or(f.Logger, slog.New(slog.DiscardHandler))
	if f.command == nil {
		f.command = exec.CommandContext
	}
	return f
}

func localAddresses(from, to int) []string {
	var list []string
	for port := from; port <= to; port++ {
		list = append(list, "http://127.0.0.1:"+strconv.Itoa(port))
	}
	return list
}
