package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxAnswer bounds what is read of an answer; two hundred rejections are some 60 KB.
const maxAnswer = 16 << 20

// Client asks the running receiver of a home. It holds no connection and may be kept for as long as one likes, also
// while receivers come and go. It is safe for concurrent use.
type Client struct {
	home string
	http *http.Client
}

// Dial returns a client for the receiver of home; it does not connect yet.
func Dial(home string) *Client {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, home) },
	}
	return &Client{home: home, http: &http.Client{Transport: transport}}
}

// Status asks what the receiver is doing. It fails with ErrNotRunning if none runs, and with *UnresponsiveError where a process
// is the receiver and does not answer; that wraps ErrNotRunning where it has no control socket yet, or no longer.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	err := c.call(ctx, http.MethodGet, "/status", 2*time.Second, &st)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !suspended(holder(c.home)) {
		err = c.call(ctx, http.MethodGet, "/status", 8*time.Second, &st) // it may only be busy
	}
	if errors.Is(err, ErrNotRunning) {
		err = c.returned(ctx, &st)
	}
	if _, known := errors.AsType[*UnresponsiveError](err); !known && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotRunning)) {
		if locked, heldErr := held(c.home); heldErr == nil && locked {
			pid := holder(c.home)
			err = &UnresponsiveError{PID: pid, Suspended: suspended(pid), Err: err}
		}
	}
	if err != nil {
		return Status{}, err
	}
	return st, nil
}

// Absent reports that no receiver runs, by its socket and its lock alone. It costs little, so a home where Status found none
// may be asked all the time; Status also searches all processes for a receiver whose run directory was removed.
func (c *Client) Absent(ctx context.Context) bool {
	locked, err := lockedInPlace(c.home)
	return err == nil && !locked && errors.Is(c.call(ctx, http.MethodGet, "/status", 2*time.Second, nil), ErrNotRunning)
}

// returned gives the status of a receiver whose run directory was removed, once that has created it again. Where nothing
// was removed there is no receiver, but for one that repaired its directory just now.
func (c *Client) returned(ctx context.Context, st *Status) error {
	ctx, cancel := context.WithTimeout(ctx, 2*upkeepInterval)
	defer cancel()
	for {
		removed := lockRemoved(c.home)
		err := c.call(ctx, http.MethodGet, "/status", 2*time.Second, st)
		if err == nil || !removed || !errors.Is(err, ErrNotRunning) && ctx.Err() == nil {
			return err
		}
		if pause(ctx); ctx.Err() != nil {
			pid := holder(c.home)
			return &UnresponsiveError{PID: pid, Suspended: suspended(pid), Removed: true, Err: context.Cause(ctx)}
		}
	}
}

// Rejected lists the last requests that the receiver refused, newest last.
func (c *Client) Rejected(ctx context.Context) ([]Rejected, error) {
	var list []Rejected
	err := c.call(ctx, http.MethodGet, "/rejected", 10*time.Second, &list)
	return list, err
}

// Reload makes the receiver read secrets and settings again and gives its new status. *ControlError carries the
// receiver's reason when it kept the old ones.
func (c *Client) Reload(ctx context.Context) (Status, error) {
	var st Status
	err := c.call(ctx, http.MethodPost, "/reload", 30*time.Second, &st)
	return st, err
}

// Stop asks the receiver to finish and returns once it has heard; the package's Stop waits for the end.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/stop", 10*time.Second, nil)
}

// Do sends a request to one of Control.Extra's handlers. The caller closes the answer's body. Only ctx bounds it.
func (c *Client) Do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://receiver"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the receiver: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(strings.TrimPrefix(path, "/"), err)
	}
	return res, nil
}

func (c *Client) call(ctx context.Context, method, path string, limit time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := c.Do(ctx, method, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	op := strings.TrimPrefix(path, "/")
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return c.explain(op, err)
	}
	if res.StatusCode >= 300 {
		f := failure{Error: fmt.Sprintf("the receiver answered %s", res.Status)}
		_ = json.Unmarshal(body, &f) // the status line stands where the body is none of ours
		return &ControlError{Op: op, Status: res.StatusCode, Msg: f.Error, hint: f.Hint, code: f.Code}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: the receiver's answer is not understood: %w", op, err)
	}
	return nil
}

// explain turns what a dead socket looks like into ErrNotRunning.
func (c *Client) explain(op string, err error) error {
	switch {
	case errors.Is(err, ErrNotRunning), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED),
		errors.Is(err, wsaECONNREFUSED):
		return ErrNotRunning
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, wsaECONNRESET), errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w: it ended while it was asked", op, ErrNotRunning)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: the control socket belongs to another user: %w", op, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: the receiver does not answer on its control socket: %w", op, err)
	}
	return fmt.Errorf("%s: ask the receiver: %w", op, err)
}

// maxSocketPath keeps clear of the smallest limit for the path of a unix socket: 104 bytes on macOS, 108 elsewhere.
const maxSocketPath = 100

// SocketFile is where the control socket of home is, or would be.
func SocketFile(home string) string { return filepath.Join(home, "run", "receiver.sock") }

// withSocket gives do a path of the control socket of home. Where its own is too long for a socket, that leads through a
// link which exists for as long as do runs.
func withSocket(home string, do func(path string) error) error {
	path := SocketFile(home)
	if len(path) <= maxSocketPath {
		return do(path)
	}
	run, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("find the control socket: %w", err)
	}
	for _, dir := range []string{os.TempDir(), "/tmp"} {
		link := filepath.Join(dir, "hookctl-"+rand.Text()[:10])
		short := filepath.Join(link, filepath.Base(path))
		if len(short) > maxSocketPath || os.Symlink(run, link) != nil {
			continue
		}
		defer os.Remove(link) //nolint:errcheck // what is left there the system cleans
		return do(short)
	}
	return fmt.Errorf("the path of the home directory is too long for a control socket (%d bytes): set HOOKCTL_HOME to a shorter one", len(home))
}

// dialSocket connects to the control socket of home.
func dialSocket(ctx context.Context, home string) (conn net.Conn, err error) {
	err = withSocket(home, func(path string) error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}
