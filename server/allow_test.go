package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func prefixes(t *testing.T, all ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestAllowedAddresses(t *testing.T) {
	github := prefixes(t, "140.82.112.0/20", "2a0a:a440::/29")
	proxies := prefixes(t, "127.0.0.0/8", "10.0.0.0/8", "fd00::/8")
	tests := []struct {
		name      string
		remote    string
		forwarded []string
		proxies   []netip.Prefix
		want      bool
		client    string
	}{
		{"GitHub itself", "140.82.115.1:4000", nil, nil, true, "140.82.115.1"},
		{"GitHub over IPv6", "[2a0a:a440::1]:4000", nil, nil, true, "2a0a:a440::1"},
		{"IPv4 in IPv6", "[::ffff:140.82.115.1]:4000", nil, nil, true, "140.82.115.1"},
		{"a stranger", "203.0.113.9:4000", nil, nil, false, "203.0.113.9"},
		{"a stranger over IPv6", "[2001:db8::1]:4000", nil, nil, false, "2001:db8::1"},
		{"a stranger who claims to be forwarded", "203.0.113.9:4000", []string{"140.82.115.1"}, proxies, false, "203.0.113.9"},
		{"a proxy that is not trusted", "127.0.0.1:4000", []string{"140.82.115.1"}, nil, false, "127.0.0.1"},
		{"through a trusted proxy", "127.0.0.1:4000", []string{"140.82.115.1"}, proxies, true, "140.82.115.1"},
		{"through two trusted proxies", "127.0.0.1:4000", []string{"140.82.115.1, 10.1.2.3"}, proxies, true, "140.82.115.1"},
		{"in two headers", "127.0.0.1:4000", []string{"140.82.115.1", "10.1.2.3"}, proxies, true, "140.82.115.1"},
		{"IPv6 through an IPv6 proxy", "[fd00::1]:4000", []string{"2a0a:a440::1"}, proxies, true, "2a0a:a440::1"},
		{"with ports", "127.0.0.1:4000", []string{"[2a0a:a440::1]:77"}, proxies, true, "2a0a:a440::1"},
		{"a stranger who prepends GitHub", "127.0.0.1:4000", []string{"140.82.115.1, 203.0.113.9"}, proxies, false, "203.0.113.9"},
		{"a proxy that forwards nothing", "127.0.0.1:4000", nil, proxies, false, "127.0.0.1"},
		{"rubbish", "127.0.0.1:4000", []string{"140.82.115.1, <script>"}, proxies, false, "127.0.0.1:4000"},
		{"a unix socket", "@", nil, proxies, false, "@"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := &settings{Config: Config{Allow: func() []netip.Prefix { return github }, TrustedProxies: tt.proxies}}
			r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
			if got := set.admits(r); got != tt.want {
				t.Errorf("admitted: %v", got)
			}
			if got := set.client(r); got != tt.client {
				t.Errorf("client %q, want %q", got, tt.client)
			}
		})
	}
	open := &settings{Config: Config{Allow: func() []netip.Prefix { return nil }}}
	if !open.admits(&http.Request{RemoteAddr: "203.0.113.9:1"}) {
		t.Error("without a list somebody is refused")
	}
	shut := &settings{Config: Config{Allow: func() []netip.Prefix { return []netip.Prefix{} }}}
	if shut.admits(&http.Request{RemoteAddr: "203.0.113.9:1"}) {
		t.Error("an empty list admits somebody")
	}
}

func TestRefusedAddressIsAnsweredBeforeItsBodyIsRead(t *testing.T) {
	r := run(t, func(c *Config) {
		c.Allow = func() []netip.Prefix { return prefixes(t, "140.82.112.0/20") }
		c.TrustedProxies = prefixes(t, "127.0.0.1/32")
	})
	req := request(t, r.url+"/webhook", "push", guid(1), []byte(`{}`))
	if status, _ := do(t, req); status != http.StatusForbidden {
		t.Errorf("%d", status)
	}
	req = request(t, r.url+"/webhook", "push", guid(1), []byte(`{}`))
	req.Header.Set("X-Forwarded-For", "140.82.115.7")
	if status, _ := do(t, req); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	req = request(t, r.url+"/webhook", "push", guid(2), []byte(`{`))
	req.Header.Set("X-Forwarded-For", "140.82.115.7")
	if do(t, req); r.Rejections()[1].Address != "140.82.115.7" {
		t.Errorf("%+v", r.Rejections())
	}
}
