package fleet

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
)

// Health is how a hook of ours is.
type Health string

// The healths. A hook of another service has none.
const (
	Healthy Health = "healthy"
	Unknown Health = "unknown" // nothing was delivered yet
	Warning Health = "warning"
	Failing Health = "failing"
)

// What is known of the secret that a hook signs with. Nobody can read it at GitHub: its deliveries show it.
const (
	SecretCurrent  = "current"  // that which it is to sign with
	SecretAccepted = "accepted" // another one that is still accepted, as within a grace period
	SecretRefused  = "refused"  // one that the receiver does not accept
	SecretUnproved = "unproved" // nothing was verified since its last change
	SecretNone     = "none"     // it has none
)

// The kinds of warnings that this package adds to those of package hooks.
const (
	WarnMoved      = "moved"       // it delivered here and was pointed elsewhere since
	WarnOldAddress = "old_address" // it is ours, and sends to another address than the public URL
	WarnPlainHTTP  = "plain_http"  // deliveries travel unencrypted
	WarnUnproved   = "unproved"    // its secret has not been proved since its last change
	WarnNoEvents   = "no_events"   // it subscribes to nothing
	// WarnLacksEvents is of a hook that does not send what notify_also of the settings is about.
	WarnLacksEvents = "lacks_events"
)

// Hook is a hook at GitHub with what this receiver knows of it.
type Hook struct {
	hooks.Hook
	Ours  bool `json:"ours"`            // it delivers to this receiver
	Moved bool `json:"moved,omitempty"` // it did, and was pointed elsewhere at GitHub since; setup takes it back with Adopt

	Health   Health          `json:"health"`   // "" for one of another service
	State    string          `json:"state"`    // the same in a few words: "delivers", "paused", "502 tunnel up, receiver down"
	Warnings []hooks.Warning `json:"warnings"` // what is wrong, worst first, each with the command that leads out of it; none for another service's

	// Sent are the latest events that GitHub sent to a hook of ours, newest first, where they were asked for. Not in its JSON.
	Sent []Sent `json:"-"`

	SecretState string    `json:"secret_state,omitempty"` // one of the Secret constants; "" for one of another service
	Secret      string    `json:"secret,omitempty"`       // fingerprint of what its newest verified delivery was signed with
	SecretSince time.Time `json:"secret_since,omitzero"`  // since when the secret that it is to sign with is in use; zero where that is not known
	Seen        time.Time `json:"seen,omitzero"`          // when that delivery arrived here; zero for never
}

// LastAnswer is what GitHub got as an answer to the newest delivery, in words.
func (h Hook) LastAnswer() string {
	switch last := h.LastResponse; {
	case last.None():
		return "none yet"
	case last.Code >= 200 && last.Code < 300:
		return strings.TrimSpace(fmt.Sprintf("%d %s", last.Code, last.Message))
	case last.Code != 0 && last.Message != "":
		return hooks.Explain(last.Code, "").State + ": " + last.Message
	default:
		return hooks.Explain(last.Code, cmp.Or(last.Message, last.Status)).State
	}
}

// ours decides whether a hook delivers to this receiver, by itself or before it was moved elsewhere.
func (k *facts) ours(h hooks.Hook) (ours, moved bool) {
	if h.Name != "web" || h.URL == "" {
		return false, false // another service's, or a relay's
	}
	if slices.ContainsFunc(k.kept.Addresses, func(address string) bool { return hooks.SameReceiver(h.URL, address) }) {
		return true, false
	}
	known := k.kept.Hooks[h.ID]
	switch {
	case known.URL != "" && hooks.SameURL(known.URL, h.URL):
		return true, false // setup created it here, and nothing arrived yet
	case known.Seen.IsZero():
		return false, false
	}
	// Since GitHub changed it last, a delivery of it was verified here, by whatever way it came.
	ours = !known.Seen.Before(h.UpdatedAt)
	return ours, !ours
}

