package tunnel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// askLocal gets JSON from a program on this machine. What does not answer, or has no such path, is another program.
func askLocal(ctx context.Context, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	req.Header.Set("Accept", "application/json") // old ngrok agents answer XML otherwise
	res, err := localClient.Do(req)
	if err != nil {
		return errNoTunnel
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return errNoTunnel
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("understand %s: %w", address, err)
	}
	return nil
}

// localClient asks programs on this machine, so through no proxy.
var localClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// askNgrok asks the agent for its tunnels, and where it is a newer one for its endpoints.
func askNgrok(ctx context.Context, base string) ([]Tunnel, error) {
	var old struct {
		Tunnels []struct {
			PublicURL string `json:"public_url"`
			Config    struct {
				Addr string `json:"addr"`
			} `json:"config"`
		} `json:"tunnels"`
	}
	err := askLocal(ctx, base+"/api/tunnels", &old)
	if err != nil && !errors.Is(err, errNoTunnel) {
		return nil, err
	}
	var list []Tunnel
	for _, t := range old.Tunnels {
		list = add(list, Ngrok, t.PublicURL, t.Config.Addr)
	}
	if len(list) > 0 {
		return list, nil
	}
	var newer struct {
		Endpoints []struct {
			URL      string `json:"url"`
			Upstream struct {
				URL string `json:"url"`
			} `json:"upstream"`
		} `json:"endpoints"`
	}
	if err := askLocal(ctx, base+"/api/endpoints", &newer); err != nil {
		return nil, err
	}
	for _, e := range newer.Endpoints {
		list = add(list, Ngrok, e.URL, e.Upstream.URL)
	}
	return list, nil
}

// askCloudflared asks a quick tunnel for its name. What it leads to it does not say. A tunnel with a configuration of
// its own has no name here.
func askCloudflared(ctx context.Context, base string) ([]Tunnel, error) {
	var quick struct {
		Hostname string `json:"hostname"`
	}
	if err := askLocal(ctx, base+"/quicktunnel", &quick); err != nil {
		return nil, err
	}
	if quick.Hostname == "" {
		return nil, errNoTunnel
	}
	return add(nil, Cloudflared, "https://"+quick.Hostname, ""), nil
}

// funnels is what `tailscale funnel status --json` prints.
type funnels struct {
	Web map[string]struct {
		Handlers map[string]struct{ Proxy string }
	}
	AllowFunnel map[string]bool
	Foreground  map[string]funnels
}

func (f Finder) askTailscale(ctx context.Context) ([]Tunnel, error) {
	cmd := f.command(ctx, Tailscale, "funnel", "status", "--json")
	cmd.WaitDelay = time.Second
	cmd.Env = withoutSecrets(cmd.Environ())
	out, err := cmd.Output()
	if err != nil {
		return nil, errNoTunnel // not installed, not logged in, or not running
	}
	var status *funnels
	if err := json.Unmarshal(out, &status); err != nil {
		return nil, fmt.Errorf("understand tailscale funnel status: %w", err)
	}
	if status == nil {
		return nil, errNoTunnel
	}
	return status.tunnels(), nil
}

func (s *funnels) tunnels() []Tunnel {
	var list []Tunnel
	for host, web := range s.Web {
		if !s.AllowFunnel[host] {
			continue // served within the tailnet only
		}
		for path, handler := range web.Handlers {
			if handler.Proxy != "" {
				list = add(list, Tailscale, "https://"+strings.TrimSuffix(host, ":443")+strings.TrimSuffix(path, "/"), handler.Proxy)
			}
		}
	}
	for _, foreground := range s.Foreground {
		list = append(list, foreground.tunnels()...)
	}
	slices.SortFunc(list, func(a, b Tunnel) int { return strings.Compare(a.URL, b.URL) })
	return list
}

// add adds a tunnel whose address is one that GitHub can send to: ngrok also has internal ones, for itself alone.
func add(list []Tunnel, kind, public, target string) []Tunnel {
	if _, err := hooks.CheckPublic(public, ""); err != nil || text.Clean(public) != public {
		return list
	}
	return append(list, Tunnel{Kind: kind, URL: hooks.BaseURL(public), Target: localTarget(target)})
}

// localTarget returns host:port for the ways in which tunnels write where they lead to.
func localTarget(s string) string {
	if s == "" {
		return ""
	}
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		return "localhost:" + s
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return "" // a file or something else without a port
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	target := net.JoinHostPort(u.Hostname(), port)
	if _, _, err := net.SplitHostPort(target); err != nil {
		return "" // a host with a bracket in it
	}
	return target
}
