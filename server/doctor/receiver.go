package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// stopped reports whether an error of [daemon.Client.Status] means that no process is the receiver.
func stopped(err error) bool {
	return errors.Is(err, daemon.ErrNotRunning) && !errors.As(err, new(*daemon.UnresponsiveError))
}

// tunnelAlarm is the key of the receiver's alarm about its tunnel, and how its text begins.
const tunnelAlarm = "tunnel"

// alarmsOf are the alarms of a receiver: those about its tunnel, or all others.
func alarmsOf(st daemon.Status, tunnel bool) (list []daemon.Alarm) {
	for _, a := range st.Alarms {
		if (a.Key == tunnelAlarm) == tunnel {
			list = append(list, a)
		}
	}
	return list
}

func judgeAlarm(a daemon.Alarm) Check {
	if a.Warning {
		return warn(a.Hint, "%s", a.Text)
	}
	return fail(a.Hint, "%s", a.Text)
}

// Alarms judges each alarm of a receiver that runs, for everyone who shows them one by one.
func Alarms(st daemon.Status) (list []Check) {
	for _, a := range slices.Concat(alarmsOf(st, false), alarmsOf(st, true)) {
		list = append(list, judgeAlarm(a).named("receiver"))
	}
	return list
}

// Receiver judges whether the receiver of a home runs and can work, for everyone who shows it. st and err are what [daemon.Client.Status] returned.
func Receiver(home string, st daemon.Status, err error, now time.Time) Check {
	return judgeReceiver(home, st, err, now).named("receiver")
}

func judgeReceiver(home string, st daemon.Status, err error, now time.Time) Check {
	switch {
	case stopped(err):
		fix := "hookctl start"
		if flags := daemon.LastFlags(home); len(flags) > 0 { // which start would forget
			fix = "hookctl restart; it keeps"
			for _, flag := range flags {
				fix += " " + text.Shell(flag)
			}
		}
		return fail(fix, "not running, so no delivery can arrive")
	case err != nil:
		return failed(err, "hookctl restart")
	case !st.Running:
		return Check{Status: Unknown, Detail: "not asked yet"}
	}
	if troubles := alarmsOf(st, false); len(troubles) > 0 {
		var all []Check
		for _, a := range troubles {
			if a.Hint == "hookctl doctor" { // who runs it reads this there
				a.Hint = ""
			}
			all = append(all, judgeAlarm(a))
		}
		out := worst(all...)
		out.Detail = fmt.Sprintf("running (pid %d), but in trouble: %s", st.PID, out.Detail)
		return out
	}
	if st.Stopping {
		return warn("hookctl start", "stopping (pid %d)", st.PID)
	}
	supervisor := ""
	if st.Supervisor != nil {
		supervisor = " under " + st.Supervisor.String()
	}
	return ok("running%s on %s for %s; %d received, %d refused", supervisor, st.Address, text.Span(now.Sub(st.Since)), st.Received, st.Rejected)
}

// receiver checks that it runs and answers.
func (f *facts) receiver(context.Context) Check {
	st, err := f.status()
	out := judgeReceiver(f.cfg.Home, st, err, f.cfg.Now())
	if stopped(err) {
		if ring, err := accepted(f.cfg.Store, f.cfg.Now()); err == nil && len(ring) == 0 { // so start would fail
			out.Detail, out.Fix = "not running, because there is no secret yet", "hookctl setup"
		}
		if socket, err := daemon.StaleSocket(f.cfg.Home); err == nil && socket != "" {
			out.Detail += "; it was killed: its control socket is left over"
		}
	}
	return out
}

// refusedRequests checks which signatures the receiver refused within the last hour. Anyone can send a request that looks like a
// delivery, so the next step is to look at it; only one from a hook of ours asks for a rotation. What came before the last new
// secret is settled.
func (f *facts) refusedRequests(ctx context.Context) Check {
	if _, err := f.status(); err != nil {
		return unknown("not known while the receiver does not answer")
	}
	list, err := daemon.Dial(f.cfg.Home).Rejected(ctx)
	if err != nil {
		return failed(err, "hookctl restart")
	}
	since := slices.MaxFunc(append(f.newSecrets(), f.cfg.Now().Add(-time.Hour)), time.Time.Compare)
	refused := 0
	var claimed, ours *daemon.Rejected // the last like a delivery, and the last of a hook of ours
	for _, r := range list {
		if !strings.Contains(strings.ToLower(r.Reason), "signature") || !r.Time.After(since) {
			continue
		}
		refused++
		if r.DeliveryID != "" {
			claimed = &r
			if r.Former != "" || f.isOurs(r.HookID) {
				ours = &r
			}
		}
	}
	words := text.Count(refused, "request") + " with a wrong or missing signature in the last hour"
	switch {
	case refused == 0:
		return ok("none with a wrong or missing signature in the last hour")
	case claimed == nil:
		return ok("%s, none of them like a delivery", words)
	case ours == nil:
		return warn("see them: hookctl rejected", "%s, the last like a delivery from %s (%s, delivery %s); none is known to come from a hook of ours",
			words, claimed.Address, claimed.Reason, claimed.DeliveryID)
	}
	why := fmt.Sprintf("hook %d of ours signs with another secret", ours.HookID)
	if ours.Former != "" {
		why = "signed with the former secret " + ours.Former + ": its hook was not rotated"
	}
	return warn("hookctl rotate --all", "%s, the last of a hook of ours from %s (%s, delivery %s)", words, ours.Address, why, ours.DeliveryID)
}

