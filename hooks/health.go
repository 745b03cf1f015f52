package hooks

import (
	"cmp"
	"fmt"
	"net/http"

	"hookctl/logs/text"
)

// The kinds of warnings.
const (
	WarnDuplicate   = "duplicate"
	WarnInactive    = "inactive"
	WarnFailing     = "failing"
	WarnWrongSecret = "wrong_secret"
	WarnNoSecret    = "no_secret"
	WarnForm        = "form"
	WarnInsecure    = "insecure_ssl"
	WarnMissed      = "missed"
	WarnRenamed     = "renamed"
	WarnEvents      = "events" // a hook that is there keeps events which a new one would not get
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

// Warnings says what is wrong with the hook by itself.
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
	switch last := h.LastResponse; {
	case last.Code == http.StatusUnauthorized:
		warn(WarnWrongSecret, "is "+ErrWrongSecret.Error(), "hookctl rotate "+at)
	case last.Code >= 300, last.Code == 0 && !last.None():
		answer := Explain(last.Code, cmp.Or(last.Message, last.Status))
		cure := answer.Cure
		if cure == "hookctl setup" {
			cure = h.SetupCommand()
		}
		warn(WarnFailing, "failed at its last delivery: "+answer.Text, cure)
	}
	return found
}

// Ref is how a command line names a hook: its id and its target.
func (h Hook) Ref() string { return fmt.Sprintf("%d %s", h.ID, h.Target.Flag()) }

// SetupCommand is the command that brings a hook of ours to the form that setup creates.
func (h Hook) SetupCommand() string {
	line := "hookctl setup " + h.Target.Flag()
	if path := PathName(h.URL); path != "" {
		line += " --path " + text.Shell(path)
	}
	return line
}
