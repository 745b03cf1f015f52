package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// hookBody is what a call that creates or changes a hook says; nil is unset.
type hookBody struct {
	name                            *string
	active                          *bool
	events, addEvents, removeEvents []string
	config                          *configBody
}

// configBody is a configuration in which nil is unsaid.
type configBody struct {
	url, contentType, secret, insecureSSL *string
}

// whole is the configuration that the body alone describes.
func (b configBody) whole() Config { return b.over(Config{ContentType: "form", InsecureSSL: "0"}) }

// over is a configuration with what the body says changed.
func (b configBody) over(c Config) Config {
	for _, f := range []struct {
		from *string
		to   *string
	}{{b.url, &c.URL}, {b.contentType, &c.ContentType}, {b.secret, &c.Secret}, {b.insecureSSL, &c.InsecureSSL}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return c
}

// change makes of a hook what the body says.
func (b hookBody) change(h *Hook) {
	if b.active != nil {
		h.Active = *b.active
	}
	if b.events != nil {
		h.Events = b.events
	}
	for _, e := range b.addEvents {
		if !slices.Contains(h.Events, e) {
			h.Events = append(h.Events, e)
		}
	}
	h.Events = slices.DeleteFunc(h.Events, func(e string) bool { return slices.Contains(b.removeEvents, e) })
	if b.config != nil {
		h.Config = b.config.whole()
	}
}

// object reads a body that must be a JSON object; an empty one is {}.
func (c *call) object() map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(c.body)) == 0 {
		return fields
	}
	if !json.Valid(c.body) {
		panic(refuse(http.StatusBadRequest, "Problems parsing JSON"))
	}
	if err := json.Unmarshal(c.body, &fields); err != nil || fields == nil {
		panic(refuse(http.StatusBadRequest, "Body should be a JSON object"))
	}
	return fields
}

// hookBody reads the body of POST and PATCH on hooks, whose permitted fields differ.
func (c *call) hookBody(create bool) hookBody {
	fields, org := c.object(), c.t.repo == ""
	if create || org {
		onlyKeys(fields, "active", "config", "events", "name")
	} else {
		onlyKeys(fields, "active", "config", "events", "add_events", "remove_events")
	}
	if create && org {
		for _, key := range []string{"name", "config"} {
			if _, has := fields[key]; !has {
				panic(badRequest("%q wasn't supplied.", key))
			}
		}
	}
	var b hookBody
	var config map[string]json.RawMessage
	for _, f := range []struct {
		key  string
		to   any
		kind string
	}{
		{"events", &b.events, "an array"}, {"add_events", &b.addEvents, "an array"}, {"remove_events", &b.removeEvents, "an array"},
		{"name", &b.name, "a string"}, {"active", &b.active, "a boolean"}, {"config", &config, "an object"},
	} {
		raw, has := fields[f.key]
		if has && !read(raw, f.to) {
			panic(badRequest("For 'properties/%s', %s is not %s.", f.key, kindOf(raw), f.kind))
		}
	}
	if config != nil {
		b.config = parseConfig(config, "config/properties/", org && create)
	}
	return b
}

// parseConfig reads a configuration; credentials are permitted where an
// organization's hook is created, and mean nothing.
func parseConfig(fields map[string]json.RawMessage, under string, credentials bool) *configBody {
	permitted := []string{"url", "content_type", "secret", "insecure_ssl"}
	if credentials {
		permitted = append(permitted, "username", "password")
	}
	onlyKeys(fields, permitted...)
	b := &configBody{}
	for key, to := range map[string]**string{"url": &b.url, "content_type": &b.contentType, "secret": &b.secret} {
		if raw, has := fields[key]; has && !read(raw, to) {
			panic(badRequest("For 'properties/%s%s', the value is not a string.", under, key))
		}
	}
	if raw, has := fields["insecure_ssl"]; has {
		var number json.Number // GitHub takes "0" and 0 alike
		if !read(raw, &number) {
			panic(badRequest("For 'properties/%sinsecure_ssl', %s is not a string or a number.", under, raw))
		}
		text := number.String()
		b.insecureSSL = &text
	}
	return b
}

