package hooks

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// webhookPath is where a receiver takes deliveries; names of paths follow it.
const webhookPath = "/webhook"

// ErrURL says that an address is not one that a hook can have.
var ErrURL = errors.New("not a valid URL")

var pathName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// HookURL returns the URL that hooks send to, in the one form in which hookctl writes URLs. address is what a person
// gives or what the settings keep: https is added where it has no scheme, and /webhook where it has no path. path is the
// name of a path of the receiver, as in /webhook/<name>, "" for none. An address that no hook can have, or a bad name, is
// an [*Error] that wraps [ErrURL].
func HookURL(address, path string) (string, error) {
	u, err := parseURL(address)
	if err != nil {
		return "", err
	}
	if u.Path == "" {
		u.Path, u.RawPath = webhookPath, webhookPath
	}
	if path != "" {
		if !pathName.MatchString(path) {
			return "", urlError("the path %q is not 1 to 64 letters, digits, - and _", "give a name such as: --path frontend", path)
		}
		u.Path, u.RawPath = u.Path+"/"+path, u.RawPath+"/"+path
	}
	return u.String(), nil
}

// BaseURL returns the part of a hook's URL that leads to the receiver as a whole, which is kept as receiver.public_url:
// without /webhook and what follows it, which [HookURL] adds again. An address that is not valid is returned as it is.
func BaseURL(hookURL string) string {
	u, err := parseURL(hookURL)
	if err != nil {
		return hookURL
	}
	cutToBase(u)
	return u.String()
}

// PathName is the name of the receiver's path that a hook's URL leads to, as in /webhook/<name>; "" for the path without one.
func PathName(address string) string {
	u, err := parseURL(address)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(u.Path, webhookPath+"/")
	return name
}

// SameURL reports whether two URLs of hooks lead to the same place. How they are written makes no difference: the case
// of scheme and host, a dot at the end of the host, the default port, a slash or a question mark at the end, escapes,
// and names that are not ASCII.
func SameURL(a, b string) bool { return normalURL(a) == normalURL(b) }

// SameReceiver reports whether a hook's URL leads to the receiver with the public URL: to the same host and port and,
// where the public URL has a path, to that path or below it. On a host without a path only /, /webhook and what is below
// that are the receiver's, because other programs may answer at others. The scheme makes no difference: a hook that
// sends over http to an https receiver is one to correct.
func SameReceiver(hookURL, publicURL string) bool {
	h, err := parseURL(hookURL)
	if err != nil {
		return false
	}
	p, err := parseURL(publicURL)
	if err != nil || h.Host != p.Host {
		return false
	}
	cutToBase(h)
	cutToBase(p)
	return h.RawPath == p.RawPath || p.RawPath != "" && strings.HasPrefix(h.RawPath, p.RawPath+"/")
}

// MoveURL returns a hook's URL at another public address, where it lies at the first one.
func MoveURL(hook, from, to string) (address string, lies bool) {
	h, err := parseURL(hook)
	f, fromErr := parseURL(from)
	if err != nil || fromErr != nil || h.Scheme != f.Scheme || h.Host != f.Host {
		return "", false
	}
	rest, below := strings.CutPrefix(h.RawPath, f.RawPath)
	if !below || rest != "" && rest[0] != '/' {
		return "", false
	}
	address = strings.TrimRight(to, "/") + rest
	if h.RawQuery != "" {
		address += "?" + h.RawQuery
	}
	return address, true
}

// normalURL is the form in which URLs are compared; what is not a valid URL stays as it is.
func normalURL(address string) string {
	u, err := parseURL(address)
	if err != nil {
		return strings.TrimSpace(address)
	}
	return u.String()
}

// cutToBase takes /webhook and what follows it off a URL of [parseURL].
func cutToBase(u *url.URL) {
	path, _, found := strings.Cut(u.Path+"/", webhookPath+"/")
	raw, _, foundRaw := strings.Cut(u.RawPath+"/", webhookPath+"/")
	if found && foundRaw {
		u.Path, u.RawPath, u.RawQuery = path, raw, ""
	}
}

// parseURL reads an absolute http or https URL, or one without its https://, and brings it to its normal form.
func parseURL(address string) (*url.URL, error) {
	const example = "give one like https://hooks.example.com"
	text := strings.TrimSpace(address)
	if text == "" {
		return nil, urlError("no URL is given", example)
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, urlError("%q is not a valid URL", example, clean(address))
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "1"), 10, 16)
	host := normalHost(u.Hostname())
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, urlError("GitHub sends over https, not %s", example, clean(u.Scheme))
	case u.User != nil:
		return nil, urlError("the URL contains a password", "leave the password out")
	case err != nil, port == 0, strings.Contains("."+host+".", ".."), strings.ContainsAny(host, " \"<>^`{|}%/?#@[]\\"), clean(host) != host:
		return nil, urlError("%q is not a valid URL", example, clean(address))
	}
	if ip, ok := parseIP(host); ok && ip.Is6() {
		host = "[" + host + "]"
	} else if strings.Contains(host, ":") {
		return nil, urlError("%q is not a valid URL", example, clean(address))
	}
	if u.Port() != "" && port != map[string]uint64{"http": 80, "https": 443}[u.Scheme] {
		host += ":" + strconv.FormatUint(port, 10)
	}
	path := strings.TrimRight(normalEscapes(u.EscapedPath(), "/!$&'()*+,;=:@"), "/")
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, urlError("%q is not a valid URL", example, clean(address))
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: plain, RawPath: path, RawQuery: normalEscapes(u.RawQuery, "")}, nil
}

func urlError(format, cure string, args ...any) error {
	return &Error{Message: fmt.Sprintf(format, args...), Cure: cure, Err: ErrURL}
}

// normalHost writes a host as DNS knows it: in lower case, in ASCII, without the dot at its end, and an IP address in
// its usual notation.
func normalHost(host string) string {
	host = strings.ToLower(host)
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))
	if ascii, err := profile.ToASCII(host); err == nil {
		host = ascii
	}
	host = strings.TrimSuffix(host, ".")
	if ip, ok := parseIP(host); ok {
		return ip.String()
	}
	return host
}

// parseIP reads an IP address, also in the notations of IPv4 that other programs take: 127.1, 0x7f000001, 2130706433 and
// 0177.0.0.1 are all 127.0.0.1.
func parseIP(host string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), true
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var whole uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 { // the last part stands for all bytes that are left
			bits = 8 * (5 - len(parts))
		}
		base := 10
		switch {
		case strings.HasPrefix(part, "0x"):
			part, base = cmp.Or(part[2:], "0"), 16
		case strings.HasPrefix(part, "0"):
			base = 8
		}
		n, err := strconv.ParseUint(part, base, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		whole = whole<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}), true
}

// normalEscapes escapes what has to be, in capitals, and nothing else: neither letters, digits and -._~, nor the
// characters of same, which mean the same with and without an escape. A slash is an exception: an escaped one stays so.
func normalEscapes(s, same string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, escaped := s[i], false
		if c == '%' && i+2 < len(s) {
			if raw, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				c, escaped, i = raw[0], true, i+2
			}
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
		equal := c != '/' && strings.IndexByte(same, c) >= 0
		literal := !escaped && c > ' ' && c < 0x7f && strings.IndexByte("\"%<>\\^`{|}", c) < 0
		if letter || equal || literal {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
