package hooks

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"
)

// ErrNotPublic says that GitHub cannot reach a URL, because it leads to a private network or to the machine itself.
var ErrNotPublic = fmt.Errorf("%w: it is not on the public internet", ErrURLRefused)

// CheckPublic refuses the URL of a hook that GitHub cannot send to, before anything is created: localhost, addresses of
// private networks in any notation, names that only a local network knows, and names without a dot. The error is an
// [*Error] that wraps [ErrNotPublic], or [ErrURL] where address is not valid. It asks no DNS, so nil promises nothing.
// An Enterprise Server may deliver within its network, so of its hooks only the form is checked. githubHost is the host of
// GitHub as [Client.Host] has it. warning is for a URL that GitHub takes and nobody should use: one of plain http; ""
// for none.
func CheckPublic(address, githubHost string) (warning string, err error) {
	u, err := parseURL(address)
	if err != nil {
		return "", err
	}
	if (githubHost == "" || !auth.IsEnterprise(githubHost)) && !publicHost(u.Hostname()) {
		return "", &Error{Message: "GitHub cannot reach " + u.Hostname() + ": it is not on the public internet",
			Cure: "give the public URL that leads to the receiver; a tunnel gives you one: hookctl start --tunnel cloudflared", Err: ErrNotPublic}
	}
	if u.Scheme == "http" {
		warning = "GitHub sends to " + u.Host + " without encryption, so everybody on the way can read the events; use https where you can"
	}
	return warning, nil
}

// publicHost reports whether a host, as [normalHost] writes it, can be on the public internet.
func publicHost(host string) bool {
	if ip, ok := parseIP(host); ok {
		if !ip.IsGlobalUnicast() || ip.IsPrivate() {
			return false
		}
		for _, prefix := range []string{
			"0.0.0.0/8",                     // this network
			"100.64.0.0/10",                 // carrier-grade NAT, and addresses of Tailscale
			"192.0.0.0/24", "198.18.0.0/15", // protocols and benchmarks
			"192.0.2.0/24", "198.51.100.0/24", // documentation
			"203.0.113.0/24", "2001:db8::/32", // documentation
			"240.0.0.0/4",                // reserved
			"64:ff9b:1::/48", "100::/64", // local translation, discarded
			"fec0::/10",              // site-local
			"::/96", "::ffff:0:0/96", // IPv4 in disguise
		} {
			if netip.MustParsePrefix(prefix).Contains(ip) {
				return false
			}
		}
		for _, embedded := range []struct {
			prefix string
			at     int
		}{{"64:ff9b::/96", 12}, {"2002::/16", 2}} { // NAT64 and 6to4 lead to the IPv4 address that they hold
			if raw := ip.As16(); ip.Is6() && netip.MustParsePrefix(embedded.prefix).Contains(ip) {
				return publicHost(netip.AddrFrom4([4]byte(raw[embedded.at : embedded.at+4])).String())
			}
		}
		return true
	}
	for _, local := range []string{
		".localhost", ".test", ".invalid", ".local", ".onion", ".alt", ".home.arpa", ".internal", // reserved
		".localdomain", ".intranet", ".private", ".corp", ".home", ".lan", // in use, and in nobody's DNS
	} {
		if strings.HasSuffix(host, local) {
			return false
		}
	}
	return strings.Contains(host, ".")
}
