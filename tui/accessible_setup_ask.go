package tui

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// askRepositories lists what can be chosen, and narrows the list by what is
// typed.
func (s *lineSetup) askRepositories(ctx context.Context) (int, error) {
	var items []pickItem
	err := s.work(ctx, func(ctx context.Context) error {
		list, err := s.client.Repositories(ctx, hooks.RepositoryQuery{AnyRole: true, Archived: true})
		items = repoItems(list)
		return err
	})
	switch {
	case errors.Is(err, errInterrupted) || ctx.Err() != nil:
		return s.at, err
	case err != nil:
		s.tell(err)
		s.say("You can name repositories all the same.")
	}
	shown := items
	s.listItems(shown)
	for {
		fallback := strings.Join(s.chosen, ", ")
		if i := slices.IndexFunc(shown, func(i pickItem) bool { return i.off == "" }); i >= 0 && (fallback == "" || len(shown) < len(items)) {
			fallback = shown[i].id
		}
		text, err := s.ask(ctx, "Which repositories? Numbers, owner/repo, or a part of a name to search", fallback)
		if err != nil {
			return s.at, err
		}
		chosen, found, problem := s.readRepositories(text, shown, items)
		switch {
		case problem != "":
			s.say(sentenceOf(problem))
		case found != nil:
			shown = found
			s.listItems(shown)
		default:
			s.chosen = chosen
			s.say("Repositories: " + strings.Join(chosen, ", ") + ".")
			return stepURL, nil
		}
	}
}

// listItems numbers the repositories that were found.
func (s *lineSetup) listItems(list []pickItem) {
	for i, it := range list[:min(len(list), linesAtOnce)] {
		line := fmt.Sprintf("%d. %s", i+1, it.id)
		if it.right != "" {
			line += ", " + it.right
		}
		s.say(line)
	}
	if n := len(list) - linesAtOnce; n > 0 {
		s.sayf("And %s more: a part of a name finds them.", text.Thousands(n))
	}
}

// readRepositories understands an answer: what it chooses, or what it found
// where it was a search, or what is wrong with it.
func (s *lineSetup) readRepositories(text string, shown, items []pickItem) (chosen []string, found []pickItem, problem string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		id, off := "", ""
		if n, err := strconv.Atoi(word); err == nil {
			if n < 1 || n > len(shown) {
				return nil, nil, fmt.Sprintf("there is no number %d in the list", n)
			}
			id, off = shown[n-1].id, shown[n-1].off
		} else if t, err := s.client.ParseTarget(word); err == nil && (!t.IsOrg() || s.owns(t, items)) {
			id = t.String()
			if t.IsOrg() {
				off = noOrg(s.login.user)
			}
			if i := slices.IndexFunc(items, func(i pickItem) bool { return strings.EqualFold(i.id, id) }); i >= 0 {
				id, off = items[i].id, items[i].off
			}
		} else if err != nil && strings.Contains(word, "/") {
			return nil, nil, err.Error()
		} else {
			for _, i := range items {
				if strings.Contains(strings.ToLower(i.id), strings.ToLower(word)) {
					found = append(found, i)
				}
			}
			if found == nil {
				return nil, nil, fmt.Sprintf("no repository has %q in its name", word)
			}
			return nil, found, ""
		}
		if off != "" {
			return nil, nil, off
		}
		if !slices.Contains(chosen, id) {
			chosen = append(chosen, id)
		}
	}
	if len(chosen) == 0 {
		return nil, nil, "name a repository as owner/repo"
	}
	slices.Sort(chosen)
	return chosen, nil, ""
}

// owns reports whether an organisation is meant: it owns a listed repository.
func (s *lineSetup) owns(org hooks.Target, items []pickItem) bool {
	return !strings.EqualFold(org.Owner, s.login.user.Login) && slices.ContainsFunc(items, func(i pickItem) bool {
		owner, _, _ := strings.Cut(i.id, "/")
		return strings.EqualFold(owner, org.Owner)
	})
}

// port is where the receiver listens, or will.
func (s *lineSetup) port(ctx context.Context) int {
	if status, err := daemon.Dial(s.cfg.Home).Status(ctx); err == nil {
		if _, text, err := net.SplitHostPort(status.Address); err == nil {
			if n, err := strconv.Atoi(text); err == nil && n > 0 {
				return n
			}
		}
	}
	return s.cfg.Setup.Port
}

