package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// receiver looks whether it runs and answers, and what it has refused of late.
func (f *facts) receiver(ctx context.Context) finding {
	st, err := f.status()
	if errors.Is(err, daemon.ErrNotRunning) {
		pid, locked, err := daemon.Held(f.cfg.Home)
		if err != nil {
			return failed(err, "")
		}
		if locked {
			return fail("hookctl restart", "a process (pid %d) holds the receiver's lock and does not answer: it is starting, or it hangs", pid)
		}
		note := ""
		if socket, err := daemon.StaleSocket(f.cfg.Home); err == nil && socket != "" {
			note = "; it did not end by itself: its control socket is left over"
		}
		return fail("hookctl start", "it is not running, so every delivery fails%s", note)
	}
	if err != nil {
		return failed(err, "hookctl restart")
	}
	if st.Alarm != "" {
		return fail("", "it runs (pid %d) and is in trouble: %s", st.PID, st.Alarm)
	}
	if st.Stopping {
		return warn("hookctl start", "it is stopping (pid %d)", st.PID)
	}
	manager := ""
	if st.Supervisor != nil {
		manager = " by " + st.Supervisor.String()
	} else if st.Manager != "" {
		manager = " by " + st.Manager
	}
	running := fmt.Sprintf("it runs%s (pid %d) for %s now; %d received, %d refused", manager, st.PID, ago(f.cfg.Now().Sub(st.Since)), st.Received, st.Rejected)
	list, err := daemon.Dial(f.cfg.Home).Rejected(ctx)
	if err != nil {
		return failed(err, "hookctl restart")
	}
	return worst(ok("%s", running), f.refused(list))
}

// refused looks at the requests that the receiver refused within the last hour. A wrong signature of something that
// calls itself a delivery is GitHub signing with another secret, or somebody trying.
func (f *facts) refused(list []daemon.Rejected) finding {
	var wrong int
	var last daemon.Rejected
	for _, r := range list {
		if r.DeliveryID != "" && strings.Contains(r.Reason, "signature") && f.cfg.Now().Sub(r.Time) < time.Hour {
			wrong++
			if r.Time.After(last.Time) {
				last = r
			}
		}
	}
	if wrong == 0 {
		return finding{status: OK}
	}
	if last.Former != "" {
		return warn("hookctl setup", "%s with a wrong signature within the last hour, the last from %s with the former secret %s: a hook was not rotated (delivery %s)",
			text.Count(wrong, "request was refused", "requests were refused"), last.Address, last.Former, last.DeliveryID)
	}
	return warn("hookctl rotate --all", "%s with a wrong or missing signature within the last hour, the last from %s (%s, delivery %s)",
		text.Count(wrong, "request was refused", "requests were refused"), last.Address, last.Reason, last.DeliveryID)
}

// service looks whether a service manager keeps the receiver running, where one was told to.
func (f *facts) service(ctx context.Context) finding {
	s, err := daemon.Installed(f.cfg.Home)
	if errors.Is(err, daemon.ErrNoService) {
		return ok("none is installed: the receiver does not come back by itself after a restart of this machine")
	}
	if err != nil {
		return failed(err, "hookctl service install")
	}
	st, err := s.Status(ctx)
	if err != nil {
		return failed(err, "hookctl service install")
	}
	return serviceFinding(st)
}

func serviceFinding(st daemon.ServiceStatus) finding {
	text := fmt.Sprintf("%s (%s) is %s and %s", st.Unit, st.Manager, orUnknown(st.Enabled), orUnknown(st.Active))
	all := []finding{ok("%s", text)}
	switch {
	case st.Active == "failed":
		all = append(all, fail(st.Logs+"; then hookctl restart", "%s", text))
	case st.Active != "active" && st.Active != "activating" && st.Active != "reloading":
		all = append(all, warn("hookctl start", "%s", text))
	}
	if st.Enabled != "" && st.Enabled != "enabled" {
		all = append(all, warn("hookctl service install", "%s: it does not start by itself", text))
	}
	for _, note := range st.Notes {
		all = append(all, warn("", "%s", note))
	}
	return worst(all...)
}

func orUnknown(word string) string {
	if word == "" {
		return "unknown"
	}
	return word
}

// version compares the receiver with this program.
func (f *facts) version(context.Context) finding {
	st, err := f.status()
	switch {
	case err != nil:
		return ok("%s", f.cfg.Version)
	case f.cfg.Version != "" && st.Version != f.cfg.Version:
		return warn("hookctl restart", "the receiver is version %s, this program is %s", st.Version, f.cfg.Version)
	}
	return ok("%s, as the receiver", st.Version)
}

