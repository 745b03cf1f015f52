package hooks

import (
	"cmp"
	"fmt"
	"net/http"

	"hookctl/logs/text"
)

// The kinds of warnings.
const (
	WarnOtherReceiver = "other_receiver"
	WarnDuplicate     = "duplicate"
	WarnInactive      = "inactive"
	WarnFailing       = "failing"
	WarnWrongSecret   = "wrong_secret"
	WarnNoSecret      = "no_secret"
	WarnForm          = "form"
	WarnInsecure      = "insecure_ssl"
	WarnMissed        = "missed"
	WarnLeftoverCLI   = "leftover_cli"
	WarnRenamed       = "renamed"
	WarnEvents        = "events" // a hook that is there keeps events which a new one would not get
)

// Warning is something about a hook that a person should know, with what to do about it.
type Warning struct {
	Code   string `json:"code"` // one of the Warn constants
	HookID int64  `json:"hook_id,omitempty"`
	Text   string `json:"text"`
	Cure   string `json:"cure,omitempty"`
}

// String is the text and the cure.
func (w Warning) String() string {
	if w.Cure == "" {
		return w.Text
	}
	return w.Text + "; " + w.Cure
}

// Diagnose looks at the hooks of one target and tells what is wrong with those that send to url, and which others
// may be in their way.
func Diagnose(hooks []Hook, url string) []Warning {
	var found []Warning
	first := int64(0)
	for _, h := range hooks {
		at := h.Ref()
		warn := func(code, text, cure string) {
			found = append(found, Warning{Code: code, HookID: h.ID, Text: fmt.Sprintf("hook %d %s", h.ID, text), Cure: cure})
		}
		switch {
		case h.Name == "cli":
			warn(WarnLeftoverCLI, "is of gh webhook forward or of a relay; if none is running it is left over", "remove it: hookctl hooks delete "+at)
		case !SameURL(h.URL, url):
			warn(WarnOtherReceiver, "sends to another receiver, "+h.URL, "if that is an old address of this one, remove it: hookctl hooks delete "+at)
		case first != 0:
			warn(WarnDuplicate, fmt.Sprintf("sends to the same URL as hook %d, so events arrive twice", first), "remove one: hookctl hooks delete "+at)
		default:
			first = h.ID
			found = append(found, h.Warnings()...)
		}
	}
	return found
}

// Warnings tells what is wrong with the hook by itself.
func (h Hook) Warnings() []Warning {
	var found []Warning
	at := h.Ref()
	warn := func(code, text, cure string) {
		found = append(found, Warning{Code: code, HookID: h.ID, Text: fmt.Sprintf("hook %d %s", h.ID, text), Cure: cure})
	}
	if !h.Active {
		warn(WarnInactive, "is paused: GitHub sends nothing", "hookctl hooks enable "+at)
	}
	if !h.HasSecret {
		warn(WarnNoSecret, "has no secret, so the receiver refuses its deliveries", h.SetupCommand())
	}
	if h.ContentType == "form" {
		warn(WarnForm, "sends forms, not JSON", h.SetupCommand())
	}
	if h.InsecureSSL {
		warn(WarnInsecure, "does not check the receiver's certificate", h.SetupCommand())
	}
	switch code := h.LastResponse.Code; {
	case code == http.StatusUnauthorized:
		warn(WarnWrongSecret, "is "+ErrWrongSecret.Error(), "hookctl rotate "+at)
	case code >= 300:
		warn(WarnFailing, fmt.Sprintf("got %d at its last delivery: %s", code, h.LastResponse.Message), responseCure(code, h.LastResponse.Message))
	case code == 0 && !h.LastResponse.None():
		warn(WarnFailing, "could not be delivered: "+cmp.Or(h.LastResponse.Message, h.LastResponse.Status), responseCure(code, h.LastResponse.Message))
	}
	return found
}

// Ref is how a command line names a hook: its id and its target.
func (h Hook) Ref() string { return fmt.Sprintf("%d %s", h.ID, h.Target.Flag()) }

// SetupCommand is the command that brings a hook of ours to what setup makes of it.
func (h Hook) SetupCommand() string {
	line := "hookctl setup " + h.Target.Flag()
	if path := PathName(h.URL); path != "" {
		line += " --path " + text.Shell(path)
	}
	return line
}
