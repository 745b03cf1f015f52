package settings

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/route"
)

// associations are GitHub's author associations.
var associations = []string{"OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "FIRST_TIMER", "MANNEQUIN", "NONE"}

// hostName is what a machine may be called, with or without a port.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// checkNames finds the names that nothing can have, and those that name nothing. Each would be noticed only where it is
// used: by a receiver that does not start again, a filter that is missing, a setup that fails.
func (s *Settings) checkNames(report func(key, format string, args ...any)) {
	if bind := s.Receiver.Bind; bind != "" && (!hostName.MatchString(bind) || strings.Contains(bind, ":")) {
		if _, err := netip.ParseAddr(bind); err != nil {
			report("receiver.bind", "not a valid address like 127.0.0.1 or ::1: %q; the port is receiver.port", bind)
		}
	}
	if host := s.GitHub.Host; host != "" && !hostName.MatchString(host) {
		report("github.host", "not a valid host like github.example.com: %q", host)
	}
	for i, name := range s.Trust.Authors {
		if !slices.Contains(associations, name) {
			report(fmt.Sprintf("trust.authors[%d]", i), "not one of %s: %q", strings.Join(associations, ", "), name)
		}
	}
	for i, name := range s.NotifyAlso {
		if len(route.AlsoEvents([]string{name})) == 0 {
			report(fmt.Sprintf("notify_also[%d]", i), "not one of %s, %s: %q", route.AlsoReviews, route.AlsoStatuses, name)
		}
	}
	var names []string
	for i, sink := range s.Sinks {
		key, name := fmt.Sprintf("sinks[%d]", i), sink.name()
		switch {
		case sink.Type == "":
		case !server.IsSinkName(name):
			report(key+".name", "not a valid name: %q; use letters, digits, _ . and -", name)
		case slices.Contains(names, name):
			report(key, "two sinks have the name %q; rename one", name)
		}
		names = append(names, name)
	}
	known := func(key string, sinks []string) {
		for i, sink := range sinks {
			if !slices.Contains(names, sink) {
				report(fmt.Sprintf("%s.sinks[%d]", key, i), "no sink has the name %q", sink)
			}
		}
	}
	known("sync.blocked", s.Sync.Blocked.Sinks)
	for i, route := range s.Routes {
		known(fmt.Sprintf("routes[%d]", i), route.Sinks)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Paths)) {
		if !server.IsPathName(name) {
			report("paths."+name, "not a valid path name: %q; use letters, digits, _ and -", name)
		}
		known("paths."+name, s.Paths[name].Sinks)
	}
	for i, repository := range s.Setup.Repositories {
		if _, err := hooks.ParseTarget(repository); err != nil {
			report(fmt.Sprintf("setup.repositories[%d]", i), "%w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.TUI.Filters)) {
		if _, err := logs.ParseFilter(s.TUI.Filters[name], time.Now()); err != nil {
			report("tui.filters."+name, "%w", err)
		}
	}
}

// checkTable asks the receiver's own routing what it refuses, and finds the place of it.
func (s *Settings) checkTable() error {
	var problems []error
	watched := map[string][]string{"watched_branches": s.WatchedBranches}
	for name, at := range s.Paths {
		watched["paths."+name+".watched_branches"] = at.WatchedBranches
	}
	for _, key := range slices.Sorted(maps.Keys(watched)) {
		for i, branch := range watched[key] {
			if _, err := path.Match(branch, ""); err != nil {
				problems = append(problems, s.Problem(fmt.Sprintf("%s[%d]", key, i), fmt.Errorf("%q: %w", branch, err)))
			}
		}
	}
	cfg := route.Config{Routes: s.routes()}
	if _, err := route.NewTable(cfg); err != nil {
		return errors.Join(append(problems, s.routeProblem(err))...)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Priorities)) {
		cfg.Priorities = map[string]string{key: "low"} // The value has been looked at.
		if _, err := route.NewTable(cfg); err != nil {
			problems = append(problems, s.Problem("priorities."+key, err))
		}
	}
	return errors.Join(problems...)
}

// routeProblem names the place of a mistake in a route.
func (s *Settings) routeProblem(err error) error {
	var wrong *route.Error
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	key := fmt.Sprintf("routes[%d].%s", wrong.Index, wrong.Field)
	if wrong.Line == 0 {
		return s.Problem(key, wrong.Err)
	}
	return s.Problem(key, fmt.Errorf("line %d, column %d of the expression: %w", wrong.Line, wrong.Column, wrong.Err))
}