// address looks where the receiver listens, or whether it could.
func (f *facts) address(ctx context.Context) finding {
	st, err := f.status()
	if err != nil {
		if f.cfg.Address == "" {
			return ok("not set")
		}
		if _, locked, heldErr := daemon.Held(f.cfg.Home); heldErr == nil && locked {
			return warn("hookctl restart", "%s cannot be tried: the receiver does not answer", f.cfg.Address)
		}
		if err := daemon.CheckAddress(ctx, f.cfg.Address); err != nil {
			return failed(err, "")
		}
		return ok("%s is free", f.cfg.Address)
	}
	host, port, err := net.SplitHostPort(st.Address)
	if err != nil {
		return warn("hookctl restart", "the receiver says that it listens on %q", st.Address)
	}
	wantHost, wantPort, err := net.SplitHostPort(f.cfg.Address)
	switch {
	case err == nil && wantPort != "0" && wantPort != port:
		return warn("hookctl restart", "the receiver listens on port %s, the settings say %s", port, wantPort)
	case err == nil && !sameBind(wantHost, host):
		return warn("hookctl restart", "the receiver listens on %s, the settings say %s", host, wantHost)
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsLoopback() && len(f.cfg.Allow) == 0 {
		return warn("set receiver.bind to 127.0.0.1 behind a tunnel or proxy, or receiver.allow to GitHub's ranges",
			"%s can be reached from other machines; deliveries are verified, and yet fewer should get that far", st.Address)
	}
	return ok("%s", st.Address)
}

func sameBind(a, b string) bool {
	if a == "localhost" {
		a = "127.0.0.1"
	}
	first, second := net.ParseIP(a), net.ParseIP(b)
	any1, any2 := a == "" || first != nil && first.IsUnspecified(), b == "" || second != nil && second.IsUnspecified()
	return any1 && any2 || first != nil && first.Equal(second) || a == b
}

// notifications looks for messages that wait, or that failed. While the receiver runs it is the one who knows what waits.
func (f *facts) notifications(context.Context) finding {
	sum, err := f.log()
	if err != nil {
		return warn("", "the log cannot be read: %v", err)
	}
	st, err := f.status()
	if err != nil {
		st = daemon.Status{PendingNotifications: int64(len(sum.pending))}
		if len(sum.pending) > 0 {
			st.PendingSince = sum.pending[0].ReceivedAt
		}
	}
	c := Notifications(st, sum.counts.Failed, f.cfg.Now())
	return finding{c.Status, c.Detail, c.Fix}
}

// longWait is how long a notification may wait before that is worth a word.
const longWait = time.Minute

// Notifications judges how notifications get through, for everyone who shows it: a sink whose last attempt failed is an
// error; one that waits for longer than a minute, or that failed for good, is a warning. st is the receiver's own account,
// and failed counts the records whose notification failed, as the log has them; 0 where the log was not asked.
func Notifications(st daemon.Status, failed int, now time.Time) Check {
	var all []finding
	for _, s := range st.FailingSinks {
		all = append(all, fail("check what the sink leads to, or correct it with: hookctl config edit; what is pending is sent by itself",
			"the sink %s has been failing for %s: %s", s.Sink, ago(now.Sub(s.Since)), s.Error))
	}
	if n := int(st.PendingNotifications); n > 0 {
		words := text.Count(n, "notification is pending", "notifications are pending")
		wait := now.Sub(st.PendingSince)
		switch {
		case st.PendingSince.IsZero(): // an older receiver does not say
			all = append(all, ok("%s", words))
		case wait > longWait:
			all = append(all, warn("hookctl events list --filter status:pending", "%s, the oldest for %s", words, ago(wait)))
		default:
			all = append(all, ok("%s, the oldest for %s", words, ago(wait)))
		}
	}
	if failed > 0 {
		all = append(all, warn("hookctl events list --filter status:failed, then hookctl events resend FILE",
			"%s", text.Count(failed, "notification failed", "notifications failed")))
	}
	out := ok("none is pending, none failed")
	if len(all) > 0 {
		out = worst(all...)
	}
	return Check{Name: "notifications", Status: out.status, Detail: out.detail, Fix: out.fix}
}

// run does a probe.
func (p Probe) run(ctx context.Context) finding {
	detail, err := p.Check(ctx)
	if err == nil {
		return ok("%s", detail)
	}
	out := failed(err, p.Fix)
	var w *Warning
	if errors.As(err, &w) {
		out.status = Warn
	}
	return out
}
