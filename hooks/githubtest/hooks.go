package githubtest

import (
	"cmp"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
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
	// App is the other OAuth application that created a hook of an organization; ours does not see it, and is not told so.
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
	deliveries []*delivery // oldest first
	relay      *relay      // of a cli hook
}

func (h *hook) visible(t *target) bool { return t.repo != "" || h.App == "" }

func (h *hook) subscribed(event string) bool {
	return slices.Contains(h.Events, event) || slices.Contains(h.Events, "*")
}

// AddHook puts a hook on a repository or organization without any check and
// without a ping, as if it had always been there, and returns its id.
func (s *Server) AddHook(name string, h Hook) (id int64) {
	h.Name, h.ContentType, h.InsecureSSL = cmp.Or(h.Name, "web"), cmp.Or(h.ContentType, "json"), cmp.Or(h.InsecureSSL, "0")
	if len(h.Events) == 0 {
		h.Events = []string{"push"}
	}
	s.change(name, func(t *target) { id = s.attach(t, h).ID })
	return id
}

// attach gives a hook its id, of the size that GitHub's have, and times. Call it with mu held.
func (s *Server) attach(t *target, h Hook) *hook {
	s.lastID++
	h.ID, h.CreatedAt, h.Events = 504_000_000+s.lastID, s.second(), slices.Clone(h.Events)
	h.UpdatedAt = h.CreatedAt
	if h.Last == (LastResponse{}) {
		h.Last.Status = "unused"
	}
	kept := &hook{Hook: h}
	t.hooks = append(t.hooks, kept)
	return kept
}

// second is the time as hooks keep it.
func (s *Server) second() time.Time { return s.now().UTC().Truncate(time.Second) }

// Hooks returns the hooks of a repository or organization in the order of
// creation, with their secrets. An unknown name has none.
func (s *Server) Hooks(name string) []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(name)]
	if t == nil {
		return nil
	}
	var list []Hook
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
	s.change(name, func(t *target) {
		h := pick(t.hooks, func(h *hook) bool { return h.ID == id })
		h.Secret, h.UpdatedAt = secret, s.second()
	})
}

// hook is the one that a path names.
func (c *call) hook() *hook {
	id := c.id("hook")
	return pick(c.t.hooks, func(h *hook) bool { return h.ID == id && h.visible(c.t) })
}

func (c *call) listHooks() answer {
	all := []map[string]any{}
	for _, h := range c.t.hooks {
		if h.visible(c.t) {
			all = append(all, c.hookJSON(h))
		}
	}
	return ok(c.page(all))
}

func (c *call) getHook() answer { return ok(c.hookJSON(c.hook())) }

func (c *call) deleteHook() answer {
	c.s.detach(c.t, c.hook())
	return answer{status: http.StatusNoContent}
}

// detach removes a hook and ends its relay. Call it with mu held.
func (s *Server) detach(t *target, h *hook) {
	t.hooks = slices.DeleteFunc(t.hooks, func(have *hook) bool { return have == h })
	if h.relay != nil {
		h.relay.end(websocket.CloseError{Code: websocket.StatusNormalClosure, Reason: "hook deleted"})
	}
}

func (c *call) createHook() answer {
	h := Hook{Name: "web", Active: true, Events: []string{"push"}, Config: unconfigured()}
	c.readHook(&h, true)
	cli := h.Name == "cli" && c.t.repo != "" && !c.s.opts.Enterprise
	if h.Name != "web" && !cli {
		return invalid("Hook", "name", "invalid")
	}
	c.check(h, nil)
	made := c.s.attach(c.t, h)
	if cli {
		c.s.openRelay(made)
	}
	body := c.hookJSON(made)
	if cli {
		body["ws_url"] = "wss://webhook-forwarder.github.com" + relayPath + made.relay.key
	} else {
		c.ping(made)
	}
	return created(body).with("Location", c.t.url(c.base)+"/hooks/"+itoa(made.ID))
}

// patchHook replaces the configuration whole where one is given: a secret that
// is not in it is removed, and a mask that is in it becomes the secret.
func (c *call) patchHook() answer {
	h := c.hook()
	next := h.Hook
	c.readHook(&next, false)
	if next.Name != h.Name {
		return invalid("Hook", "name", "invalid")
	}
	c.change(h, next)
	return ok(c.hookJSON(h))
}

// patchConfig changes only what the body names.
func (c *call) patchConfig() answer {
	h := c.hook()
	next := h.Hook
	readConfig(c.object(), "", &next.Config)
	c.change(h, next)
	return ok(configJSON(h.Config))
}

// change checks and keeps what a hook is to become.
func (c *call) change(h *hook, next Hook) {
	c.check(next, h)
	next.UpdatedAt = c.s.second()
	h.Hook = next
}

func (c *call) pingHook() answer {
	c.ping(c.hook())
	return answer{status: http.StatusNoContent}
}

// testHook sends the latest push, if the hook subscribes to pushes.
func (c *call) testHook() answer {
	if h := c.hook(); h.subscribed("push") {
		payload := c.t.lastPush
		if payload == nil {
			payload = SampleFor("push.main", c.t.name())
		}
		c.s.ship(c.s.load(c.t, h, Delivery{Event: "push"}, payload))
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

func (c *call) hookJSON(h *hook) map[string]any {
	self := c.t.url(c.base) + "/hooks/" + itoa(h.ID)
	m := map[string]any{"type": "Repository", "id": h.ID, "name": h.Name, "active": h.Active, "events": h.Events,
		"config": configJSON(h.Config), "created_at": stamp(h.CreatedAt), "updated_at": stamp(h.UpdatedAt),
		"url": self, "ping_url": self + "/pings", "deliveries_url": self + "/deliveries"}
	if c.t.repo == "" {
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