// isOurs reports whether a hook is known to be ours. Where the hooks cannot be listed, none is.
func (f *facts) isOurs(hook int64) bool {
	if hook == 0 {
		return false
	}
	list, _ := f.hooks()
	return slices.ContainsFunc(list.Hooks, func(h fleet.Hook) bool { return h.Ours && h.ID == hook })
}

// newSecrets is when the shared secret was replaced last, as its note and the rotation have it: the note counts in whole
// seconds. What cannot be read other checks report.
func (f *facts) newSecrets() (list []time.Time) {
	if changed, err := f.cfg.Store.ChangedAt(); err == nil {
		list = append(list, changed)
	}
	if r, err := f.cfg.Fleet.Rotation(); err == nil && r.State != nil {
		list = append(list, r.State.Promoted)
	}
	return list
}

// service checks that the service manager runs the receiver, where a service is installed.
func (f *facts) service(ctx context.Context) Check {
	s, err := daemon.Installed(f.cfg.Home)
	if errors.Is(err, daemon.ErrNoService) {
		return unknown("not installed: the receiver does not start again with this machine")
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

func serviceFinding(st daemon.ServiceStatus) Check {
	words := fmt.Sprintf("%s (%s) is %s and %s", st.Unit, st.Manager, cmp.Or(st.Enabled, "unknown"), cmp.Or(st.Active, "unknown"))
	all := []Check{ok("%s", words)}
	switch {
	case st.Active == "failed":
		all = append(all, fail(st.Logs+"; then hookctl restart", "%s", words))
	case st.Active != "active" && st.Active != "activating" && st.Active != "reloading":
		all = append(all, warn("hookctl start", "%s", words))
	}
	if st.Enabled != "" && st.Enabled != "enabled" {
		all = append(all, warn("hookctl service install", "%s: it does not start by itself", words))
	}
	for _, note := range st.Notes {
		all = append(all, warn("", "%s", note))
	}
	return worst(all...)
}

// version compares the receiver with this program.
func (f *facts) version(context.Context) Check {
	st, err := f.status()
	switch {
	case err != nil:
		return ok("%s", f.cfg.Version)
	case f.cfg.Version != "" && st.Version != f.cfg.Version:
		return warn("hookctl restart", "the receiver is version %s, this program is %s", st.Version, f.cfg.Version)
	}
	return ok("%s, like the receiver", st.Version)
}

// address checks where the receiver listens, or whether it could.
func (f *facts) address(ctx context.Context) Check {
	st, err := f.status()
	if err != nil {
		if f.cfg.Address == "" {
			return unknown("not set")
		}
		if !stopped(err) {
			return warn("hookctl restart", "%s not checked: the receiver does not answer", f.cfg.Address)
		}
		if err := daemon.CheckAddress(ctx, f.cfg.Address); err != nil {
			return failed(err, "")
		}
		return ok("%s is free", f.cfg.Address)
	}
	host, port, err := net.SplitHostPort(st.Address)
	if err != nil {
		return warn("hookctl restart", "the receiver reports the address %q", st.Address)
	}
	wantHost, wantPort, err := net.SplitHostPort(f.cfg.Address)
	_, portGiven := StartedWith(st, "--port")
	_, bindGiven := StartedWith(st, "--bind")
	switch {
	case err == nil && (wantPort != port && portGiven || !sameBind(wantHost, host) && bindGiven):
		return ok("%s, as the receiver was started; the settings say %s", st.Address, f.cfg.Address)
	case err == nil && wantPort != "0" && wantPort != port:
		return warn("hookctl restart", "the receiver listens on port %s, the settings say %s", port, wantPort)
	case err == nil && !sameBind(wantHost, host):
		return warn("hookctl restart", "the receiver listens on %s, the settings say %s", host, wantHost)
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsLoopback() && len(f.cfg.Allow) == 0 {
		return warn("set receiver.allow to github or, behind a tunnel or proxy, receiver.bind to 127.0.0.1: hookctl config edit",
			"%s can be reached from other machines; every request is verified, but only GitHub should get that far", st.Address)
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

// run does a probe.
func (p Probe) run(ctx context.Context) Check {
	detail, err := p.Check(ctx)
	if err == nil {
		return ok("%s", detail)
	}
	out := failed(err, p.Fix)
	if _, harmless := errors.AsType[*Warning](err); harmless {
		out.Status = Warn
	}
	return out
}
