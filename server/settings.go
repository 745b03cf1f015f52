package server

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"hookctl/logs/text"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// settings are a Config that has been checked and compiled. They never change; a reload makes new ones.
type settings struct {
	Config
	tables  map[string]route.Table // by path name; "" is the general one
	targets map[string][]target    // likewise
	sinks   map[string]target      // by name
}

// target is one sink that a table's notifications go to.
type target struct {
	sink.Sink
	name, short string // with and without the path
	to          string // the recipient that a record names
	wakesAgent  bool
}

var (
	pathName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	sinkName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// IsPathName reports whether a name fits into /webhook/<name>.
func IsPathName(name string) bool { return pathName.MatchString(name) }

// IsSinkName reports whether a sink may have a name.
func IsSinkName(name string) bool { return sinkName.MatchString(name) }

func newSettings(cfg Config) (*settings, error) {
	if cfg.Keys.Empty() {
		return nil, ErrNoSecret
	}
	if err := cfg.Keys.Published(time.Now()); err != nil {
		return nil, err
	}
	return compileSettings(cfg)
}

// compileSettings does without a secret, as for an explanation.
func compileSettings(cfg Config) (*settings, error) {
	if cfg.Coalesce < 0 {
		return nil, errors.New("coalesce must not be negative")
	}
	def(&cfg.CoalesceMax, 20)
	set := &settings{Config: cfg, tables: map[string]route.Table{}, targets: map[string][]target{}, sinks: map[string]target{}}
	if err := set.add("", cfg.Sinks); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Paths)) {
		if !pathName.MatchString(name) {
			return nil, fmt.Errorf("paths: %q is not a valid name: use letters, digits, _ and -", name)
		}
		if err := set.add(name, cfg.Paths[name].Sinks); err != nil {
			return nil, fmt.Errorf("paths: %s: %w", name, err)
		}
	}
	return set, set.checkRouteSinks()
}

// add makes the table and the sinks of one path. The sinks of a named path are called <path>/<name>, so
// that a record says which one it was.
func (set *settings) add(path string, sinks []sink.Config) error {
	table, err := route.NewTable(set.routing(path))
	if err != nil {
		return err
	}
	set.tables[path] = table
	if path != "" && sinks == nil {
		set.targets[path] = set.targets[""]
		return nil
	}
	set.targets[path] = []target{}
	for _, c := range sinks {
		if !sinkName.MatchString(c.Label()) {
			return fmt.Errorf("sinks: %q is not a valid name: use letters, digits, _ . and -", c.Label())
		}
		name := c.Label()
		if path != "" {
			name = path + "/" + name
		}
		if _, taken := set.sinks[name]; taken {
			return fmt.Errorf("sinks: two are called %q; give one a name", c.Label())
		}
		made, err := sink.New(c)
		if err != nil {
			return fmt.Errorf("sinks: %s: %w", c.Label(), err)
		}
		set.sinks[name] = target{made, name, c.Label(), c.Recipient(), c.WakesAgent()}
		set.targets[path] = append(set.targets[path], set.sinks[name])
	}
	return nil
}

func (set *settings) checkRouteSinks() error {
	for i, r := range set.Routes {
		for _, name := range r.Sinks {
			known := func(t target) bool { return t.short == name }
			if !slices.ContainsFunc(slices.Collect(maps.Values(set.sinks)), known) {
				return &route.Error{Index: i, Field: "sinks", Err: fmt.Errorf("there is no sink %q", name)}
			}
		}
	}
	return nil
}

// path returns the key of tables and targets for /webhook/<name>.
func (set *settings) path(name string) string {
	if _, ok := set.tables[name]; ok {
		return name
	}
	return ""
}

// targetsOf are the sinks that a notice goes to.
func (set *settings) targetsOf(path string, n route.Notice) []target {
	all := set.targets[set.path(path)]
	if n.Sinks == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(t target) bool { return !slices.Contains(n.Sinks, t.short) })
}

// Explanation is what a payload would cause, and why.
type Explanation struct {
	Event    string         `json:"event"`
	Decision route.Decision `json:"decision"`
	Sends    []Explained    `json:"notifications"` // one for each notice and sink
}

// Explained is a notification that would be sent.
type Explained struct {
	Sink     string         `json:"sink"`
	To       string         `json:"to,omitempty"`
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context"`
}

// Explain shows what a payload that came to /webhook/<name> (or, with an empty name, anywhere) would cause, and why each rule
// did or did not match. It records and sends nothing and needs neither log nor secret.
func Explain(cfg Config, name, event string, payload []byte) (Explanation, error) {
	set, err := compileSettings(cfg)
	if err != nil {
		return Explanation{}, err
	}
	ev, err := route.NewEvent(event, payload)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Event: ev.Name, Decision: route.Decide(set.tables[set.path(name)], ev), Sends: []Explained{}}
	if x.Decision.Notifications == nil {
		x.Decision.Notifications = []route.Notice{} // none is an empty list for who reads it as JSON
	}
	for _, n := range x.Decision.Notifications {
		for _, t := range set.targetsOf(name, n) {
			n := n.For(t.wakesAgent)
			x.Sends = append(x.Sends, Explained{
				Sink: t.name, To: t.to, Type: n.Type, Priority: n.Priority,
				Subject: text.Line(n.Subject, 200), Message: text.ForAgent(n.Message, 4000), Context: n.Context,
			})
		}
	}
	return x, nil
}
