package githubtest

import (
	"cmp"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mask is how GitHub shows a secret that is set.
const mask = "********"

// Hook is a webhook as the simulation holds it, with its secret, for assertions
// and for AddHook.
type Hook struct {
	ID     int64
	Name   string // "web" or "cli"; "" is web
	Active bool
	Events []string
	Config
	CreatedAt, UpdatedAt time.Time
	Last                 LastResponse
	// App is the OAuth application that created a hook of an organization; other
	// applications do not see it. "" is seen by all.
	App string
}

// Config is a hook's configuration.
type Config struct {
	URL, ContentType, Secret, InsecureSSL string
}

// LastResponse is what came of a hook's latest delivery; Status is "unused"
// before the first one, "active" where it worked, and else "".
type LastResponse struct {
	Code            int
	Status, Message string
}

type hook struct {
	Hook
	id         int64
	deliveries []*delivery // oldest first
	relay      *relay      // of a cli hook
}

// visible reports whether an account sees the hook: of organizations, an OAuth
// application sees only its own, and silently.
func (h *hook) visible(u *user, t *target) bool {
	return t.repo != "" || h.App == "" || h.App == u.app()
}

// app names the OAuth application that a token belongs to.
func (u *user) app() string {
	if strings.HasPrefix(u.Token, "gho_") {
		return "GitHub CLI"
	}
	return ""
}

func (h *hook) subscribed(event string) bool {
	return slices.Contains(h.Events, event) || slices.Contains(h.Events, "*")
}

// AddHook puts a hook on a repository or organization without any check and
// without a ping, as if it had always been there, and returns its id.
func (s *Server) AddHook(name string, h Hook) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(name)
	h.Name, h.ContentType, h.InsecureSSL = cmp.Or(h.Name, "web"), cmp.Or(h.ContentType, "json"), cmp.Or(h.InsecureSSL, "0")
	if len(h.Events) == 0 {
		h.Events = []string{"push"}
	}
	return s.attach(t, h).id
}

// attach gives a hook its id and times. Call it with mu held.
func (s *Server) attach(t *target, h Hook) *hook {
	h.ID = s.nextHookID()
	h.CreatedAt = s.now().UTC().Truncate(time.Second)
	h.UpdatedAt = h.CreatedAt
	if h.Last == (LastResponse{}) {
		h.Last.Status = "unused"
	}
	kept := &hook{Hook: h, id: h.ID}
	kept.Events = slices.Clone(h.Events)
	t.hooks = append(t.hooks, kept)
	return kept
}

// nextHookID gives ids of the size that GitHub's hooks have.
func (s *Server) nextHookID() int64 {
	s.lastID++
	return 504_000_000 + s.lastID
}

// Hooks returns the hooks of a repository or organization in the order of
// creation, with their secrets. An unknown name has none.
func (s *Server) Hooks(name string) []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(name)]
	if t == nil {
		return nil
	}
	list := make([]Hook, 0, len(t.hooks))
	for _, h := range t.hooks {
		one := h.Hook
		one.Events = slices.Clone(h.Events)
		list = append(list, one)
	}
	return list
}

// all are the hooks of every target. Call it with mu held.
func (s *Server) all() iter.Seq2[*target, *hook] {
	return func(yield func(*target, *hook) bool) {
		for _, t := range s.targets {
			for _, h := range t.hooks {
				if !yield(t, h) {
					return
				}
			}
		}
	}
}

// SetSecret changes a hook's secret without anybody noticing, as a person can on
// GitHub's settings page.
func (s *Server) SetSecret(name string, id int64, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.mustTarget(name).hooks {
		if h.id == id {
			h.Secret = secret
			h.UpdatedAt = s.now().UTC().Truncate(time.Second)
		}
	}
}

func (s *Server) listHooks(c *call, t *target) answer {
	all := make([]map[string]any, 0, len(t.hooks))
	for _, h := range t.hooks {
		if h.visible(c.user, t) {
			all = append(all, hookJSON(c.base, t, h))
		}
	}
	return paged(c, c.base+t.path()+"/hooks", all)
}

func (s *Server) getHook(c *call, t *target, h *hook) answer { return ok(hookJSON(c.base, t, h)) }

func (s *Server) deleteHook(_ *call, t *target, h *hook) answer {
	s.detach(t, h)
	return answer{status: http.StatusNoContent}
}

// detach removes a hook and ends its relay. Call it with mu held.
func (s *Server) detach(t *target, h *hook) {
	t.hooks = slices.DeleteFunc(t.hooks, func(have *hook) bool { return have == h })
	if h.relay != nil {
		h.relay.stop()
	}
}

