package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Confirm waits until a ping of a hook, signed with the secret of that fingerprint, is in the receiver's log, and
// returns nil then. Pings that were received before since do not count. It returns the context's error when that ends
// first; any other error ends the wait.
type Confirm func(ctx context.Context, hookID int64, fingerprint string, since time.Time) error

// Why a hook could not be verified.
var (
	ErrWrongSecret   = errors.New("signed with a secret that the receiver does not have")
	ErrOtherReceiver = errors.New("the ping was taken, but not by this receiver with this secret")
	ErrNotDelivered  = errors.New("the ping was not delivered")
)

// DefaultWait is how long a ping may take from GitHub to the log.
const DefaultWait = 30 * time.Second

// proof is one hook that is to prove itself by a ping.
type proof struct {
	target      Target
	hookID      int64
	fingerprint string
	confirm     Confirm       // nil: what GitHub saw is proof enough
	wait        time.Duration // for pings to arrive, all together; what GitHub's limits cost is not counted
	after       int64         // deliveries up to this one are known to be of earlier pings
	patient     bool          // a ping that was taken but not confirmed does not end the wait: GitHub may be slow to use a new secret
	created     time.Time     // GitHub pings a hook that it creates, so a hook created since then is not pinged at first
}

// prove pings a hook and waits for the proof. GitHub's own record of the ping is watched in the meantime, so that
// a refusal is reported at once with its reason. It returns the id of the last ping that it saw at GitHub.
// A ping can be lost on the way like anything else, so it is repeated within the wait.
func (c *Client) prove(ctx context.Context, p proof) (last int64, err error) {
	share, left := p.wait/3, p.wait
	var reason error
	for pause := c.limits.Pause; ; pause = min(2*pause, 5*time.Second) {
		ping := ping{since: p.created, sent: p.created.Add(-time.Minute)}
		if p.created.IsZero() {
			if ping, err = c.sendPing(ctx, p); err != nil {
				return p.after, err
			}
		}
		p.created = time.Time{}
		began := time.Now()
		var again bool
		again, p.after, err = c.await(ctx, p, ping, min(share, left))
		if err == nil {
			return p.after, nil
		}
		if errors.Is(ctx.Err(), context.Canceled) { // That nothing has arrived by then says nothing.
			return p.after, &Error{Op: "verify hook", Target: p.target.String(), Message: "interrupted", Err: ctx.Err()}
		}
		if reason == nil || !errors.Is(err, errNothing) {
			reason = err
		}
		if left -= time.Since(began) + pause; !again || left <= 0 || sleep(ctx, pause) != nil {
			return p.after, reason
		}
	}
}

// Prove pings a hook and returns once confirm has seen it arrive. fingerprint is that of the secret which the hook is to sign
// with; wait is [DefaultWait] if zero. A ping that was refused, or never sent, is an error with its reason and its cure.
func (c *Client) Prove(ctx context.Context, h Hook, fingerprint string, confirm Confirm, wait time.Duration) error {
	_, err := c.prove(ctx, proof{target: h.Target, hookID: h.ID, fingerprint: fingerprint, confirm: confirm, wait: cmp.Or(wait, DefaultWait)})
	return err
}

// inactiveNote is why a hook could not prove itself, where that is not a fault.
const inactiveNote = "the hook is inactive, so GitHub sent no ping"

// idle reports whether a proof failed only because the hook is inactive and GitHub therefore sent nothing.
func (c *Client) idle(ctx context.Context, t Target, hookID, last int64, err error) bool {
	if !errors.Is(err, errNothing) || last != 0 {
		return false
	}
	h, err := c.Get(ctx, t, hookID)
	return err == nil && !h.Active
}

// waiters is how many hooks are worked on at once: more than requests at once, because most of the time goes into
// waiting for pings, which costs GitHub nothing.
func (c *Client) waiters() int { return 4 * c.limits.Concurrent }

// ping is one that GitHub was asked for.
type ping struct {
	since time.Time // by our clock
	sent  time.Time // by GitHub's clock, or earlier
}

func (c *Client) sendPing(ctx context.Context, p proof) (ping, error) {
	sent := ping{since: time.Now()}
	header, err := c.do(ctx, Call{Op: "ping hook", Target: p.target.String(), Method: http.MethodPost, Path: p.target.hook(p.hookID) + "/pings"}, nil)
	if err != nil {
		return ping{}, err
	}
	// GitHub's clock distinguishes its pings, not ours. Its Date has whole seconds.
	sent.sent = sent.since.Add(-time.Minute)
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		sent.sent = date.Add(-time.Second)
	}
	return sent, nil
}

