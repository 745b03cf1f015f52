package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

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

// unconfigured is the configuration that a body without one describes.
func unconfigured() Config { return Config{ContentType: "form", InsecureSSL: "0"} }

// readHook changes a hook as the body of POST and PATCH says, whose permitted fields differ.
func (c *call) readHook(h *Hook, create bool) {
	fields, org := c.object(), c.t.repo == ""
	var events, add, remove []string
	var config map[string]json.RawMessage
	into := map[string]any{"active": &h.Active, "config": &config, "events": &events}
	if create || org {
		into["name"] = &h.Name
	} else {
		into["add_events"], into["remove_events"] = &add, &remove
	}
	for _, key := range []string{"name", "config"} {
		if _, has := fields[key]; create && org && !has {
			panic(badRequest("%q wasn't supplied.", key))
		}
	}
	read(fields, "", into)
	if events == nil {
		events = slices.Clone(h.Events)
	}
	for _, e := range add {
		if !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	h.Events = slices.DeleteFunc(events, func(e string) bool { return slices.Contains(remove, e) })
	if config == nil {
		return
	}
	if create && org { // permitted there, and without a meaning
		delete(config, "username")
		delete(config, "password")
	}
	h.Config = unconfigured()
	readConfig(config, "config/properties/", &h.Config)
}

// readConfig changes what the fields name.
func readConfig(fields map[string]json.RawMessage, under string, c *Config) {
	ssl := json.Number(c.InsecureSSL) // GitHub takes "0" and 0 alike
	read(fields, under, map[string]any{"url": &c.URL, "content_type": &c.ContentType, "secret": &c.Secret, "insecure_ssl": &ssl})
	c.InsecureSSL = ssl.String()
}

// read refuses a field that is not among those to read, and a value that is null or of another type.
func read(fields map[string]json.RawMessage, under string, into map[string]any) {
	var foreign []string
	keys := slices.Sorted(maps.Keys(fields))
	for _, key := range keys {
		if into[key] == nil {
			foreign = append(foreign, strconv.Quote(key))
		}
	}
	switch len(foreign) {
	case 0:
	case 1:
		panic(badRequest("%s is not a permitted key.", foreign[0]))
	default:
		panic(badRequest("%s are not permitted keys.", strings.Join(foreign, ", ")))
	}
	for _, key := range keys {
		raw := fields[key]
		if string(raw) != "null" && json.Unmarshal(raw, into[key]) == nil {
			continue
		}
		shown, kind := string(raw), "a string"
		if len(shown) > 60 || strings.ContainsAny(shown[:1], "{[") || key == "secret" {
			shown = "the value"
		}
		switch into[key].(type) {
		case *[]string:
			kind = "an array"
		case *bool:
			kind = "a boolean"
		case *json.Number:
			kind = "a string or a number"
		case *map[string]json.RawMessage:
			kind = "an object"
		}
		panic(badRequest("For 'properties/%s%s', %s is not %s.", under, key, shown, kind))
	}
}

// check refuses what GitHub's model of a hook forbids. was is the hook that is
// being changed, nil for a new one.
func (c *call) check(h Hook, was *hook) {
	if len(h.Events) == 0 {
		panic(invalidHook("", "Events must not be empty"))
	}
	for _, e := range h.Events {
		if !knownEvent(e, c.t) {
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
	most := 20
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
			panic(invalidHook("", "Hook already exists on this "+c.t.kind()))
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
