package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/logs/text"
)

// askRepositories lists what can be chosen, and narrows the list by what is typed.
func (d *dialogue) askRepositories(ctx context.Context) error {
	var all []hooks.Repository
	err := d.report(d.work(ctx, func(ctx context.Context) (err error) {
		all, err = d.signIn.Client.Repositories(ctx, hooks.RepositoryQuery{AnyRole: true, Archived: true})
		return err
	}))
	switch {
	case errors.Is(err, errInterrupted):
		return err
	case err != nil:
		d.say("You can still type names of repositories.")
	}
	slices.SortStableFunc(all, func(a, b hooks.Repository) int { // what can be chosen first
		return strings.Compare(a.Locked(), b.Locked())
	})
	shown := all
	d.list(shown)
	for {
		fallback := strings.Join(d.Repositories, ", ")
		if i := slices.IndexFunc(shown, func(r hooks.Repository) bool { return r.Locked() == "" }); i >= 0 && (fallback == "" || len(shown) < len(all)) {
			fallback = shown[i].FullName
		}
		answer, err := d.ask(ctx, "Which repositories? Numbers, owner/repo, or a part of a name to search", fallback)
		if err != nil {
			return err
		}
		chosen, found, problem := d.read(answer, shown, all)
		switch {
		case problem != nil:
			_ = d.report(problem)
		case found != nil:
			shown = found
			d.list(shown)
		default:
			d.Repositories = chosen
			d.say("Repositories: " + strings.Join(chosen, ", ") + ".")
			return nil
		}
	}
}

// list numbers the repositories that were found.
func (d *dialogue) list(found []hooks.Repository) {
	for i, r := range found[:min(len(found), page)] {
		d.say(strings.TrimSuffix(fmt.Sprintf("%d. %s, %s", i+1, r.FullName, r.Locked()), ", "))
	}
	if n := len(found) - page; n > 0 {
		d.say("And " + text.Thousands(n) + " more: a part of a name finds them.")
	}
}

// read understands an answer: what it chooses, or what it found where it is a search, or what is wrong with it.
func (d *dialogue) read(answer string, shown, all []hooks.Repository) (chosen []string, found []hooks.Repository, problem error) {
	for _, word := range fields(answer) {
		t, err := d.signIn.Client.ParseTarget(word)
		listed := slices.IndexFunc(all, func(r hooks.Repository) bool { return strings.EqualFold(r.FullName, t.String()) })
		n, notNumber := strconv.Atoi(word)
		picked := hooks.Repository{FullName: t.String(), Admin: true} // as typed
		switch {
		case notNumber == nil && (n < 1 || n > len(shown)):
			return nil, nil, fmt.Errorf("the list has no number %d", n)
		case notNumber == nil:
			picked = shown[n-1]
		case err != nil && strings.Contains(word, "/"):
			return nil, nil, err
		case err != nil || t.IsOrg() && !d.owner(t, all):
			found = slices.DeleteFunc(slices.Clone(all), func(r hooks.Repository) bool {
				return !strings.Contains(strings.ToLower(r.FullName), strings.ToLower(word))
			})
			if len(found) == 0 {
				return nil, nil, fmt.Errorf("no repository has %q in its name", word)
			}
			return nil, found, nil
		case t.IsOrg() && d.signIn.Orgs() != nil:
			return nil, nil, d.signIn.Orgs()
		case listed >= 0:
			picked = all[listed]
		}
		if why := picked.Locked(); why != "" {
			return nil, nil, fmt.Errorf("%s cannot be chosen: %s", picked.FullName, why)
		}
		if !slices.Contains(chosen, picked.FullName) {
			chosen = append(chosen, picked.FullName)
		}
	}
	if len(chosen) == 0 {
		return nil, nil, errors.New("name a repository as owner/repo")
	}
	slices.Sort(chosen)
	return chosen, nil, nil
}

// owner reports whether an organization is meant: it owns a listed repository.
func (d *dialogue) owner(org hooks.Target, all []hooks.Repository) bool {
	return !strings.EqualFold(org.Owner, d.signIn.User.Login) && slices.ContainsFunc(all, func(r hooks.Repository) bool {
		return strings.EqualFold(r.Target().Owner, org.Owner)
	})
}

