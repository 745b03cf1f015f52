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
func (b *configBody) whole() Config { return b.over(Config{ContentType: "form", InsecureSSL: "0"}) }

// over is a configuration with what the body says changed.
func (b *configBody) over(c Config) Config {
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

func refused(a answer) *answer { return &a }

// parseObject reads a body that must be a JSON object; an empty one is {}.
func parseObject(body []byte) (map[string]json.RawMessage, *answer) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if !json.Valid(body) {
		return nil, refused(refuse(http.StatusBadRequest, "Problems parsing JSON"))
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, refused(refuse(http.StatusBadRequest, "Body should be a JSON object"))
	}
	return fields, nil
}

// parseHook reads the body of POST and PATCH on hooks, whose permitted fields differ.
func parseHook(body []byte, org, create bool) (*hookBody, *answer) {
	fields, bad := parseObject(body)
	if bad != nil {
		return nil, bad
	}
	permitted := []string{"active", "config", "events"}
	switch {
	case create || org:
		permitted = append(permitted, "name")
	default:
		permitted = append(permitted, "add_events", "remove_events")
	}
	if bad := onlyKeys(fields, permitted); bad != nil {
		return nil, bad
	}
	if create && org {
		for _, key := range []string{"name", "config"} {
			if _, has := fields[key]; !has {
				return nil, refused(badRequest("%q wasn't supplied.", key))
			}
		}
	}
	b := &hookBody{}
	for key, to := range map[string]*[]string{"events": &b.events, "add_events": &b.addEvents, "remove_events": &b.removeEvents} {
		if bad := parseField(fields, key, to, "an array"); bad != nil {
			return nil, bad
		}
	}
	if bad := parseField(fields, "name", &b.name, "a string"); bad != nil {
		return nil, bad
	}
	if bad := parseField(fields, "active", &b.active, "a boolean"); bad != nil {
		return nil, bad
	}
	var config map[string]json.RawMessage
	if bad := parseField(fields, "config", &config, "an object"); bad != nil {
		return nil, bad
	}
	if config == nil {
		return b, nil
	}
	b.config, bad = parseConfig(config, "config/properties/", org && create)
	return b, bad
}

// parseConfig reads a configuration; credentials are permitted where an
// organization's hook is created, and mean nothing.
func parseConfig(fields map[string]json.RawMessage, under string, credentials bool) (*configBody, *answer) {
	permitted := []string{"url", "content_type", "secret", "insecure_ssl"}
	if credentials {
		permitted = append(permitted, "username", "password")
	}
	if bad := onlyKeys(fields, permitted); bad != nil {
		return nil, bad
	}
	b := &configBody{}
	for key, to := range map[string]**string{"url": &b.url, "content_type": &b.contentType, "secret": &b.secret} {
		if raw, has := fields[key]; has {
			if err := strictString(raw, to); err != nil {
				return nil, refused(badRequest("For 'properties/%s%s', the value is not a string.", under, key))
			}
		}
	}
	if raw, has := fields["insecure_ssl"]; has {
		var number json.Number // GitHub takes "0" and 0 alike
		if err := json.Unmarshal(raw, &number); err != nil || bytes.Equal(raw, []byte("null")) {
			return nil, refused(badRequest("For 'properties/%sinsecure_ssl', %s is not a string or a number.", under, raw))
		}
		text := number.String()
		b.insecureSSL = &text
	}
	return b, nil
}

func strictString(raw json.RawMessage, to **string) error {
	if bytes.Equal(raw, []byte("null")) {
		return fmt.Errorf("null")
	}
	return json.Unmarshal(raw, to)
}

func onlyKeys(fields map[string]json.RawMessage, permitted []string) *answer {
	var foreign []string
	for key := range fields {
		if !slices.Contains(permitted, key) {
			foreign = append(foreign, strconv.Quote(key))
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	slices.Sort(foreign)
	verb := "is not a permitted key."
	if len(foreign) > 1 {
		verb = "are not permitted keys."
	}
	return refused(badRequest("%s %s", strings.Join(foreign, ", "), verb))
}

func parseField(fields map[string]json.RawMessage, key string, to any, kind string) *answer {
	raw, has := fields[key]
	if !has {
		return nil
	}
	if err := json.Unmarshal(raw, to); err != nil || bytes.Equal(raw, []byte("null")) {
		return refused(badRequest("For 'properties/%s', %s is not %s.", key, kindOf(raw), kind))
	}
	return nil
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
func (s *Server) check(t *target, h Hook, was *hook) *answer {
	if len(h.Events) == 0 {
		return refused(invalid("Events must not be empty"))
	}
	for _, e := range h.Events {
		if !knownEvent(e, t.repo == "") {
			return refused(refuse(http.StatusUnprocessableEntity, "Validation Failed",
				fieldError{Resource: "Hook", Code: "custom", Field: "events", Message: fmt.Sprintf("The %q event is not a valid event for this hook", e)}))
		}
	}
	if h.ContentType != "json" && h.ContentType != "form" {
		return refused(invalid("Content type must be json or form"))
	}
	if h.InsecureSSL != "0" && h.InsecureSSL != "1" {
		return refused(invalid("Insecure SSL must be 0 or 1"))
	}
	if h.Name != "cli" {
		if bad := s.checkURL(h.URL); bad != nil {
			return bad
		}
	}
	return s.checkOthers(t, h, was)
}

// checkOthers refuses a hook that the other hooks of its target do not leave room for.
func (s *Server) checkOthers(t *target, h Hook, was *hook) *answer {
	where := "repository"
	if t.repo == "" {
		where = "organization"
	}
	most := 20
	if s.opts.Enterprise {
		most = 250
	}
	count := map[string]int{}
	for _, other := range t.hooks {
		if other == was {
			continue
		}
		same := other.Name == h.Name && other.URL == h.URL && other.ContentType == h.ContentType && other.InsecureSSL == h.InsecureSSL
		if same && overlap(other.Events, h.Events) || h.Name == "cli" && other.Name == "cli" {
			return refused(invalid("Hook already exists on this " + where))
		}
		for _, e := range other.Events {
			count[e]++
		}
	}
	for _, e := range h.Events {
		if count[e] >= most && (was == nil || !slices.Contains(was.Events, e)) {
			return refused(invalid(fmt.Sprintf("The %q event cannot have more than %d hooks", e, most)))
		}
	}
	return nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(e string) bool { return e == "*" || slices.Contains(b, e) || slices.Contains(b, "*") })
}

func (s *Server) checkURL(raw string) *answer {
	if raw == "" {
		return refused(invalid("Config must contain URL for webhooks"))
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(raw, " \"<>") {
		return refused(invalid("The URL you've entered is not valid. Please make sure that you encode all special characters first"))
	}
	if host := u.Hostname(); !s.opts.AllowLocal && !public(host) {
		return refused(invalid(fmt.Sprintf("Sorry, the URL host %s is not supported because it isn't reachable over the public Internet", host)))
	}
	return nil
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
