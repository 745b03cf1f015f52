package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// check finds the values that no part of the program could work with. Every mistake is named with its place.
func (s *Settings) check() error {
	var problems []error
	report := func(key, format string, args ...any) {
		problems = append(problems, s.Problem(key, fmt.Errorf(format, args...)))
	}
	walk(reflect.ValueOf(s.Values), "", func(f field) {
		if f.enum == nil || f.value.Kind() != reflect.String || f.value.String() == "" && s.Origin(f.key) == "default" {
			return
		}
		if !slices.Contains(f.enum, f.value.String()) {
			report(f.key, "not one of %s: %q", strings.Join(f.enum, ", "), f.value.String())
		}
	})
	if s.Receiver.Bind == "" {
		report("receiver.bind", "an empty address would listen on every interface; write 0.0.0.0 if you mean that")
	}
	if s.Log.Dir == "" {
		report("log.dir", "the path is empty; remove the key for the default")
	}
	if s.Receiver.Port < 0 || s.Receiver.Port > 65535 {
		report("receiver.port", "not a valid port: %d (1 to 65535; 0 takes any free one)", s.Receiver.Port)
	}
	if s.Receiver.PublicURL != "" {
		if err := CheckURL(s.Receiver.PublicURL); err != nil {
			report("receiver.public_url", "%w", err)
		}
	}
	for i, cidr := range s.Receiver.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			report(fmt.Sprintf("receiver.trusted_proxies[%d]", i), "not a valid address range like 10.0.0.0/8: %q", cidr)
		}
	}
	if s.Receiver.Metrics != "" {
		host, port, err := net.SplitHostPort(s.Receiver.Metrics)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			report("receiver.metrics", "not a loopback address like 127.0.0.1:9190: %q", s.Receiver.Metrics)
		}
	}
	if s.CoalesceMax < 0 {
		report("coalesce_max", "not a count: %d (0 means no limit)", s.CoalesceMax)
	}
	if (s.Receiver.TLS.Cert == "") != (s.Receiver.TLS.Key == "") {
		report("receiver.tls", "set both cert and key, or neither")
	}
	for i, sink := range s.Sinks {
		if key, err := checkSink(sink); err != nil {
			report(fmt.Sprintf("sinks[%d]%s", i, key), "%w", err)
		}
	}
	for _, p := range s.Tasks().Check() {
		report("sync."+p.Key, "%w", p.Err)
	}
	if c := s.Cluster; c.Name != "" || c.Node != "" {
		for _, p := range s.ClusterSettings().Check() {
			report("cluster."+p.Key, "%w", p.Err)
		}
	} else if c.Embed.Listen != "" || len(c.Embed.Peers) > 0 || len(c.URLs) > 0 {
		report("cluster.node", "not set; a node needs a name of its own")
	}
	s.checkNames(report)
	if err := s.checkTable(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Called is what paths and records call the sink by.
func (s Sink) Called() string { return cmp.Or(s.Name, s.Type) }

// checkSink names the key that is missing or wrong.
func checkSink(s Sink) (key string, err error) {
	if !isVariable(s.Secret) {
		return ".secret", errors.New("not a valid name of a variable; store the key itself in .env and name its variable here")
	}
	if !isVariable(s.URLFrom) {
		return ".url_from", errors.New("not a valid name of a variable; store the URL itself in .env and name its variable here")
	}
	if s.Type != "http" && (s.Format != "" || s.Template != "") {
		return ".format", errors.New("only an http sink has a format")
	}
	if s.Format == sink.FormatOpenClaw && s.Secret == "" {
		return ".secret", errors.New("not set: the variable that holds OpenClaw's hook token")
	}
	if (s.Format == sink.FormatTemplate) != (s.Template != "") {
		return ".template", errors.New("format: template and template belong together")
	}
	if s.Template != "" {
		if err := sink.CheckTemplate(s.Template); err != nil {
			return ".template", err
		}
	}
	switch s.Type {
	case "":
		return "", errors.New("type is not set: aimaestro, amp-send, chat, command or http")
	case "chat":
		if s.URL != "" {
			return ".url", errors.New("the URL of a chat holds a key; store it in .env and name its variable in url_from")
		}
		if s.URLFrom == "" {
			return "", errors.New("url_from is not set: the variable that holds the URL of the chat")
		}
	case "aimaestro", "http":
		if s.URLFrom != "" && s.Type == "http" {
			if s.URL != "" {
				return ".url", errors.New("set url or url_from, not both")
			}
			break
		}
		if err := CheckURL(s.URL); err != nil {
			return ".url", err
		}
		if s.Type == "aimaestro" && s.To == "" {
			return "", errors.New("to is not set: the agent that gets the notifications")
		}
	case "amp-send":
		if s.To == "" {
			return "", errors.New("to is not set: the agent that gets the notifications")
		}
	case "command":
		if len(s.Command) == 0 || s.Command[0] == "" {
			return "", errors.New("command is not set: the program and its arguments as a list")
		}
	}
	return "", nil
}

// isVariable reports whether text can be the name of an environment variable; an empty one is fine.
func isVariable(text string) bool {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return strings.Trim(text, letters+"0123456789") == "" && (text == "" || strings.ContainsAny(text[:1], letters))
}

// CheckURL returns an error unless text is an absolute http or https URL without a password.
func CheckURL(text string) error {
	if u, err := url.Parse(text); err == nil && u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not a URL like https://hooks.example.com", text)
	}
	_, err := hooks.HookURL(text, "")
	return err
}

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
		key, name := fmt.Sprintf("sinks[%d]", i), sink.Called()
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
	cfg := route.Rules{Routes: s.routes()}
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
