package hooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/cli/go-gh/v2/pkg/api"
	"github.com/cli/go-gh/v2/pkg/auth"
	"github.com/cli/go-gh/v2/pkg/config"
)

const (
	// requestTimeout bounds one request with its answer.
	requestTimeout = 30 * time.Second
	// payloadTimeout bounds one whose answer has a payload of up to 25 MB.
	payloadTimeout = 5 * time.Minute
	// maxAnswer bounds an answer: a delivery holds a payload of up to 25 MB, twice over when it is escaped.
	maxAnswer = 64 << 20
	// maxRedirects is enough for a repository that was renamed and transferred several times.
	maxRedirects = 5
)

// Config says how to reach GitHub. Its zero value is what the gh program would use.
type Config struct {
	Host   string       // "" for gh's default host
	Logger *slog.Logger // nil for none
	Token  string       // "" to take gh's
	Socket string       // unix socket to send requests to; "" for gh's http_unix_socket, if set
	Limits Limits       // zero for GitHub's own
	// Transport sends the requests in place of the network; nil for the network.
	Transport http.RoundTripper
	// OnWait is called when requests are held back until a time, because GitHub asked for it. It must not block.
	OnWait func(until time.Time, reason string)
}

// String leaves the token out.
func (c Config) String() string { return fmt.Sprintf("GitHub at %q", c.Host) }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// MarshalJSON leaves the token out.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// Client speaks to one GitHub host as one user. It is safe for concurrent use.
type Client struct {
	host        string
	token       string
	tokenSource string
	transport   http.RoundTripper // without go-gh around it
	rest        *api.RESTClient
	gate        *gate
	limits      Limits
	hidden      atomic.Bool // GitHub has left something out of a list
	log         *slog.Logger
}

// New returns a client. It sends no request. Without a login, or with a token that no request can carry, it returns an
// [*Error] that is [ErrNotLoggedIn].
func New(cfg Config) (*Client, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	host := cfg.Host
	if host == "" {
		host, _ = auth.DefaultHost()
	}
	host = auth.NormalizeHostname(host)
	token, source := cfg.Token, "settings"
	if token == "" {
		token, source = findToken(host)
	}
	if token == "" {
		return nil, &Error{Op: "log in", Target: host, Message: "no GitHub login was found", Cure: loginCure(host), Err: ErrNotLoggedIn}
	}
	if err := checkToken(token, source, host); err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		transport = baseTransport(cfg.socket())
	}
	rest, err := api.NewRESTClient(api.ClientOptions{
		Host:      host,
		AuthToken: token,
		// go-gh writes its defaults into the map that it is given.
		Headers: map[string]string{"Accept": "application/vnd.github+json", "User-Agent": "hookctl"},
		// GH_DEBUG=api would print request bodies, and they hold secrets.
		LogIgnoreEnv: true,
		// net/http follows a redirected DELETE or PATCH with a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     unaltered{transport},
	})
	if err != nil {
		return nil, &Error{Op: "log in", Target: host, Message: err.Error(), Err: err}
	}
	if cfg.Limits.WritesPerMinute == 0 && cfg.Limits.WritesPerHour == 0 && auth.IsEnterprise(host) {
		// A GitHub Enterprise Server limits nothing unless its administrator says so.
		cfg.Limits.WritesPerMinute, cfg.Limits.WritesPerHour = 6000, 60000
	}
	limits := cfg.Limits.withDefaults()
	return &Client{host: host, token: token, tokenSource: source, transport: transport, rest: rest,
		limits: limits, gate: newGate(limits, cfg.Logger, cfg.OnWait), log: cfg.Logger}, nil
}

// String leaves the token out.
func (c *Client) String() string { return "client of " + c.host }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// Host is the GitHub host, such as github.com.
func (c *Client) Host() string { return c.host }

// HiddenBySSO reports whether GitHub has left repositories out of a list so far, because the token is not authorized for
// their organization's single sign-on. gh auth refresh authorizes it.
func (c *Client) HiddenBySSO() bool { return c.hidden.Load() }

// findToken asks go-gh, and then gh itself in the way that gh before 2.26 understands: go-gh passes it a flag that those
// do not know, so that a login kept by them would look like none.
func findToken(host string) (token, source string) {
	if token, source = auth.TokenForHost(host); token != "" {
		return token, source
	}
	gh := findGH()
	if gh == "" {
		return "", ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, gh, "auth", "token", "--hostname", host).Output() // #nosec G204 G702 -- the user's own gh, and a host that is not an option
	if err != nil {
		return "", ""
	}
	return strings.TrimSpace(string(out)), "gh"
}

// findGH is the path of the gh program, "" if none.
func findGH() string {
	if gh := os.Getenv("GH_PATH"); gh != "" {
		return gh
	}
	gh, _ := exec.LookPath("gh") // without it there is other advice
	return gh
}

// checkToken refuses a token with white space or other characters that tokens do not have, such as the line break at the
// end of a file. gh takes it as it is too, so the variable is what has to be corrected. The error holds nothing of it.
func checkToken(token, source, host string) error {
	if !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil
	}
	e := &Error{Op: "log in", Target: host, Message: "the token of " + source + " has a space, a line break or another character that no token has", Err: ErrNotLoggedIn}
	switch {
	case strings.HasSuffix(source, "TOKEN"):
		e.Cure = fmt.Sprintf(`take it out: export %[1]s="$(printf %%s "$%[1]s" | LC_ALL=C tr -cd '[:graph:]')"`, source)
	case source == "settings":
		e.Cure = "correct the token"
	default:
		e.Cure = "log in again: gh auth login -h " + host
	}
	return e
}