// judge says of a hook among those of its target what it is and how it is, also by what was sent to it where that was asked for.
func (k *facts) judge(h hooks.Hook, beside []hooks.Hook, sent []Sent) (Hook, error) {
	j := Hook{Hook: h, Sent: sent, Warnings: []hooks.Warning{}, Secret: k.kept.Hooks[h.ID].Secret, Seen: k.kept.Hooks[h.ID].Seen}
	j.Ours, j.Moved = k.ours(h)
	switch {
	case j.Moved:
		j.State = "moved elsewhere"
		j.warn(WarnMoved, fmt.Sprintf("hookctl setup %s --adopt", h.Target.Flag()), "delivered here until %s, and sends to %s now", j.Seen.Local().Format(time.DateTime), h.URL)
		return j, nil
	case !j.Ours && h.Name == "cli":
		j.State = "a relay, as of gh webhook forward"
		return j, nil
	case !j.Ours:
		j.State = "another service's"
		return j, nil
	}
	var err error
	if j.SecretState, err = k.secretOf(&j); err != nil {
		return j, err
	}
	if j.SecretSince, err = k.cfg.Store.HookChangedAt(h.ID, h.URL); err != nil {
		return j, err
	}
	for _, w := range h.Warnings() {
		if w.Code == hooks.WarnFailing {
			w.Cure = k.cureOf(h, w.Cure)
		}
		j.Warnings = append(j.Warnings, w)
	}
	k.among(&j, beside)
	j.missed()
	slices.SortStableFunc(j.Warnings, func(a, b hooks.Warning) int { return cmp.Compare(weight(b.Code), weight(a.Code)) })
	j.Health, j.State = j.health()
	return j, nil
}

// cureOf is what leads out of a failed delivery. Only another delivery shows that it did, so a ping ends it, unless setup,
// which pings, is the cure.
func (k *facts) cureOf(h hooks.Hook, cure string) string {
	ping := "hookctl hooks ping " + h.Ref()
	passing := hooks.Explain(h.LastResponse.Code, cmp.Or(h.LastResponse.Message, h.LastResponse.Status)).Passing
	switch {
	case cure == h.SetupCommand():
		return cure
	case passing && k.running:
		return ping
	case passing:
		return "hookctl start; then " + ping
	}
	return cure + "; then " + ping
}

// among finds what is wrong with a hook of ours as one of the fleet.
func (k *facts) among(j *Hook, beside []hooks.Hook) {
	if k.public != "" && !hooks.SameReceiver(j.URL, k.public) {
		j.warn(WarnOldAddress, j.SetupCommand(), "sends to %s, and the public URL is %s", j.URL, k.public)
	}
	if strings.HasPrefix(strings.ToLower(j.URL), "http://") {
		j.warn(WarnPlainHTTP, j.SetupCommand()+" --url https://…", "sends without encryption, so everybody on the way can read the events")
	}
	if len(j.Events) == 0 {
		j.warn(WarnNoEvents, "hookctl hooks edit "+j.Ref()+" --event push", "subscribes to nothing")
	}
	if missing := slices.DeleteFunc(slices.Clone(k.cfg.Needed), func(e string) bool { return slices.Contains(j.Events, e) }); len(missing) > 0 &&
		len(j.Events) > 0 && !slices.Contains(j.Events, "*") {
		j.warn(WarnLacksEvents, "hookctl hooks edit "+j.Ref()+" --event "+strings.Join(slices.Concat(j.Events, missing), " --event "),
			"does not subscribe to %s, which notify_also needs", strings.Join(missing, ", "))
	}
	for _, other := range beside {
		if ours, _ := k.ours(other); ours && other.ID != j.ID && hooks.PathName(other.URL) == hooks.PathName(j.URL) && k.keeps(other, j.Hook) {
			j.warn(hooks.WarnDuplicate, "hookctl hooks delete "+j.Ref(), "leads to the same place as hook %d, so every event arrives twice", other.ID)
			break
		}
	}
	switch j.SecretState {
	case SecretRefused:
		if !slices.ContainsFunc(j.Warnings, func(w hooks.Warning) bool { return w.Code == hooks.WarnWrongSecret }) {
			j.warn(hooks.WarnWrongSecret, "hookctl rotate "+j.Ref(), "signed with %s last, which is no longer accepted", j.Secret)
		}
	case SecretUnproved:
		if j.Active && !slices.ContainsFunc(j.Warnings, func(w hooks.Warning) bool { return w.Code == hooks.WarnFailing }) {
			j.warn(WarnUnproved, "hookctl hooks ping "+j.Ref(), "has not proved its secret since it was changed at GitHub")
		}
	}
}

