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

// Call is one call to GitHub's REST API. The same limits, retries and redirects apply to all of a [Client], and their errors are
// of type [*Error], with the cure for a right that the token lacks.
type Call struct {
	Op     string // what it does, for messages: "create the issue"
	Target string // on what, for messages: "owner/repo"
	Method string // GET if empty
	Path   string // relative to the API, with its query; every part escaped
	Body   any    // marshalled as JSON unless nil
	// Once is for a call that must not be repeated when its answer is lost.
	Once bool
	// Scope is what a classic token needs for it, and Permission what a fine-grained one needs, both for the cure:
	// "repo" and "Issues: read and write". Empty where it is about hooks.
	Scope, Permission string
	long              bool // the answer may be large
}

// Do makes a call and reads the answer into out, unless that is nil or the answer is empty.
func (c *Client) Do(ctx context.Context, call Call, out any) error {
	_, err := c.do(ctx, call, out)
	return err
}

// All makes a call for a list page by page, until it ends or has at least so many items; 0 is no limit.
func All[T any](ctx context.Context, c *Client, call Call, enough int) (list []T, err error) {
	err = pages(ctx, c, call, func(page []T) bool {
		list = append(list, page...)
		return enough == 0 || len(list) < enough
	})
	return list, err
}

// Scopes are the scopes of the client's token as GitHub names them in every answer; ok is false for a fine-grained token, which
// names none.
func (c *Client) Scopes(ctx context.Context) (list []string, ok bool, err error) {
	header, err := c.do(ctx, Call{Op: "look up the token's scopes", Target: c.host, Path: "rate_limit"}, nil)
	if err != nil {
		return nil, false, err
	}
	_, ok = header[http.CanonicalHeaderKey("X-OAuth-Scopes")]
	return scopes(header.Get("X-OAuth-Scopes")), ok, nil
}

// ScopeCure is the command, or the advice, that gives the client's token one more scope.
func (c *Client) ScopeCure(scope string) string {
	return c.scopeCure(Call{Scope: scope})
}

// blobTimeout bounds the reading of what a redirect leads to.
const blobTimeout = 2 * time.Minute

// Elsewhere makes a call that GitHub answers with the address of a file on another host, such as a job's log, and opens that
// file. The token is not sent there, and the address, which is signed, stands in no error and no log. The caller closes the
// file; it may be of any size. Only https is followed, and plain http to this machine.
func (c *Client) Elsewhere(ctx context.Context, call Call) (io.ReadCloser, error) {
	_, err := c.send(ctx, call, nil, nil)
	var status *api.HTTPError
	if err == nil || !errors.As(err, &status) || !isRedirect(status.StatusCode) {
		if err == nil {
			err = errors.New("GitHub named no address")
		}
		return nil, c.explain(ctx, call, err)
	}
	e := &Error{Op: call.Op, Target: call.Target}
	to, err := status.RequestURL.Parse(status.Headers.Get("Location"))
	if err != nil || to.Scheme != "https" && (to.Scheme != "http" || !isLoopback(to.Hostname())) {
		e.Message = "GitHub names an address that is not https"
		return nil, e
	}
	file, err := open(ctx, to, blobTimeout)
	if err != nil {
		err = noURL(err)
		e.Message, e.Err = clean(err.Error()), errors.Join(ErrUnreachable, err)
		return nil, e
	}
	if file.StatusCode != http.StatusOK {
		e.Status, e.Err = file.StatusCode, errors.Join(ErrUnreachable, file.Body.Close())
		if file.StatusCode == http.StatusNotFound || file.StatusCode == http.StatusGone {
			e.Err = ErrNotFound
		}
		return nil, e
	}
	return file.Body, nil
}

// open asks for something that is not GitHub's, without a token, following nothing more. The time is for its body too.
func open(ctx context.Context, to *url.URL, most time.Duration) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "hookctl")
	client := &http.Client{Timeout: most, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(req)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Redact takes the client's token out of a text.
func (c *Client) Redact(s string) string { return strings.ReplaceAll(s, c.token, "[removed]") }

// pages calls a list page by page until it ends or each says that it has enough.
func pages[T any](ctx context.Context, c *Client, r Call, each func([]T) (more bool)) error {
	address, err := url.Parse(r.Path)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Op, err)
	}
	for {
		r.Path = address.String()
		var page []T
		header, err := c.do(ctx, r, &page)
		if err != nil {
			return err
		}
		next := nextPage(header)
		if !each(page) || next == nil {
			return nil
		}
		query := address.Query()
		// Only the place is taken from the link, so that a list never leads to another address.
		for _, name := range []string{"page", "cursor"} {
			if v := next.Get(name); v != "" {
				query.Set(name, v)
			}
		}
		address.RawQuery = query.Encode()
		if address.String() == r.Path {
			return nil
		}
	}
}

// nextPage reads the query of the link to the next page; nil on the last one.
func nextPage(header http.Header) url.Values {
	for link := range strings.SplitSeq(strings.Join(header.Values("Link"), ","), ",") {
		address, params, _ := strings.Cut(strings.TrimSpace(link), ";")
		if !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		if u, err := url.Parse(strings.Trim(address, "<> ")); err == nil {
			return u.Query()
		}
	}
	return nil
}
