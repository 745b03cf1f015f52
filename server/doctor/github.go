package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// login looks whether GitHub knows the user, and whether the token may manage hooks.
func (f *facts) login(context.Context) finding {
	a, err := f.github()
	if err != nil {
		return failed(err, "gh auth login")
	}
	who := fmt.Sprintf("%s on %s", a.user.Login, a.client.Host())
	if len(a.user.Scopes) == 0 {
		return ok("%s, with a fine-grained token: what it may do shows with each repository", who)
	}
	var lacks []string
	if !slices.ContainsFunc(a.user.Scopes, func(s string) bool { return s == "repo" || strings.HasSuffix(s, ":repo_hook") }) {
		lacks = append(lacks, "admin:repo_hook")
	}
	if slices.ContainsFunc(f.cfg.Targets, hooks.Target.IsOrg) && !slices.Contains(a.user.Scopes, "admin:org_hook") {
		lacks = append(lacks, "admin:org_hook")
	}
	if len(lacks) > 0 {
		return fail(fmt.Sprintf("gh auth refresh -h %s -s %s", a.client.Host(), strings.Join(lacks, ",")),
			"%s, and the token lacks %s", who, strings.Join(lacks, " and "))
	}
	return ok("%s, scopes %s", who, strings.Join(a.user.Scopes, ", "))
}

func (f *facts) noTargets(context.Context) finding {
	return warn("hookctl setup -R owner/repo", "no repository is known whose hooks could be looked at")
}

// hook looks at the hooks of a repository: that there is one of ours, and that it is as setup makes it.
func (f *facts) hook(_ context.Context, t hooks.Target) finding {
	own, all, err := f.ours(t)
	if err != nil {
		return skipped(err)
	}
	setup := "hookctl setup " + flag(t)
	if len(own) == 0 {
		others := ""
		if len(all) > 0 {
			var urls []string
			for _, h := range all {
				urls = append(urls, h.URL)
			}
			others = fmt.Sprintf("; %s elsewhere: %s", text.Count(len(all), "hook sends", "hooks send"), strings.Join(urls, ", "))
		}
		return fail(setup, "none sends to this receiver%s", others)
	}
	public := f.publicURL()
	var found []finding
	for _, h := range own {
		if public != "" && !hooks.SameReceiver(h.URL, public) {
			found = append(found, fail(setup, "hook %d sends to %s, and the public URL is %s", h.ID, h.URL, public))
		}
	}
	for _, w := range hooks.Diagnose(own, own[0].URL) {
		if w.Code != hooks.WarnOtherReceiver {
			found = append(found, ofWarning(w))
		}
	}
	for _, h := range own {
		if slices.Contains(h.Events, "*") {
			found = append(found, warn(setup, "hook %d subscribes to every event, most of which cause nothing", h.ID))
		}
	}
	h := own[0]
	return worst(append([]finding{ok("hook %d is active, sends %s to %s", h.ID, strings.Join(h.Events, ", "), h.URL)}, found...)...)
}

// ofWarning gives a warning of package hooks its weight. That the last delivery failed is the business of another
// check, which knows whether later ones did better.
func ofWarning(w hooks.Warning) finding {
	fix := strings.TrimPrefix(w.Cure, "run: ")
	switch w.Code {
	case hooks.WarnFailing, hooks.WarnWrongSecret:
		return finding{status: OK}
	case hooks.WarnInactive, hooks.WarnNoSecret:
		return fail(fix, "%s", w.Text)
	}
	return warn(fix, "%s", w.Text)
}

// clock compares this machine's with GitHub's: signatures do not care, but records, grace periods and tokens do.
func (f *facts) clock(ctx context.Context) finding {
	ask := f.cfg.Clock
	if ask == nil {
		a, err := f.github()
		if err != nil {
			return skipped(errNoGitHub)
		}
		ask = a.client.ServerTime
	}
	theirs, err := ask(ctx)
	if err != nil {
		return warn(cureOf(err), "not compared: %v", err)
	}
	off := f.cfg.Now().Sub(theirs)
	text := fmt.Sprintf("%s behind GitHub's", ago(-off))
	if off > 0 {
		text = fmt.Sprintf("%s ahead of GitHub's", ago(off))
	}
	switch off = off.Abs(); {
	case off > 5*time.Minute:
		return fail("set the clock: timedatectl set-ntp true", "it is %s", text)
	case off > 30*time.Second:
		return warn("set the clock: timedatectl set-ntp true", "it is %s", text)
	}
	return ok("it agrees with GitHub's")
}

// allowList looks whether the receiver would refuse an address that GitHub sends from.
func (f *facts) allowList(ctx context.Context) finding {
	if len(f.cfg.Allow) == 0 {
		return ok("there is none: every address may try")
	}
	a, err := f.github()
	if err != nil {
		return skipped(errNoGitHub)
	}
	ranges, err := a.client.Meta(ctx)
	if err != nil {
		return failed(err, "")
	}
	var refused []string
	for _, r := range ranges {
		if !slices.ContainsFunc(f.cfg.Allow, func(p netip.Prefix) bool { return contains(p, r) }) {
			refused = append(refused, r.String())
		}
	}
	if len(refused) > 0 {
		return fail("add them to receiver.allow in hookctl.yaml, or write github there",
			"it refuses %s of GitHub's: %s", text.Count(len(refused), "range", "ranges"), strings.Join(refused, ", "))
	}
	return ok("it lets all %d ranges of GitHub's in", len(ranges))
}

// contains tells whether every address of b is in a.
func contains(a, b netip.Prefix) bool {
	return a.Bits() <= b.Bits() && a.Contains(b.Addr())
}