// socket is the unix socket that requests go to, "" for none.
func (c Config) socket() string {
	if c.Socket != "" {
		return c.Socket
	}
	gh, err := config.Read(nil)
	if err != nil {
		return ""
	}
	socket, _ := gh.Get([]string{"http_unix_socket"}) // where it is not set none exists
	return socket
}

func baseTransport(socket string) http.RoundTripper {
	if socket == "" {
		return http.DefaultTransport
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	// TLS ends before the socket, as it does in gh.
	return &http.Transport{DialContext: dial, DialTLSContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
}

// unaltered keeps go-gh from rewriting the bodies of successful JSON answers: it turns control characters into "^[" and
// the like, also in the payload of a delivery, which must stay what GitHub sent. What is shown is cleaned by
// [clean] instead. Bodies of errors are left to go-gh, which reads their message.
type unaltered struct{ base http.RoundTripper }

// RoundTrip sends the request and takes the mark of JSON off a successful answer.
func (u unaltered) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := u.base.RoundTrip(req)
	if err == nil && res.StatusCode/100 == 2 {
		res.Header.Set("Content-Type", "application/octet-stream")
	}
	return res, err
}

// do sends a call, reads the answer into out unless that is nil or the body is empty, and returns the headers of
// the answer. Errors are of type *Error.
func (c *Client) do(ctx context.Context, r Call, out any) (http.Header, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return nil, &Error{Op: r.Op, Target: r.Target, Message: err.Error(), Err: err}
		}
	}
	lost := false     // an earlier attempt may have been acted on
	var refused error // by a rate limit
	header, err := backoff.Retry(ctx, func() (http.Header, error) {
		header, err := c.attempt(ctx, r, body, out)
		if err == nil {
			return header, nil
		}
		var held *heldError
		var unsent notSentError
		if errors.As(err, &held) || errors.As(err, &unsent) {
			return nil, backoff.Permanent(err)
		}
		var status *api.HTTPError
		if !errors.As(err, &status) {
			lost = true
			if r.Once || ctx.Err() != nil {
				return nil, backoff.Permanent(err)
			}
			c.log.Debug("no answer from GitHub, trying again", "op", r.Op, "target", r.Target, "error", clean(err.Error()))
			return nil, err
		}
		if lost && r.Method == http.MethodDelete && status.StatusCode == http.StatusNotFound {
			// The delete whose answer was lost had worked.
			return status.Headers, nil
		}
		if wait, limited := limitOf(status, time.Now()); limited {
			c.gate.hold(time.Now().Add(wait), clean(status.Message))
			if wait > c.limits.MaxWait {
				return nil, backoff.Permanent(err)
			}
			refused = err
			return nil, &backoff.RetryAfterError{} // the gate waits
		}
		if status.StatusCode >= 500 {
			lost = true
			if !r.Once {
				return nil, err
			}
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithBackOff(c.limits.backOff()), backoff.WithMaxTries(c.limits.Tries), backoff.WithMaxElapsedTime(0))
	if wait := new(backoff.RetryAfterError); errors.As(err, &wait) {
		err = refused
	}
	if err != nil {
		explained := c.explain(ctx, r, err)
		explained.lost = lost
		return nil, explained
	}
	return header, nil
}

// attempt sends the call once, following redirects with the same method and body.
func (c *Client) attempt(ctx context.Context, r Call, body []byte, out any) (http.Header, error) {
	for hop := 0; ; hop++ {
		header, err := c.send(ctx, r, body, out)
		var status *api.HTTPError
		if !errors.As(err, &status) || !isRedirect(status.StatusCode) || hop == maxRedirects {
			return header, err
		}
		if r.Path, err = c.redirect(status); err != nil {
			return nil, err
		}
	}
}

// send sends one request when the limits allow it, and reads its answer.
func (c *Client) send(ctx context.Context, r Call, body []byte, out any) (http.Header, error) {
	method := cmp.Or(r.Method, http.MethodGet)
	leave, err := c.gate.enter(ctx, method != http.MethodGet)
	if err != nil {
		return nil, err
	}
	defer leave()
	timeout := requestTimeout
	if r.long {
		timeout = payloadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	c.log.Debug("GitHub call", "method", method, "path", clean(r.Path))
	res, err := c.rest.RequestWithContext(ctx, method, r.Path, reader)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(res.Header.Get("X-GitHub-SSO"), "partial-results") {
		c.hidden.Store(true)
	}
	return res.Header, read(res, out)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirect gives the address to go on to: on the same host, or on GitHub's own where gh is set to another name for it. Any
// other host would be given a body that may hold a secret, so it is refused.
func (c *Client) redirect(status *api.HTTPError) (string, error) {
	from := status.RequestURL
	to, err := from.Parse(status.Headers.Get("Location"))
	if err != nil || to.Scheme != from.Scheme || (to.Path == from.Path && to.Host == from.Host) ||
		(!strings.EqualFold(to.Host, from.Host) && !strings.EqualFold(to.Host, "api."+c.host)) {
		return "", status
	}
	return to.String(), nil
}

// read takes an answer's body; an empty one leaves out as it is.
func read(res *http.Response, out any) error {
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	if out == nil || len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("understand the answer: %w", err)
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