// read takes a value of the right type; null is none.
func read(raw json.RawMessage, to any) bool {
	return !bytes.Equal(raw, []byte("null")) && json.Unmarshal(raw, to) == nil
}

func onlyKeys(fields map[string]json.RawMessage, permitted ...string) {
	var foreign []string
	for key := range fields {
		if !slices.Contains(permitted, key) {
			foreign = append(foreign, strconv.Quote(key))
		}
	}
	slices.Sort(foreign)
	switch len(foreign) {
	case 0:
	case 1:
		panic(badRequest("%s is not a permitted key.", foreign[0]))
	default:
		panic(badRequest("%s are not permitted keys.", strings.Join(foreign, ", ")))
	}
}

// kindOf shows a wrong value in an error, but not what may hold a secret.
func kindOf(raw json.RawMessage) string {
	if len(raw) > 60 || raw[0] == '{' || raw[0] == '[' {
		return "the value"
	}
	return string(raw)
}

// check refuses what GitHub's model of a hook forbids. was is the hook that is
// being changed, nil for a new one.
func (c *call) check(h Hook, was *hook) {
	if len(h.Events) == 0 {
		panic(invalidHook("", "Events must not be empty"))
	}
	for _, e := range h.Events {
		if !knownEvent(e, c.t.repo == "") {
			panic(invalidHook("events", fmt.Sprintf("The %q event is not a valid event for this hook", e)))
		}
	}
	problem := ""
	switch {
	case h.ContentType != "json" && h.ContentType != "form":
		problem = "Content type must be json or form"
	case h.InsecureSSL != "0" && h.InsecureSSL != "1":
		problem = "Insecure SSL must be 0 or 1"
	case h.Name != "cli":
		problem = c.s.checkURL(h.URL)
	}
	if problem != "" {
		panic(invalidHook("", problem))
	}
	c.checkOthers(h, was)
}

// checkOthers refuses a hook that the other hooks of its target do not leave room for.
func (c *call) checkOthers(h Hook, was *hook) {
	where, most := "repository", 20
	if c.t.repo == "" {
		where = "organization"
	}
	if c.s.opts.Enterprise {
		most = 250
	}
	count := map[string]int{}
	for _, other := range c.t.hooks {
		if other == was {
			continue
		}
		same := other.Name == h.Name && other.URL == h.URL && other.ContentType == h.ContentType && other.InsecureSSL == h.InsecureSSL
		if same && overlap(other.Events, h.Events) || h.Name == "cli" && other.Name == "cli" {
			panic(invalidHook("", "Hook already exists on this "+where))
		}
		for _, e := range other.Events {
			count[e]++
		}
	}
	for _, e := range h.Events {
		if count[e] >= most && (was == nil || !slices.Contains(was.Events, e)) {
			panic(invalidHook("", fmt.Sprintf("The %q event cannot have more than %d hooks", e, most)))
		}
	}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(e string) bool { return e == "*" || slices.Contains(b, e) || slices.Contains(b, "*") })
}

// checkURL says why a hook cannot have a URL, "" where it can.
func (s *Server) checkURL(raw string) string {
	if raw == "" {
		return "Config must contain URL for webhooks"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(raw, " \"<>") {
		return "The URL you've entered is not valid. Please make sure that you encode all special characters first"
	}
	if host := u.Hostname(); !s.opts.AllowLocal && !public(host) {
		return fmt.Sprintf("Sorry, the URL host %s is not supported because it isn't reachable over the public Internet", host)
	}
	return ""
}

// public reports whether a host can be on the public internet.
func public(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return addr.IsGlobalUnicast() && !addr.IsPrivate()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, local := range []string{".localhost", ".local", ".internal", ".home.arpa"} {
		if strings.HasSuffix("."+host, local) {
			return false
		}
	}
	return strings.Contains(host, ".")
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