// askURL asks for the public address, and tests it where the receiver runs.
func (s *lineSetup) askURL(ctx context.Context) (int, error) {
	port := s.port(ctx)
	s.sayf("GitHub has to reach this machine. Usually a tunnel or a reverse proxy leads to port %d.", port)
	for {
		var offers []offer
		err := s.work(ctx, func(ctx context.Context) error {
			list, can, err := s.cfg.Setup.findTunnels(ctx, port)
			offers = s.cfg.Setup.offers(list, can)
			return err
		})
		if errors.Is(err, errInterrupted) || ctx.Err() != nil {
			return s.at, err
		}
		for i, o := range offers {
			if o.run != "" {
				o.url, o.from = "let the receiver run "+o.run, "it gets a public address"
			}
			s.sayf("%d. %s, %s", i+1, o.url, o.from)
		}
		fallback := s.url
		switch {
		case fallback == "" && len(offers) > 0: // a tunnel that runs is the best guess
			if fallback = offers[0].url; fallback == "" {
				fallback = "1"
			}
		case fallback == "":
			s.sayf("No tunnel runs here yet. Any of these makes one, in another terminal: ngrok http %d; cloudflared tunnel --url http://127.0.0.1:%d; tailscale funnel %d", port, port, port)
			fallback = "look again"
		}
		text, err := s.ask(ctx, "Address, or a number of the list", fallback)
		if err != nil {
			return s.at, err
		}
		if strings.HasPrefix("look again", text) {
			continue
		}
		address := hookURL(text)
		s.run = ""
		if n, err := strconv.Atoi(text); err == nil {
			if n < 1 || n > len(offers) {
				s.sayf("There is no number %d in the list.", n)
				continue
			}
			address, s.run = offers[n-1].url, offers[n-1].run
		}
		if s.run != "" {
			s.say("The receiver will run " + s.run + "; the address is made when it starts.")
			return stepEvents, nil
		}
		if err := checkHookURL(address); err != nil {
			s.tell(err)
			continue
		}
		s.url = address
		s.say("URL: " + address + ".")
		if private(address) {
			s.say("GitHub can hardly reach this address: it is not on the public internet.")
		}
		if _, err := daemon.Dial(s.cfg.Home).Status(ctx); err != nil {
			s.say("The address is tested once the receiver runs.")
			return stepEvents, nil
		}
		if ok, err := s.reaches(ctx); err != nil || ok {
			return stepEvents, err
		}
		if yes, err := s.confirm(ctx, "Go on with it all the same?", true); err != nil || yes {
			return stepEvents, err
		}
	}
}

// reaches asks the address for this receiver, and says what was seen.
func (s *lineSetup) reaches(ctx context.Context) (ok bool, err error) {
	var r reached
	err = s.work(ctx, func(ctx context.Context) error {
		r = reach(ctx, s.cfg.Home, s.url)
		return ctx.Err()
	})
	if err != nil {
		return false, err
	}
	s.say(r.saw + ".")
	if !r.ok {
		if r.cure != "" {
			s.say("hint: " + r.cure)
		}
		s.say("GitHub may see what this machine cannot; the ping at the end is the proof.")
	}
	return r.ok, nil
}

// findSecret says which secret GitHub is to sign with.
func (s *lineSetup) findSecret(ctx context.Context) (int, error) {
	for {
		value, origin, err := findSecret(s.cfg.Store, s.value)
		var open *secret.PermissionError
		switch {
		case errors.As(err, &open):
			s.tell(err)
			if yes, err := s.confirm(ctx, "Do that now?", true); err != nil || !yes {
				return s.at, orCancelled(err)
			}
			if err := os.Chmod(open.Path, 0o600); err != nil {
				return s.at, err
			}
			continue
		case err != nil:
			s.tell(err)
			if yes, err := s.confirm(ctx, "Try again?", true); err != nil || !yes {
				return s.at, orCancelled(err)
			}
			continue
		}
		s.value = value
		print := secret.Fingerprint(value)
		switch origin {
		case secret.FromNowhere:
			s.say("A new secret is made, 32 random bytes with the fingerprint " + print + ". It is kept in .env, readable by you alone, and never shown.")
		case secret.FromEnvironment:
			s.say("The secret " + print + " of the variable " + secret.Variable + " is used. Set in the environment it cannot be rotated by hookctl; in .env it can.")
		default:
			s.say("The secret " + print + " of .env is used, so your other hooks keep working.")
		}
		return stepNotify, nil
	}
}

// askNotify asks who is told of what matters.
func (s *lineSetup) askNotify(ctx context.Context) (int, error) {
	s.say("An agent can be told what matters: a failed run, a new or merged pull request, a blocked issue. Everything is recorded either way.")
	for {
		fallback := s.agent
		if s.nobody || fallback == "" {
			fallback = "nobody"
		}
		text, err := s.ask(ctx, "The agent's name in AI Maestro at "+s.sink+", or nobody", fallback)
		if err != nil {
			return s.at, err
		}
		if s.nobody = strings.EqualFold(text, "nobody"); s.nobody {
			s.say("Nobody is notified.")
			return stepReceiver, nil
		}
		s.agent = text
		if s.cfg.Setup.Probe == nil {
			s.say("Notified: " + s.agent + ".")
			return stepReceiver, nil
		}
		err = s.work(ctx, func(ctx context.Context) error {
			ctx, stop := context.WithTimeout(ctx, probeWait)
			defer stop()
			return s.cfg.Setup.Probe(ctx, s.sink, s.agent)
		})
		switch {
		case errors.Is(err, errInterrupted) || ctx.Err() != nil:
			return s.at, err
		case err == nil:
			s.say("AI Maestro is there and knows " + s.agent + ".")
			return stepReceiver, nil
		}
		s.tell(err)
		if yes, err := s.confirm(ctx, "Notify it all the same? Notifications wait for it.", true); err != nil || yes {
			return stepReceiver, err
		}
	}
}
