package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/coder/websocket"
)

const (
	// relayAnswer is how long a delivery may take: GitHub closes the relay after 10 s without an answer.
	relayAnswer = 9 * time.Second
	// relayFrame bounds a frame: a payload of 25 MB in base64, and its headers.
	relayFrame = 40 << 20
	// relayAlive is how often the connection is tried while nothing comes.
	relayAlive = 20 * time.Second
	// relayGoodbye is how long removing the hook may take after the relay was stopped.
	relayGoodbye = 10 * time.Second
	// relayHook is the name that GitHub gives to the hooks of relays.
	relayHook = "cli"
)

// RelayDelivery is one delivery that a relay brought. Whether GitHub signs these is not established; that they come
// through a connection that we opened to GitHub and that knows our token is the proof of their origin.
type RelayDelivery struct {
	Header http.Header // in canonical case, however GitHub wrote it
	Body   []byte
	HookID int64
}

// RelayAnswer is the answer to a delivery, as it goes through the relay.
type RelayAnswer struct {
	Status int // 200 if 0
	Header http.Header
	Body   []byte
}

// RelayState says how a relay is, whenever that changes.
type RelayState struct {
	Connected bool
	HookID    int64         // while connected
	Err       error         // why it is not connected
	Retry     time.Duration // when it tries again
}

// Relay brings deliveries of one repository to a machine that has no public address: GitHub's own relay, which
// `gh webhook forward` uses too. It is meant for development: there is one per repository, so that an earlier one ends where
// this one begins, and none on GitHub Enterprise Server.
type Relay struct {
	Client *Client
	Target Target
	Events []string
	Secret string // what GitHub signs with, where it does
	// Handle takes a delivery and answers within 9 seconds, or its context ends. Its error becomes an answer of 500.
	Handle func(context.Context, RelayDelivery) (RelayAnswer, error)
	State  func(RelayState) // nil for none
	Logger *slog.Logger     // nil for none

	// alive, patience and pause are relayAlive, relayAnswer and a second, but for tests.
	alive, patience, pause time.Duration
}

// String leaves the secret out.
func (r *Relay) String() string { return "relay of " + r.Target.String() }

// GoString is String.
func (r *Relay) GoString() string { return r.String() }

