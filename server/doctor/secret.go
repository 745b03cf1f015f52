package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
)

// shortSecret is what a person might have typed; hookctl makes 64 characters.
const shortSecret = 16

// secret looks whether there is one and whether the receiver has it too.
func (f *facts) secret(context.Context) finding {
	value, origin, err := f.cfg.Store.Current()
	var open *secret.PermissionError
	switch {
	case errors.As(err, &open):
		return fail(fmt.Sprintf("chmod 600 %s; then hookctl rotate --all, since others could have read it", shellWord(open.Path)), "%v", err)
	case err != nil:
		return failed(err, "")
	case value == "":
		return fail("hookctl setup", "there is none, so the receiver does not start")
	}
	print := secret.Fingerprint(value)
	all := []finding{ok("%s, from %s", print, where(origin))}
	if len(value) < shortSecret {
		all = append(all, warn("hookctl rotate --all", "it has %d characters and can be guessed", len(value)))
	}
	ring, err := f.ring()
	if err != nil {
		return failed(err, "")
	}
	if st, err := f.status(); err == nil {
		var lacks []string
		for _, p := range ring.all {
			if !slices.Contains(st.Secrets, p) {
				lacks = append(lacks, p)
			}
		}
		switch {
		case len(st.Secrets) == 0 && st.Secret == "":
		case len(lacks) > 0 && lacks[0] == ring.current:
			all = append(all, fail("hookctl restart", "the receiver does not accept %s yet: it has %s", ring.current, strings.Join(st.Secrets, ", ")))
		case len(lacks) > 0:
			all = append(all, warn("hookctl restart", "the receiver does not accept %s yet", strings.Join(lacks, ", ")))
		}
	}
	return worst(all...)
}

func where(origin secret.Origin) string {
	if origin == secret.FromEnvironment {
		return "the environment, which wins over .env, so it cannot be rotated"
	}
	return string(origin)
}

// age looks how long the secret has been in use.
func (f *facts) age(context.Context) finding {
	since, err := f.cfg.Store.ChangedAt()
	if err != nil {
		return warn("", "not known: %v", err)
	}
	if since.IsZero() {
		return ok("not known")
	}
	old := f.cfg.Now().Sub(since)
	if old > f.cfg.MaxAge {
		return warn("hookctl rotate --all", "it is %s old", ago(old))
	}
	return ok("it is %s old", ago(old))
}

// rotation looks for one that is not finished.
func (f *facts) rotation(context.Context) finding {
	r, err := f.cfg.Store.Rotation()
	if err != nil {
		return failed(err, "")
	}
	if r == nil {
		return ok("none is under way")
	}
	if !r.Promoted.IsZero() {
		if r.Over(f.cfg.Now()) {
			return ok("the last one is over")
		}
		return ok("it is complete; the old secret is accepted until %s", r.Expires.Local().Format("15:04"))
	}
	var left []string
	for _, h := range r.Hooks {
		if h.Step != secret.StepVerified && h.Step != secret.StepGone {
			text := fmt.Sprintf("hook %d of %s is %s", h.HookID, h.Repository, h.Step)
			if h.Error != "" {
				text += " (" + h.Error + ")"
			}
			left = append(left, text)
		}
	}
	if len(left) == 0 {
		left = []string{"the new secret is not the current one yet"}
	}
	return warn("hookctl rotate --resume", "one was begun and is not finished; both secrets are accepted: %s", strings.Join(left, "; "))
}

// signedWith looks whether each hook signs with a secret that is accepted: by GitHub's latest delivery where it was refused
// for its signature, which is the newest that can be known, else by the last verified record.
func (f *facts) signedWith(_ context.Context, t hooks.Target) finding {
	own, _, err := f.ours(t)
	if err != nil {
		return skipped(told(err))
	}
	if len(own) == 0 {
		return ok("no hook of this receiver")
	}
	if f.cfg.Store == nil {
		return ok("not looked at")
	}
	ring, err := f.ring()
	if err != nil {
		return failed(err, "")
	}
	sum, err := f.log()
	if err != nil {
		return warn("", "the log cannot be read: %v", err)
	}
	deliveries, err := f.recent[t]()
	if err != nil { // what the hook itself says is left; the check of the deliveries reports the error
		deliveries = nil
	}
	var all []finding
	for _, h := range own {
		all = append(all, signed(h, latest(deliveries, h.ID), sum, ring))
	}
	return worst(all...)
}

// latest is the newest delivery of a hook; the zero one where there is none.
func latest(list []hooks.Delivery, hook int64) hooks.Delivery {
	var newest hooks.Delivery
	for _, d := range list {
		if d.HookID == hook && d.DeliveredAt.After(newest.DeliveredAt) {
			newest = d
		}
	}
	return newest
}

func signed(h hooks.Hook, last hooks.Delivery, sum logSummary, ring accepted) finding {
	e, seen := sum.verified[h.ID]
	rotate := "hookctl rotate " + flag(h.Target)
	ping := fmt.Sprintf("hookctl hooks ping %d %s", h.ID, flag(h.Target))
	refused := last.StatusCode == http.StatusUnauthorized || last.ID == 0 && h.LastResponse.Code == http.StatusUnauthorized
	proven := e.ReceivedAt.After(h.UpdatedAt) || last.OK() && !last.DeliveredAt.Before(h.UpdatedAt)
	switch {
	case !h.HasSecret:
		return fail(rotate, "hook %d has none, so its deliveries are refused", h.ID)
	case refused:
		return fail(rotate, "hook %d signs with another secret: its last delivery was refused (401)", h.ID)
	case !seen:
		return warn(ping, "nothing of hook %d has been verified yet", h.ID)
	case !proven && h.Active:
		return warn(ping, "hook %d has been changed at GitHub since its last verified delivery, so its secret is not known", h.ID)
	case e.Secret == "" || e.Secret == ring.current:
		return ok("hook %d signs with %s, the current one", h.ID, e.Secret)
	case slices.Contains(ring.all, e.Secret):
		return ok("hook %d signs with %s, which is accepted", h.ID, e.Secret)
	}
	return fail(rotate, "hook %d signed with %s last, which is no longer accepted", h.ID, e.Secret)
}

// skipped is the finding of a check that could not be done because of something that another check tells.
func skipped(err error) finding {
	if errors.Is(err, errNoGitHub) || errors.Is(err, errNoHooks) {
		return warn("", "not looked at: %v", err)
	}
	return failed(err, "")
}
