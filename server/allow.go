package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"hookctl/logs/text"
)

// admits reports whether the address that a request comes from may deliver.
func (set *settings) admits(r *http.Request) bool {
	if set.Allow == nil {
		return true
	}
	networks := set.Allow()
	if networks == nil {
		return true
	}
	addr, ok := clientAddress(r, set.TrustedProxies)
	return ok && within(addr, networks)
}

// client is the address for people to read.
func (set *settings) client(r *http.Request) string {
	if addr, ok := clientAddress(r, set.TrustedProxies); ok {
		return addr.String()
	}
	return text.Line(r.RemoteAddr, 64)
}

// clientAddress is the peer's address, or, where the peer is a trusted proxy, the last one in
// X-Forwarded-For that is not. Further left stands what anybody may have written.
func clientAddress(r *http.Request, proxies []netip.Prefix) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := parseAddress(host)
	if err != nil {
		return netip.Addr{}, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(addr, proxies); i-- {
		hop := strings.TrimSpace(hops[i])
		if hop == "" {
			continue
		}
		next, err := parseAddress(hop)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = next
	}
	return addr, true
}

// parseAddress reads an IP address, with or without a port, and makes IPv4 of IPv4-in-IPv6.
func parseAddress(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}