// Run keeps a relay open until ctx ends, which is not an error. It first removes what earlier relays of the repository left
// behind, connects again with growing pauses whenever the connection breaks, and removes its own hook at the end. What
// connecting again cannot fix is returned, and that a hook could not be removed in the end.
func (r *Relay) Run(ctx context.Context) error {
	if r.Target.IsOrg() || r.Client.host != "github.com" {
		return &Error{Op: "relay", Target: r.Target.String(), Message: "GitHub relays hooks of repositories on github.com only",
			Cure: "use a tunnel: hookctl start --tunnel cloudflared"}
	}
	log := cmp.Or(r.Logger, slog.New(slog.DiscardHandler))
	if err := r.removeStale(ctx, log); err != nil {
		return err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = cmp.Or(r.pause, time.Second), time.Minute
	for {
		connected, left, err := r.once(ctx, log)
		if ctx.Err() != nil {
			return r.ended(left)
		}
		if connected {
			wait.Reset()
		} else if hopeless(err) {
			return err
		}
		pause := wait.NextBackOff()
		err = errors.Join(err, left)
		r.report(RelayState{Err: err, Retry: pause})
		log.Warn("the relay broke and is opened again", "target", r.Target.String(), "in", pause.Round(time.Millisecond), "error", err)
		if sleep(ctx, pause) != nil {
			return r.ended(left)
		}
		// Where GitHub did not notice the break, the hook is still there and stands in the way.
		if err := r.removeStale(ctx, log); err != nil && hopeless(err) && ctx.Err() == nil {
			return err
		}
	}
}

// hopeless reports whether connecting again cannot help: GitHub refused, and not because of a limit.
func hopeless(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && !errors.Is(err, ErrRateLimited) && !errors.Is(err, ErrExists)
}

// ended reports that the relay is over; left is why its hook may be there still.
func (r *Relay) ended(left error) error {
	if left != nil {
		return &Error{Op: "end relay", Target: r.Target.String(), Message: "its hook could not be removed: " + left.Error(),
			Cure: "see whether it is still there: hookctl hooks list " + r.Target.Flag(), Err: left}
	}
	r.report(RelayState{})
	return nil
}

func (r *Relay) report(s RelayState) {
	if r.State != nil {
		r.State(s)
	}
}

// removeStale deletes the hooks of relays that are over. GitHub allows one per repository and removes it with its
// connection, unless that broke unseen.
func (r *Relay) removeStale(ctx context.Context, log *slog.Logger) error {
	list, err := r.Client.List(ctx, r.Target)
	if err != nil {
		return err
	}
	for _, h := range list {
		if h.Name != relayHook {
			continue
		}
		log.Info("removing the hook of an earlier relay", "target", r.Target.String(), "hook", h.ID)
		if err := r.Client.Delete(ctx, r.Target, h.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// once creates the hook, connects, and takes deliveries until the connection ends. left is why the hook could not be removed
// then.
func (r *Relay) once(ctx context.Context, log *slog.Logger) (connected bool, left, err error) {
	body := map[string]any{"name": relayHook, "active": false, "events": r.Events,
		"config": map[string]string{"content_type": "json", "insecure_ssl": "0", "url": "", "secret": r.Secret}}
	var made struct {
		ID    int64
		WSURL string `json:"ws_url"`
	}
	_, err = r.Client.do(ctx, Call{Op: "open relay", Target: r.Target.String(), Method: http.MethodPost, Path: r.Target.base(), Body: body, Once: true}, &made)
	if err != nil {
		// A lost answer leaves a hook behind. The next try finds and removes it, but after an interruption nothing tries again.
		if unsure := new(Error); ctx.Err() != nil && errors.As(err, &unsure) && unsure.lost {
			left = late(ctx, func(ctx context.Context) error { return r.removeStale(ctx, log) })
		}
		return false, left, err
	}
	// Disconnecting removes the hook, but not at once, and not where the connection never came about.
	defer func() {
		left = late(ctx, func(ctx context.Context) error { return r.Client.Delete(ctx, r.Target, made.ID) })
	}()
	conn, err := r.connect(ctx, made.WSURL)
	if err != nil {
		return false, nil, err
	}
	defer func() { _ = conn.CloseNow() }() // nothing is to be said any more
	if _, err := r.Client.Edit(ctx, r.Target, made.ID, Change{Active: new(true)}); err != nil {
		return false, nil, err
	}
	log.Info("the relay is open", "target", r.Target.String(), "hook", made.ID)
	r.report(RelayState{Connected: true, HookID: made.ID})
	return true, nil, r.take(ctx, conn, made.ID)
}

// late removes a hook also after ctx has ended. One that is gone is removed.
func late(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayGoodbye)
	defer cancel()
	if err := remove(ctx); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// connect opens the WebSocket that GitHub named. The token goes there without a scheme, and to GitHub only: no redirect
// leads it elsewhere, or out of TLS.
func (r *Relay) connect(ctx context.Context, address string) (*websocket.Conn, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "wss" || u.Host != r.Client.host && !strings.HasSuffix(u.Host, "."+r.Client.host) {
		return nil, &Error{Op: "open relay", Target: r.Target.String(), Message: "GitHub named no address of its own for the relay"}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{ //nolint:bodyclose // the library closes it, or the connection lives in it
		HTTPClient: &http.Client{Transport: r.Client.transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		HTTPHeader: http.Header{"Authorization": {r.Client.token}, "User-Agent": {"hookctl"}},
	})
	if err != nil {
		e := &Error{Op: "open relay", Target: r.Target.String(), Message: clean(noURL(err).Error()), Err: err}
		if res != nil {
			e.Message = "the relay answered " + clean(res.Status)
		}
		return nil, e
	}
	conn.SetReadLimit(relayFrame)
	return conn, nil
}

// take reads deliveries, one at a time, and answers each.
func (r *Relay) take(ctx context.Context, conn *websocket.Conn, hookID int64) error {
	ctx, cancel := context.WithCancel(ctx)
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer cancel()
	pinging.Go(func() { r.keepAlive(ctx, conn) })
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("read from the relay: %w", err)
		}
		if kind != websocket.MessageText {
			return errors.New("read from the relay: the frame is not text")
		}
		answer, err := r.handle(ctx, data, hookID)
		if err != nil {
			return err
		}
		if err := conn.Write(ctx, websocket.MessageText, answer); err != nil {
			return fmt.Errorf("answer to the relay: %w", err)
		}
	}
}

// keepAlive finds out that a connection is dead although nobody said so. Closing it ends the reading.
func (r *Relay) keepAlive(ctx context.Context, conn *websocket.Conn) {
	every, patience := cmp.Or(r.alive, relayAlive), cmp.Or(r.patience, relayAnswer)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// A delivery that is being handled holds up the answer to a ping, so it may take that long.
			pong, cancel := context.WithTimeout(ctx, every+patience)
			err := conn.Ping(pong)
			cancel()
			if err != nil {
				_ = conn.CloseNow()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// handle passes one frame on and returns the answer to it.
func (r *Relay) handle(ctx context.Context, data []byte, hookID int64) ([]byte, error) {
	var frame struct {
		Header map[string][]string `json:"header"`
		Body   []byte              `json:"body"`
	}
	if err := json.Unmarshal(data, &frame); err != nil {
		return nil, fmt.Errorf("understand the relay: %w", err)
	}
	d := RelayDelivery{Header: http.Header{}, Body: frame.Body, HookID: hookID}
	for k, values := range frame.Header {
		for _, v := range values {
			d.Header.Add(k, v)
		}
	}
	// Once GitHub sent hook secrets in a header; it must not go any further.
	d.Header.Del("X-Github-Encoded-Secret")
	ctx, cancel := context.WithTimeout(ctx, relayAnswer)
	defer cancel()
	answer, err := r.Handle(ctx, d)
	if err != nil {
		r.Client.log.Warn("a delivery through the relay failed", "target", r.Target.String(), "delivery", clean(d.Header.Get("X-GitHub-Delivery")), "error", err)
		answer = RelayAnswer{Status: http.StatusInternalServerError}
	}
	answer.Status = cmp.Or(answer.Status, http.StatusOK)
	// GitHub wants an object and a text, not null.
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	if answer.Body == nil {
		answer.Body = []byte{}
	}
	return json.Marshal(answer)
}
