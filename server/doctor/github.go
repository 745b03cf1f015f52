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

// login checks that GitHub knows the user, and that the token may manage hooks.
func (f *facts) login(context.Context) Check {
	a, err := f.github()
	if err != nil {
		return failed(err, "gh auth login")
	}
	who := fmt.Sprintf("%s on %s", a.user.Login, a.client.Host())
	if len(a.user.Scopes) == 0 {
		return ok("%s, with a fine-grained token: the checks of each repository show what it may do", who)
	}
	var lacks []string
	if !slices.ContainsFunc(a.user.Scopes, func(s string) bool { return s == "repo" || strings.HasSuffix(s, ":repo_hook") }) {
		lacks = append(lacks, "admin:repo_hook")
	}
	targets, _ := f.targets() // the check of the hooks reports the error
	if slices.ContainsFunc(targets, hooks.Target.IsOrg) && !slices.Contains(a.user.Scopes, "admin:org_hook") {
		lacks = append(lacks, "admin:org_hook")
	}
	if len(lacks) > 0 {
		return fail(fmt.Sprintf("gh auth refresh -h %s -s %s", a.client.Host(), strings.Join(lacks, ",")),
			"%s, and the token lacks %s", who, strings.Join(lacks, " and "))
	}
	return ok("%s, scopes %s", who, strings.Join(a.user.Scopes, ", "))
}

// clock compares this machine's with GitHub's: signatures do not care, but records, grace periods and tokens do.
func (f *facts) clock(ctx context.Context) Check {
	a, err := f.github()
	if err != nil {
		return skipped(errNoGitHub)
	}
	theirs, err := a.client.ServerTime(ctx)
	if err != nil {
		return warn(hooks.CureOf(err), "not checked: %v", err)
	}
	off := f.cfg.Now().Sub(theirs)
	words := fmt.Sprintf("%s behind GitHub's", text.Span(-off))
	if off > 0 {
		words = fmt.Sprintf("%s ahead of GitHub's", text.Span(off))
	}
	switch off = off.Abs(); {
	case off > 5*time.Minute:
		return fail("set the clock: timedatectl set-ntp true", "it is %s", words)
	case off > 30*time.Second:
		return warn("set the clock: timedatectl set-ntp true", "it is %s", words)
	}
	return ok("it agrees with GitHub's")
}

// allowList checks that the receiver lets every address in that GitHub sends from.
func (f *facts) allowList(ctx context.Context) Check {
	if len(f.cfg.Allow) == 0 {
		return ok("not set: every address may send")
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
			"the receiver refuses %s that GitHub sends from: %s", text.Count(len(refused), "range", "ranges"), strings.Join(refused, ", "))
	}
	return ok("the receiver accepts all %d ranges that GitHub sends from", len(ranges))
}

// contains reports whether every address of b is in a.
func contains(a, b netip.Prefix) bool {
	return a.Bits() <= b.Bits() && a.Contains(b.Addr())
}
