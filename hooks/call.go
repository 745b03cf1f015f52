package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"
)

// Call is one call to GitHub's REST API about something else than hooks: issues, runs, boards. It passes the same limits,
// retries and redirects as every call of a [Client], and its errors are of type [*Error], with the cure for a right that the
// token lacks.
type Call struct {
	Op     string // what it does, for messages: "create the issue"
	Target string // on what, for messages: "owner/repo"
	Method string // GET if empty
	Path   string // relative to the API, with its query; every part escaped
	Body   any    // marshalled as JSON unless nil
	// Once is for a call that must not be repeated when its answer is lost.
	Once bool
	// Scope is what a classic token needs for it, and Permission what a fine-grained one needs, both for the cure:
	// "repo" and "Issues: read and write".
	Scope, Permission string
}

func (call Call) request() request {
	r := request{op: call.Op, target: call.Target, method: call.Method, path: call.Path, body: call.Body, once: call.Once,
		scope: call.Scope, permission: call.Permission}
	if r.method == "" {
		r.method = http.MethodGet
	}
	return r
}

// Do makes a call and reads the answer into out, unless that is nil or the answer is empty.
func (c *Client) Do(ctx context.Context, call Call, out any) error {
	_, err := c.do(ctx, call.request(), out)
	return err
}

// Pages makes a call for a list page by page, until it ends or each returns false.
func Pages[T any](ctx context.Context, c *Client, call Call, each func([]T) (more bool)) error {
	return pages(ctx, c, call.request(), each)
}

// Scopes are the scopes of the client's token as GitHub names them in every answer; ok is false for a fine-grained token, which
// names none.
func (c *Client) Scopes(ctx context.Context) (list []string, ok bool, err error) {
	header, err := c.do(ctx, request{op: "look up the token's scopes", target: c.host, method: http.MethodGet, path: "rate_limit"}, nil)
	if err != nil {
		return nil, false, err
	}
	_, ok = header[http.CanonicalHeaderKey("X-OAuth-Scopes")]
	return scopes(header.Get("X-OAuth-Scopes")), ok, nil
}

// ScopeCure is the command, or the advice, that gives the client's token one more scope.
func (c *Client) ScopeCure(scope string) string {
	return c.scopeCure(request{scope: scope})
}

// blobTimeout bounds the reading of what a redirect leads to.
const blobTimeout = 2 * time.Minute

// Elsewhere makes a call that GitHub answers with the address of a file on another host, such as a job's log, and opens that
// file. The token is not sent there, and the address, which is signed, stands in no error and no log. The caller closes the
// file; it may be of any size. Only https is followed, and plain http to this machine.
func (c *Client) Elsewhere(ctx context.Context, call Call) (io.ReadCloser, error) {
	r := call.request()
	_, err := c.send(ctx, r, nil, nil)
	var status *api.HTTPError
	if err == nil || !errors.As(err, &status) || !isRedirect(status.StatusCode) {
		if err == nil {
			err = errors.New("GitHub named no address")
		}
		return nil, c.explain(ctx, r, err)
	}
	to, err := status.RequestURL.Parse(status.Headers.Get("Location"))
	if err != nil || to.Scheme != "https" && (to.Scheme != "http" || !isLoopback(to.Hostname())) {
		return nil, &Error{Op: r.op, Target: r.target, Message: "GitHub names an address that is not https"}
	}
	ctx, cancel := context.WithTimeout(ctx, blobTimeout)
	file, err := c.open(ctx, to)
	if err != nil {
		cancel()
		return nil, &Error{Op: r.op, Target: r.target, Message: clean(noURL(err)), Err: errors.Join(ErrUnreachable, noAddress(err))}
	}
	if file.StatusCode != http.StatusOK {
		cancel()
		e := &Error{Op: r.op, Target: r.target, Status: file.StatusCode, Err: errors.Join(ErrUnreachable, file.Body.Close())}
		if file.StatusCode == http.StatusNotFound || file.StatusCode == http.StatusGone {
			e.Err = ErrNotFound
		}
		return nil, e
	}
	return &blob{file.Body, cancel}, nil
}

// open asks for the file with a client of its own, which has no token and follows nothing more.
func (c *Client) open(ctx context.Context, to *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "hookctl")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(req)
}

// noAddress keeps what kind of failure it was, and drops the address.
func noAddress(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// blob ends its request when it is closed.
type blob struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the file and ends the request.
func (b *blob) Close() error {
	b.cancel()
	if err := b.ReadCloser.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Redact takes the client's token out of a text.
func (c *Client) Redact(s string) string { return strings.ReplaceAll(s, c.token, "[removed]") }