// keeps decides which of two hooks that lead to the same place stays: the one that sends to the public URL, else the older.
func (k *facts) keeps(a, b hooks.Hook) bool {
	first, second := hooks.SameReceiver(a.URL, k.public), hooks.SameReceiver(b.URL, k.public)
	if first != second {
		return first
	}
	return a.ID < b.ID
}

// skew is how far this machine's clock and GitHub's may be apart before the order of events is unknown.
const skew = 2 * time.Minute

// secretOf is what is known of the secret that a hook of ours signs with: the one judgement of it.
func (k *facts) secretOf(j *Hook) (string, error) {
	own, err := k.cfg.Store.SecretOf(j.ID, j.URL)
	if err != nil {
		return "", err
	}
	due := k.current
	if own != "" {
		due = secret.Fingerprint(own)
	}
	changed := j.Seen.Add(skew).Before(j.UpdatedAt)
	switch {
	case !j.HasSecret:
		return SecretNone, nil
	case j.LastResponse.Code == http.StatusUnauthorized:
		return SecretRefused, nil
	case j.Seen.IsZero(), changed, j.Secret == "":
		return SecretUnproved, nil
	case j.Secret == due:
		return SecretCurrent, nil
	case slices.Contains(k.accepted, j.Secret):
		return SecretAccepted, nil
	}
	return SecretRefused, nil
}

func (h *Hook) warn(code, cure, format string, args ...any) {
	h.Warnings = append(h.Warnings, hooks.Warning{Code: code, HookID: h.ID, Text: fmt.Sprintf("hook %d ", h.ID) + fmt.Sprintf(format, args...), Cure: cure})
}

// Loses reports whether a warning of the hook means that deliveries are lost. Of a paused hook none are.
func (h Hook) Loses(w hooks.Warning) bool { return h.Active && weight(w.Code) == 2 }

// weight of a warning: 2 means that deliveries are lost, 1 that someone should look.
func weight(code string) int {
	switch code {
	case hooks.WarnFailing, hooks.WarnWrongSecret, hooks.WarnNoSecret, hooks.WarnMissed:
		return 2
	}
	return 1
}

// health sums a hook's warnings up.
func (h Hook) health() (Health, string) {
	worst := 0
	for _, w := range h.Warnings {
		// That a new hook has not proved itself is not a fault.
		if w.Code != WarnUnproved || !h.LastResponse.None() {
			worst = max(worst, weight(w.Code))
		}
	}
	state := "delivers"
	switch {
	case !h.Active:
		state = "paused"
	case h.LastResponse.Code >= 300 || h.LastResponse.Code == 0 && !h.LastResponse.None():
		state = hooks.Explain(h.LastResponse.Code, cmp.Or(h.LastResponse.Message, h.LastResponse.Status)).State
	case h.SecretState == SecretNone:
		state = "has no secret"
	case h.SecretState == SecretRefused:
		state = "signs with a secret that is refused"
	case h.LastResponse.None() && h.Seen.IsZero():
		state = "no delivery yet"
	}
	switch {
	case worst == 2 && h.Active:
		return Failing, state
	case worst > 0:
		return Warning, state
	case h.LastResponse.None() && h.Seen.IsZero():
		return Unknown, state
	}
	return Healthy, state
}