// logLag is how long the log may lag behind the receiver's answer where the machine is very busy. It is time and not a number
// of looks, because how quickly GitHub is asked says nothing about the disk.
const logLag = 5 * time.Second

// errNothing means that nothing is known of a ping, so that an earlier result says more.
var errNothing = errors.New("nothing known of the ping")

// await waits for the proof that a ping brings, for a time. again reports whether another ping may help.
func (c *Client) await(ctx context.Context, p proof, sent ping, patience time.Duration) (again bool, last int64, err error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	confirmed := make(chan error, 1)
	var confirming sync.WaitGroup
	defer confirming.Wait()
	defer cancel()
	if p.confirm != nil {
		confirming.Go(func() { confirmed <- p.confirm(wait, p.hookID, p.fingerprint, sent.since) })
	}
	failed := &Error{Op: "verify hook", Target: p.target.String(), Message: "no ping arrived", Err: errors.Join(ErrNotDelivered, errNothing),
		Cure: fmt.Sprintf("see what GitHub tried: hookctl hooks deliveries %d %s", p.hookID, p.target.Flag())}
	last = p.after
	pause := c.limits.Pause
	timer := time.NewTimer(pause)
	if p.confirm != nil {
		timer.Reset(4 * pause) // most pings are in the log by then
	}
	defer timer.Stop()
	for taken := (time.Time{}); ; { // when GitHub first said that the ping was taken
		select {
		case err := <-confirmed:
			if err == nil {
				return false, last, nil
			}
			if wait.Err() == nil {
				return false, last, fmt.Errorf("verify hook on %s: %w", p.target, err)
			}
			return true, last, failed
		case <-wait.Done():
			if p.confirm != nil && <-confirmed == nil { // it looks once more when the time is up
				return false, last, nil
			}
			return true, last, failed
		case <-timer.C:
		}
		pause = min(2*pause, 5*time.Second)
		timer.Reset(pause)
		seen, ok := c.lastPing(wait, p, sent.sent)
		switch {
		case !ok:
		case seen.OK() && p.confirm == nil:
			return false, seen.ID, nil
		case seen.OK():
			failed = otherReceiver(p, seen)
			if taken.IsZero() {
				taken = time.Now()
			}
			if time.Since(taken) > logLag {
				return p.patient, seen.ID, failed
			}
		default:
			return seen.StatusCode != http.StatusUnauthorized, seen.ID, refusedPing(p, seen)
		}
	}
}

// lastPing looks for the newest ping of a hook that was delivered after a time.
func (c *Client) lastPing(ctx context.Context, p proof, sent time.Time) (Delivery, bool) {
	list, err := c.Deliveries(ctx, p.target, p.hookID, DeliveryQuery{After: p.after, Since: sent, Limit: 30})
	if err != nil {
		c.log.Debug("cannot see what became of a ping", "target", p.target.String(), "error", err)
		return Delivery{}, false
	}
	for _, d := range list {
		if d.Event == "ping" {
			return d, true
		}
	}
	return Delivery{}, false
}

func otherReceiver(p proof, d Delivery) *Error {
	return &Error{Op: "verify hook", Target: p.target.String(), Err: ErrOtherReceiver,
		Message: fmt.Sprintf("GitHub's ping was answered with %d, but it is not in this receiver's log, signed with %s", d.StatusCode, p.fingerprint),
		Cure:    "check that the URL leads to this receiver, and that the receiver has the secret: hookctl status"}
}

// refusedPing says what GitHub got as an answer, and what that means.
func refusedPing(p proof, d Delivery) *Error {
	e := &Error{Op: "verify hook", Target: p.target.String(), Err: ErrNotDelivered,
		Message: fmt.Sprintf("GitHub's ping was answered with %d: %s", d.StatusCode, d.Status)}
	e.Cure = Explain(d.StatusCode, d.Status).Hint()
	if d.StatusCode == http.StatusUnauthorized {
		e.Err = ErrWrongSecret
		e.Message = "GitHub's ping was refused with 401: it is " + ErrWrongSecret.Error()
		e.Cure = fmt.Sprintf("give the hook another secret: hookctl rotate %d %s", p.hookID, p.target.Flag())
	}
	return e
}
