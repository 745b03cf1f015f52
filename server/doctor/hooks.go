package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
)

// kind is one of the checks that every target has. Together they say everything that package fleet says of its hooks.
type kind string

const (
	ofHook       kind = "hook"
	ofSecret     kind = "secret"
	ofDeliveries kind = "deliveries"
	ofMissed     kind = "missed deliveries"
)

func kinds() []kind { return []kind{ofHook, ofSecret, ofDeliveries, ofMissed} }

// of is the name of the check.
func (k kind) of(t hooks.Target) string { return string(k) + " of " + t.String() }

// ofTarget reports whether a check of this name is one of those that every target has.
func ofTarget(name string) bool {
	return slices.ContainsFunc(kinds(), func(k kind) bool {
		target, of := strings.CutPrefix(name, string(k)+" of ")
		_, err := hooks.ParseTarget(target)
		return of && err == nil
	})
}

// covers reports whether a warning about a hook belongs to the check. A refused signature belongs to two.
func (k kind) covers(h fleet.Hook, w hooks.Warning) bool {
	switch w.Code {
	case hooks.WarnWrongSecret:
		return k == ofSecret || k == ofDeliveries && h.LastResponse.Code == http.StatusUnauthorized
	case hooks.WarnNoSecret, fleet.WarnUnproved:
		return k == ofSecret
	case hooks.WarnFailing:
		return k == ofDeliveries
	case hooks.WarnMissed:
		return k == ofMissed
	}
	return k == ofHook
}

func (f *facts) noTargets(context.Context) Check {
	if _, err := f.targets(); err != nil {
		return failed(err, "")
	}
	return warn("hookctl setup -R owner/repo", "no repository is set up")
}

// hooksOf does one check of one target.
func (f *facts) hooksOf(t hooks.Target, k kind) Check {
	list, err := f.hooks()
	switch {
	case err == nil:
		return judge(list, t, k, f.cfg.Now())
	case errors.Is(err, errNoGitHub):
		return skipped(err)
	case k != ofHook:
		return skipped(errNoHooks)
	}
	return failed(err, "")
}

// judge is what a list says of one target under one kind. Hooks of other services are none of our business: they are neither
// warned about nor named.
func judge(list fleet.List, t hooks.Target, k kind, now time.Time) Check {
	all, aside := list.Of(t)
	if aside != nil {
		if k != ofHook {
			return skipped(errNoHooks)
		}
		return fail(aside.Cure(), "%v", aside.Err)
	}
	var found []Check
	ours := 0
	for _, h := range all {
		if h.Ours {
			ours++
			found = append(found, ok("%s", k.fine(h, now)))
		}
		for _, w := range h.Warnings {
			switch {
			case !k.covers(h, w):
			case h.Loses(w):
				found = append(found, fail(w.Cure, "%s", w.Text))
			default:
				found = append(found, warn(w.Cure, "%s", w.Text))
			}
		}
	}
	switch {
	case ours > 0:
	case k != ofHook:
		return ok("no hook of this receiver")
	case len(found) > 0: // moved elsewhere, with the command that takes it back
		found = append(found, Check{Status: Fail, Detail: "no other hook delivers here"})
	default:
		return fail("hookctl setup "+t.Flag(), "no hook delivers to this receiver")
	}
	return worst(found...)
}

// fine is what there is to say of a hook of ours that has no warning of the kind.
func (k kind) fine(h fleet.Hook, now time.Time) string {
	switch k {
	case ofHook:
		return fmt.Sprintf("hook %d sends %s to %s", h.ID, strings.Join(h.Events, ", "), h.URL)
	case ofSecret:
		switch h.SecretState {
		case fleet.SecretCurrent:
			return fmt.Sprintf("hook %d signs with %s, the current secret", h.ID, h.Secret)
		case fleet.SecretAccepted:
			return fmt.Sprintf("hook %d signs with %s, which is accepted", h.ID, h.Secret)
		}
		return fmt.Sprintf("hook %d has delivered nothing since its last change", h.ID)
	case ofDeliveries:
		if len(h.Sent) == 0 {
			return "none in the last 3 days"
		}
		failed := 0
		for _, s := range h.Sent {
			if !s.OK() {
				failed++
			}
		}
		last := fmt.Sprintf("the last one (%s, %s ago) arrived", h.Sent[0].Event, text.Span(now.Sub(h.Sent[0].Attempts[0].DeliveredAt)))
		switch {
		case failed > 0:
			return fmt.Sprintf("%s; %d of the last %d failed", last, failed, len(h.Sent))
		case len(h.Sent) == 1:
			return last
		}
		return fmt.Sprintf("%s, as did all of the last %d events", last, len(h.Sent))
	}
	return "none in the last 3 days"
}
