package tunnel

import (
	"slices"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// Offer is a way for deliveries to get here: an address to choose for hooks, a tunnel that could be run for one, or GitHub's
// relay. Its text is clean.
type Offer struct {
	URL   string // complete; "" for a tunnel that does not run yet, and for the relay
	From  string // where the address comes from
	Run   string // the kind of tunnel to run
	Relay bool   // GitHub's relay, see [hooks.Relay]
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

// About is what there is to know where no tunnel runs and no program for one is found.
const About = "Once a tunnel program is installed, hookctl can run it for you: cloudflared needs no account (https://github.com/cloudflare/cloudflared), ngrok and tailscale do."

// Offers are what can be chosen: open tunnels that the GitHub of a host can send to, the address of the settings, the
// kinds that could be run and are not open, and the relay where it is wanted and that GitHub has one.
func Offers(open []Tunnel, kinds []string, host, settings string, relay bool) (list []Offer) {
	add := func(address, from string) {
		address, err := hooks.HookURL(text.Clean(address), "")
		if err == nil && !slices.ContainsFunc(list, func(o Offer) bool { return hooks.SameURL(o.URL, address) }) {
			list = append(list, Offer{URL: address, From: text.Clean(from)})
		}
	}
	for _, t := range open {
		if _, err := hooks.CheckPublic(text.Clean(t.URL), host); err != nil {
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