func (s *Server) createHook(c *call, t *target) answer {
	b, bad := parseHook(c.body, t.repo == "", true)
	if bad != nil {
		return *bad
	}
	h := Hook{Name: "web", Active: true, Events: []string{"push"}, App: c.user.app()}
	if b.name != nil {
		h.Name = *b.name
	}
	if b.active != nil {
		h.Active = *b.active
	}
	if b.events != nil {
		h.Events = b.events
	}
	cli := h.Name == "cli" && t.repo != "" && !s.opts.Enterprise
	if h.Name != "web" && !cli {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: "Hook", Code: "invalid", Field: "name"})
	}
	if b.config == nil {
		b.config = &configBody{}
	}
	h.Config = b.config.whole()
	if bad := s.check(t, h, nil); bad != nil {
		return *bad
	}
	made := s.attach(t, h)
	if cli {
		s.openRelay(t, made)
	}
	body := hookJSON(c.base, t, made)
	if cli {
		body["ws_url"] = made.relay.url()
	} else {
		s.ping(c, t, made)
	}
	return answer{status: http.StatusCreated, body: body}.with("Location", t.url(c.base)+"/hooks/"+itoa(made.id))
}

// patchHook replaces the configuration whole where one is given: a secret that
// is not in it is removed, and a mask that is in it becomes the secret.
func (s *Server) patchHook(c *call, t *target, h *hook) answer {
	b, bad := parseHook(c.body, t.repo == "", false)
	if bad != nil {
		return *bad
	}
	next := h.Hook
	next.Events = slices.Clone(h.Events)
	if b.name != nil && *b.name != h.Name {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: "Hook", Code: "invalid", Field: "name"})
	}
	if b.active != nil {
		next.Active = *b.active
	}
	if b.events != nil {
		next.Events = b.events
	}
	for _, e := range b.addEvents {
		if !slices.Contains(next.Events, e) {
			next.Events = append(next.Events, e)
		}
	}
	next.Events = slices.DeleteFunc(next.Events, func(e string) bool { return slices.Contains(b.removeEvents, e) })
	if b.config != nil {
		next.Config = b.config.whole()
	}
	if bad := s.change(t, h, next); bad != nil {
		return *bad
	}
	return ok(hookJSON(c.base, t, h))
}

func (s *Server) getConfig(_ *call, _ *target, h *hook) answer { return ok(configJSON(h.Config)) }

// patchConfig changes only what the body names.
func (s *Server) patchConfig(c *call, t *target, h *hook) answer {
	fields, bad := parseObject(c.body)
	if bad != nil {
		return *bad
	}
	b, bad := parseConfig(fields, "", false)
	if bad != nil {
		return *bad
	}
	next := h.Hook
	next.Config = b.over(h.Config)
	if bad := s.change(t, h, next); bad != nil {
		return *bad
	}
	return ok(configJSON(h.Config))
}

// change checks and keeps what a hook is to become.
func (s *Server) change(t *target, h *hook, next Hook) *answer {
	if bad := s.check(t, next, h); bad != nil {
		return bad
	}
	next.UpdatedAt = s.now().UTC().Truncate(time.Second)
	h.Hook = next
	return nil
}

func (s *Server) pingHook(c *call, t *target, h *hook) answer {
	s.ping(c, t, h)
	return answer{status: http.StatusNoContent}
}

// testHook sends the latest push, if the hook subscribes to pushes.
func (s *Server) testHook(_ *call, t *target, h *hook) answer {
	if h.subscribed("push") {
		payload := t.lastPush
		if payload == nil {
			payload = SampleFor("push.main", t.name())
		}
		s.sendLater(t, h, message{event: "push", payload: payload})
	}
	return answer{status: http.StatusNoContent}
}

func configJSON(c Config) map[string]any {
	m := map[string]any{"content_type": c.ContentType, "insecure_ssl": c.InsecureSSL, "url": c.URL}
	if c.Secret != "" {
		m["secret"] = mask
	}
	return m
}

func hookJSON(base string, t *target, h *hook) map[string]any {
	self := t.url(base) + "/hooks/" + itoa(h.id)
	m := map[string]any{"type": "Repository", "id": h.id, "name": h.Name, "active": h.Active, "events": h.Events,
		"config": configJSON(h.Config), "created_at": h.CreatedAt.Format(time.RFC3339), "updated_at": h.UpdatedAt.Format(time.RFC3339),
		"url": self, "ping_url": self + "/pings", "deliveries_url": self + "/deliveries"}
	if t.repo == "" {
		m["type"] = "Organization"
		return m
	}
	m["test_url"] = self + "/test"
	m["last_response"] = map[string]any{"code": orNull(h.Last.Code), "status": orNull(h.Last.Status), "message": orNull(h.Last.Message)}
	return m
}

// orNull is nil for a zero value, which GitHub shows as null.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
