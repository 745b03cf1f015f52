package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// secret checks that there is one and that the receiver has it too.
func (f *facts) secret(context.Context) Check {
	value, origin, err := f.cfg.Store.Current()
	var open *secret.PermissionError
	switch {
	case errors.As(err, &open):
		return fail(fmt.Sprintf("chmod 600 %s; then hookctl rotate --all, because others could have read it", text.Shell(open.Path)), "%v", err)
	case err != nil:
		return failed(err, "")
	case value == "":
		return fail("hookctl setup", "not set, so the receiver does not start")
	}
	from := string(origin)
	if origin == secret.FromEnvironment {
		from = "the environment, which overrides .env, so it cannot be rotated"
	}
	all := []Check{ok("%s, from %s", secret.Fingerprint(value), from)}
	placeholders, err := f.cfg.Store.Placeholders()
	if err != nil {
		return failed(err, "")
	}
	for _, name := range placeholders {
		all = append(all, fail(secret.ReplacePublished, "%s holds a placeholder from documentation: anyone can sign with it, and the receiver does not start", name))
	}
	if len(placeholders) == 0 && len(value) < secret.Short {
		all = append(all, warn(replaceSecret(origin), "it has only %s, so it can be guessed", text.Count(len(value), "character")))
	}
	ring, err := accepted(f.cfg.Store, f.cfg.Now())
	if err != nil {
		return failed(err, "")
	}
	if st, err := f.status(); err == nil {
		lacks := lacking(st, ring)
		switch {
		case len(st.Secrets) == 0 && st.Secret == "":
		case len(lacks) > 0 && lacks[0] == ring[0]:
			all = append(all, fail("hookctl reload", "the receiver does not accept %s yet: it accepts %s", ring[0], strings.Join(st.Secrets, ", ")))
		case len(lacks) > 0:
			all = append(all, warn("hookctl reload", "the receiver does not accept %s yet", strings.Join(lacks, ", ")))
		}
	}
	return worst(all...)
}

// lacking are those of some secrets that the receiver does not accept.
func lacking(st daemon.Status, ring []string) []string {
	return slices.DeleteFunc(slices.Clone(ring), func(print string) bool { return slices.Contains(st.Secrets, print) })
}

// replaceSecret is the command that replaces the shared secret.
func replaceSecret(origin secret.Origin) string {
	if origin == secret.FromEnvironment {
		return "take " + secret.Variable + " out of the environment and restart the receiver; then hookctl rotate --all"
	}
	return "hookctl rotate --all"
}

// age checks how long the secret has been in use.
func (f *facts) age(context.Context) Check {
	since, err := f.cfg.Store.ChangedAt()
	if err != nil {
		return warn("", "not known: %v", err)
	}
	if since.IsZero() {
		return unknown("not known")
	}
	old := max(0, f.cfg.Now().Sub(since)) // less than nothing where the clock was set back
	if old > 90*24*time.Hour {
		_, origin, _ := f.cfg.Store.Current() // the check of the secret reports the error
		return warn(replaceSecret(origin), "it is %s old", text.Span(old))
	}
	return ok("it is %s old", text.Span(old))
}

// rotation checks that none is left unfinished.
func (f *facts) rotation(context.Context) Check {
	r, err := f.cfg.Fleet.Rotation()
	if err != nil {
		return failed(err, "")
	}
	var all []Check
	if r.Open {
		var left []string
		for _, h := range r.State.Hooks {
			if h.Step != secret.StepVerified && h.Step != secret.StepGone {
				words := fmt.Sprintf("hook %d of %s: %s", h.HookID, h.Repository, h.Step)
				if h.Error != "" {
					words += " (" + h.Error + ")"
				}
				left = append(left, words)
			}
		}
		if len(left) == 0 {
			left = []string{"the new secret is not the current one yet"}
		}
		all = append(all, warn(r.Next, "not finished, both secrets are accepted: %s", strings.Join(left, "; ")))
	}
	for _, h := range r.Aside {
		fix := join(h.Cure, "then "+r.Next)
		all = append(all, warn(fix, "hook %d of %s keeps an earlier secret: %s", h.HookID, h.Repository, h.Error))
	}
	switch {
	case len(all) > 0:
		return worst(all...)
	case !r.UndoUntil.IsZero():
		return ok("complete; the old secret is accepted until %s", r.UndoUntil.Local().Format("15:04"))
	}
	return ok("none in progress")
}
