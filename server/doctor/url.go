package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// publicAddress checks that the URL resolves to a public address and leads to this receiver.
func (f *facts) publicAddress(ctx context.Context) Check {
	address := f.publicURL()
	if address == "" {
		return warn("hookctl setup --url https://…", "not set")
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fail("hookctl setup --url https://…", "not a valid URL: %q", address)
	}
	if f.cfg.Simulated {
		return f.simulatedAddress(ctx, u.Host)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return fail("correct the DNS entry, or start the tunnel again", "%s does not resolve: %v", u.Hostname(), plain(err))
	}
	github := ""
	if client, err := f.cfg.Fleet.GitHub(); err == nil {
		github = client.Host()
	}
	if inside := private(ips, github); inside != "" {
		return fail("open a tunnel, such as with ngrok http 9000; then hookctl setup --url https://…", "%s is %s, which GitHub cannot reach", u.Hostname(), inside)
	}
	st, _ := f.status() // nothing beside an error
	if err := hooks.CheckURL(ctx, address, st.Instance); err != nil {
		if strings.Contains(err.Error(), "cannot be reached from here") {
			return warn(hooks.CureOf(err), "%v", err)
		}
		return failed(err, "")
	}
	if st.Instance == "" {
		return ok("%s leads to a hookctl receiver", address)
	}
	return ok("%s leads to this receiver", address)
}

// simulatedAddress checks that a simulated GitHub can send to this receiver.
func (f *facts) simulatedAddress(ctx context.Context, host string) Check {
	st, err := f.status()
	if err != nil {
		return failed(err, "hookctl start")
	}
	if err := hooks.CheckURL(ctx, "http://"+st.Address+"/webhook", st.Instance); err != nil {
		return failed(err, "")
	}
	return ok("the simulated GitHub sends straight to this receiver instead of %s", host)
}

// private is the first address that GitHub on a host cannot reach.
func private(ips []netip.Addr, host string) string {
	for _, ip := range ips {
		if _, err := hooks.CheckPublic("https://"+net.JoinHostPort(ip.Unmap().String(), "443"), host); errors.Is(err, hooks.ErrNotPublic) {
			return ip.Unmap().String()
		}
	}
	return ""
}

// certificate checks the chain and the expiry, as GitHub does with SSL verification on.
func (f *facts) certificate(ctx context.Context) Check {
	address := f.publicURL()
	u, err := url.Parse(address)
	if err != nil || address == "" || u.Hostname() == "" {
		return unknown("not checked: the public URL is not set")
	}
	if f.cfg.Simulated {
		return ok("not needed: GitHub is simulated")
	}
	if u.Scheme != "https" {
		return warn("use an https URL, such as that of a tunnel: hookctl setup --url https://…", "deliveries to %s are not encrypted: others can read them", address)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), RootCAs: f.cfg.Roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return badCertificate(err)
	}
	defer conn.Close()                            //nolint:errcheck // nothing was sent
	checked := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // a tls.Dialer gives no other
	return expiry(checked.PeerCertificates[0], f.cfg.Now())
}

func expiry(leaf *x509.Certificate, now time.Time) Check {
	left := leaf.NotAfter.Sub(now)
	issuer := leaf.Issuer.CommonName
	if issuer == "" && len(leaf.Issuer.Organization) > 0 {
		issuer = leaf.Issuer.Organization[0]
	}
	words := fmt.Sprintf("issued by %s, valid until %s", issuer, leaf.NotAfter.Format(time.DateOnly))
	switch {
	case left < 0:
		return fail("renew the certificate", "it expired on %s", leaf.NotAfter.Format(time.DateOnly))
	case left < 14*24*time.Hour:
		return warn("renew the certificate", "%s, in %s", words, text.Span(left))
	}
	return ok("%s", words)
}

// badCertificate is a certificate that GitHub would not accept, or a connection that failed.
func badCertificate(err error) Check {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail("renew the certificate", "it has expired: %v", plain(err))
	case errors.As(err, &host):
		return fail("get a certificate for the name in the URL", "it is for another name: %v", plain(err))
	case errors.As(err, &authority):
		return fail("serve the whole chain, from a public authority", "it was issued by an unknown authority, or an intermediate certificate is missing: %v", plain(err))
	case errors.As(err, &invalid):
		return fail("get a certificate for servers", "%v", plain(err))
	}
	return warn("check that the tunnel or proxy is up; GitHub may still reach it", "not checked: %v", plain(err))
}

// plain leaves out what a network error repeats.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// tunnel checks that one runs here where the public URL needs it, leads to our port, and has the address that hooks send to.
func (f *facts) tunnel(ctx context.Context) Check {
	st, err := f.status()
	if alarm := judgeTunnelAlarm(st); err == nil && alarm.Status != OK {
		return alarm
	}
	out := f.openTunnel(ctx)
	if flag := StartedTunnel(st, f.cfg.Tunnel); flag != "" {
		out.Detail += "; the receiver runs " + flag
	}
	return out
}

func (f *facts) openTunnel(ctx context.Context) Check {
	public := f.publicURL()
	found, err := f.cfg.Tunnels.Find(ctx, 0)
	kind := tunnel.KindOf(public)
	_, port, _ := f.listens()
	for _, t := range found {
		if hooks.SameReceiver(t.URL, public) {
			return tunnelTarget(t, port)
		}
	}
	for _, t := range found {
		if t.Kind == kind && t.LeadsTo(port) {
			return fail("hookctl setup --url "+t.URL+"/webhook", "%s has a new address, %s, and the public URL is %s", t.Kind, t.URL, public)
		}
	}
	switch {
	case err != nil:
		return warn("", "cannot see which tunnels run here: %v", err)
	case kind != "":
		return fail(fmt.Sprintf("start %s again for port %d", kind, port), "the public URL is one of %s, which does not run here", kind)
	case len(found) == 0:
		return ok("no tunnel program runs on this machine")
	}
	var names []string
	for _, t := range found {
		names = append(names, t.Kind+" "+t.URL)
	}
	return ok("the public URL needs no tunnel; running: %s", strings.Join(names, ", "))
}

// judgeTunnelAlarm is what the receiver says of the tunnel that it runs.
func judgeTunnelAlarm(st daemon.Status) Check {
	for _, a := range alarmsOf(st, true) {
		a.Text = strings.TrimPrefix(a.Text, tunnelAlarm+": ")
		return judgeAlarm(a)
	}
	return Check{Status: OK}
}

// StartedTunnel says that the receiver was started with another tunnel than the settings have, and how to end that: restart
// keeps the flag. It is "" where they agree, and for settings that are not known.
func StartedTunnel(st daemon.Status, settings string) string {
	kind, given := StartedWith(st, "--tunnel")
	if !given || settings == "" || kind == settings {
		return ""
	}
	return fmt.Sprintf("%s, as it was started; the settings say %s, which hookctl restart --tunnel %s uses", kind, settings, settings)
}

func tunnelTarget(t tunnel.Tunnel, port int) Check {
	switch {
	case t.Target == "":
		return ok("%s %s; it does not say which port it leads to", t.Kind, t.URL)
	case !t.LeadsTo(port):
		return fail(fmt.Sprintf("start %s again for port %d", t.Kind, port), "%s leads to %s, and the receiver listens on port %d", t.Kind, t.Target, port)
	}
	return ok("%s %s leads to %s", t.Kind, t.URL, t.Target)
}
