package hooks

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cli/go-gh/v2/pkg/auth"

	"hookctl/logs/text"
)

// The kinds of tunnel that hookctl knows. smee.io is not among them: it rewrites the body, so that signatures fail.
const (
	Ngrok       = "ngrok"
	Cloudflared = "cloudflared"
	Tailscale   = "tailscale"
)

// tunnelKinds are the kinds that [Tunnels.Run] can run.
func tunnelKinds() []string { return []string{Ngrok, Cloudflared, Tailscale} }

// Tunnel is a public address that leads to this machine.
type Tunnel struct {
	Kind string `json:"kind"`
	URL  string `json:"url"` // https where there is a choice, without a slash at its end
	// Target is the local address that it leads to, as "127.0.0.1:9000"; "" where the tunnel does not say.
	Target string `json:"target"`
}

// leadsTo reports whether the tunnel ends at a port: surely, or for all that is known.
func (t Tunnel) leadsTo(port int) (leads, surely bool) {
	if t.Target == "" {
		return true, false
	}
	_, have, err := net.SplitHostPort(t.Target)
	leads = err == nil && (port == 0 || have == strconv.Itoa(port))
	return leads, leads
}

// TunnelPrograms are the kinds whose programs are on this machine.
func TunnelPrograms() (kinds []string) {
	for _, kind := range tunnelKinds() {
		if _, err := exec.LookPath(kind); err == nil {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Offer is a way for deliveries to get here: an address to choose for hooks, a tunnel that could be run for one, or GitHub's
// relay. Its text is clean.
type Offer struct {
	URL   string // complete; "" for a tunnel that does not run yet, and for the relay
	From  string // where the address comes from
	Run   string // the kind of tunnel to run
	Relay bool   // GitHub's relay, see [Relay]
}

// Words say what is offered, and what there is to know about it.
func (o Offer) Words() (what, about string) {
	switch {
	case o.Run != "":
		return "let the receiver run " + o.Run, "it gets a public address"
	case o.Relay:
		return "GitHub's relay, without a URL", "only while hookctl is open"
	}
	return o.URL, o.From
}

// AboutTunnels is what there is to know where no tunnel runs and no program for one is found.
const AboutTunnels = "Once a tunnel program is installed, hookctl can run it for you: cloudflared needs no account (https://github.com/cloudflare/cloudflared), ngrok and tailscale do."

// Offers are what can be chosen: open tunnels that the GitHub of a host can send to, the address of the settings, the
// kinds that could be run and are not open, and the relay where it is wanted and that GitHub has one.
func Offers(open []Tunnel, kinds []string, host, settings string, relay bool) (list []Offer) {
	add := func(address, from string) {
		address, err := HookURL(text.Clean(address), "")
		if err == nil && !slices.ContainsFunc(list, func(o Offer) bool { return SameURL(o.URL, address) }) {
			list = append(list, Offer{URL: address, From: text.Clean(from)})
		}
	}
	for _, t := range open {
		if _, err := CheckPublic(text.Clean(t.URL), host); err != nil {
			continue
		}
		add(t.URL, strings.TrimSuffix(t.Kind+", leads to "+t.Target, ", leads to "))
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return kind == t.Kind })
	}
	if settings != "" {
		add(settings, "from the settings")
	}
	for _, kind := range kinds {
		list = append(list, Offer{Run: kind})
	}
	if relay && (host == "" || !auth.IsEnterprise(host)) {
		list = append(list, Offer{Relay: true})
	}
	return list
}

// Tunnels finds and runs tunnels through their own programs and local APIs. The zero value asks where they listen by
// default.
type Tunnels struct {
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
func (f Tunnels) Find(ctx context.Context, port int) ([]Tunnel, error) {
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
		leads, surely := t.leadsTo(port)
		if !leads || seen[t.URL] {
			continue
		}
		seen[t.URL] = true
		if surely {
			sure = append(sure, t)
		} else {
			unsure = append(unsure, t)
		}
	}
	return append(sure, unsure...)
}

func (f Tunnels) withDefaults() Tunnels {
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