// fields are the words of an answer, with blanks or commas between them.
func fields(answer string) []string {
	return strings.FieldsFunc(answer, func(r rune) bool { return r == ' ' || r == ',' })
}

// askURL asks how deliveries get here: for the public address, or a tunnel or relay in its place.
func (d *dialogue) askURL(ctx context.Context) error {
	d.say(fmt.Sprintf("GitHub must be able to reach this machine, usually through a tunnel or a reverse proxy to port %d.", d.from.Port))
	for {
		var offers []tunnel.Offer
		err := d.work(ctx, func(ctx context.Context) error {
			open, err := d.from.Tunnels.Find(ctx, d.from.Port)
			orgs := slices.ContainsFunc(d.Targets(), hooks.Target.IsOrg) // the relay is for repositories
			offers = tunnel.Offers(open, tunnel.Programs(), d.signIn.Client.Host(), d.from.URL, !orgs)
			return err
		})
		switch {
		case errors.Is(err, errInterrupted):
			return err
		case err != nil:
			d.say("warning: " + err.Error())
		}
		real := false
		for i, o := range offers {
			what, about := o.Words()
			d.say(fmt.Sprintf("%d. %s, %s", i+1, what, about))
			real = real || !o.Relay
		}
		if !real {
			d.say("No tunnel is running. " + tunnel.About)
		}
		fallback := cmp.Or(d.URL, "look again")
		if d.URL == "" && len(offers) > 0 {
			fallback = "1"
		}
		answer, err := d.ask(ctx, "Address, a number of the list, or look again", fallback)
		if err != nil {
			return err
		}
		if strings.HasPrefix("look again", strings.ToLower(answer)) {
			continue
		}
		chosen := tunnel.Offer{URL: answer}
		if n, err := strconv.Atoi(answer); err == nil {
			if n < 1 || n > len(offers) {
				d.say(fmt.Sprintf("The list has no number %d.", n))
				continue
			}
			chosen = offers[n-1]
		}
		if done, err := d.take(ctx, chosen); done || err != nil {
			return err
		}
	}
}

// take takes an offer, and asks once more about an address that GitHub cannot reach.
func (d *dialogue) take(ctx context.Context, o tunnel.Offer) (done bool, err error) {
	d.URL, d.tunnel, d.relay, d.anyway = "", o.Run, o.Relay, false
	switch {
	case o.Run != "":
		d.say("The receiver will run " + o.Run + "; its address is known once it has started.")
		return true, nil
	case o.Relay:
		d.say("GitHub's relay will be opened, for development: deliveries arrive until you stop it with ctrl+c.")
		return true, nil
	}
	address, err := hooks.HookURL(o.URL, "")
	if d.report(err) != nil {
		return false, nil
	}
	warning, err := hooks.CheckPublic(address, d.signIn.Client.Host())
	switch {
	case errors.Is(d.report(err), hooks.ErrNotPublic):
		if d.anyway, err = d.confirm(ctx, "Use it anyway?", false); err != nil || !d.anyway {
			return false, err
		}
	case err != nil:
		return false, nil
	case warning != "":
		d.say("warning: " + warning)
	}
	d.URL = address
	d.say("URL: " + address + ".")
	return true, nil
}

// askEvents asks which events the hooks subscribe to.
func (d *dialogue) askEvents(ctx context.Context) error {
	d.say("The five default events can notify an agent; others are only recorded.")
	orgs := !slices.ContainsFunc(d.Targets(), func(t hooks.Target) bool { return !t.IsOrg() })
	for {
		answer, err := d.ask(ctx, "Which events? Names, or +name and -name to add and remove; list prints all", strings.Join(d.Events, ", "))
		if err != nil {
			return err
		}
		if answer == "list" {
			for _, e := range hooks.Events() {
				if orgs || !e.OrgOnly {
					d.say(e.Name + ": " + e.Sentence)
				}
			}
			continue
		}
		chosen, err := hooks.ChooseEvents(d.Events, answer)
		if err != nil {
			_ = d.fail(err.Error(), "list prints all events")
			continue
		}
		d.Events = chosen
		d.say("Events: " + strings.Join(chosen, ", ") + ".")
		return nil
	}
}
