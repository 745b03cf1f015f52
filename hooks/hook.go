package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hookctl/hooks/secret"
)

// Hook is a webhook as GitHub has it. Its secret cannot be read.
type Hook struct {
	ID           int64
	Target       Target
	Name         string // "web"; "cli" for one of gh webhook forward
	Active       bool
	Events       []string // sorted; "*" for every event
	URL          string
	ContentType  string // "json" or "form"
	InsecureSSL  bool   // GitHub does not check the certificate
	HasSecret    bool
	LastResponse Response
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Response is what the receiver last answered, as GitHub saw it.
type Response struct {
	Code    int    // 0 without a delivery
	Status  string // "active" is good; "unused" for a new hook
	Message string
}

// None reports that nothing is known of an answer: nothing was delivered yet, or the hook is of an organization, of which GitHub
// gives no last response.
func (r Response) None() bool {
	return r.Code == 0 && r.Message == "" && (r.Status == "" || r.Status == "unused" || r.Status == "active")
}

// MarshalJSON writes the shape of `hooks list`.
func (h Hook) MarshalJSON() ([]byte, error) {
	type response struct {
		Code    *int   `json:"code"`
		Status  string `json:"status"`
		Message string `json:"message,omitempty"`
	}
	last := response{Status: h.LastResponse.Status, Message: h.LastResponse.Message}
	if h.LastResponse.Code != 0 {
		last.Code = &h.LastResponse.Code
	}
	return json.Marshal(struct {
		Repository   string    `json:"repository"`
		ID           int64     `json:"id"`
		URL          string    `json:"url"`
		Events       []string  `json:"events"`
		Active       bool      `json:"active"`
		InsecureSSL  bool      `json:"insecure_ssl"`
		LastResponse response  `json:"last_response"`
		ContentType  string    `json:"content_type"`
		HasSecret    bool      `json:"has_secret"`
		Name         string    `json:"name"`
		CreatedAt    time.Time `json:"created_at"`
		UpdatedAt    time.Time `json:"updated_at"`
	}{h.Target.String(), h.ID, h.URL, h.Events, h.Active, h.InsecureSSL, last, h.ContentType, h.HasSecret, h.Name, h.CreatedAt, h.UpdatedAt})
}

// Spec is a hook to be created. It prints itself without the secret.
type Spec struct {
	URL         string
	Events      []string
	Secret      string
	ContentType string // "json" if empty: GitHub's own default is a form
	Active      bool
	InsecureSSL bool
}

// String names the secret by fingerprint.
func (s Spec) String() string {
	return fmt.Sprintf("hook to %s for %s, secret %s", s.URL, strings.Join(s.Events, ","), secret.Fingerprint(s.Secret))
}

// GoString is String.
func (s Spec) GoString() string { return s.String() }

// MarshalJSON writes the fingerprint in the secret's place.
func (s Spec) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Change is what can be changed of a hook itself. A nil field stays. The config has its own call, [Client.Configure],
// because GitHub replaces it whole here and a secret would be lost.
type Change struct {
	Active *bool
	Events []string
}

// ConfigChange is what can be changed of a hook's config. A nil field stays. It prints itself without the secret.
type ConfigChange struct {
	URL, Secret, ContentType *string
	InsecureSSL              *string // "0" or "1"
}

// String names the fields that change.
func (c ConfigChange) String() string {
	var fields []string
	if c.URL != nil {
		fields = append(fields, "url "+*c.URL)
	}
	if c.Secret != nil {
		fields = append(fields, "secret "+secret.Fingerprint(*c.Secret))
	}
	if c.ContentType != nil {
		fields = append(fields, "content_type "+*c.ContentType)
	}
	if c.InsecureSSL != nil {
		fields = append(fields, "insecure_ssl "+*c.InsecureSSL)
	}
	return strings.Join(fields, ", ")
}

// GoString is String.
func (c ConfigChange) GoString() string { return c.String() }

// MarshalJSON writes the fingerprint in the secret's place.
func (c ConfigChange) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// wireHook is a hook in GitHub's JSON.
type wireHook struct {
	ID     int64    `json:"id"`
	URL    string   `json:"url"` // of the hook itself at the API, which names its target as it is called now
	Name   string   `json:"name"`
	Active bool     `json:"active"`
	Events []string `json:"events"`
	Config struct {
		URL         string `json:"url"`
		ContentType string `json:"content_type"`
		InsecureSSL any    `json:"insecure_ssl"` // "0", "1", 0 or 1
		Secret      string `json:"secret"`       // masked
	} `json:"config"`
	LastResponse Response  `json:"last_response"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

func (w wireHook) hook(t Target) Hook {
	h := Hook{
		ID: w.ID, Target: w.target(t), Name: clean(w.Name), Active: w.Active,
		URL: clean(w.Config.URL), ContentType: clean(w.Config.ContentType),
		InsecureSSL: fmt.Sprint(w.Config.InsecureSSL) == "1", HasSecret: w.Config.Secret != "",
		LastResponse: Response{w.LastResponse.Code, clean(w.LastResponse.Status), clean(w.LastResponse.Message)},
		CreatedAt:    w.CreatedAt, UpdatedAt: w.UpdatedAt,
		Events: make([]string, len(w.Events)),
	}
	for i, e := range w.Events {
		h.Events[i] = clean(e)
	}
	slices.Sort(h.Events)
	return h
}

// target is what a hook is on: another one than was asked for where that was renamed.
func (w wireHook) target(asked Target) Target {
	parts := strings.Split(w.URL, "/")
	if n := len(parts); !asked.IsOrg() && n > 5 && parts[n-5] == "repos" && parts[n-2] == "hooks" {
		if now, err := ParseTarget(parts[n-4] + "/" + parts[n-3]); err == nil && !strings.EqualFold(now.String(), asked.String()) {
			return now
		}
	}
	return asked
}

func insecureSSL(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// List returns the hooks of a target in the order of their ids.
func (c *Client) List(ctx context.Context, t Target) ([]Hook, error) {
	wire, err := All[wireHook](ctx, c, Call{Op: "list hooks", Target: t.String(), Path: t.base() + "?per_page=100"}, 0)
	if err != nil {
		return nil, err
	}
	var list []Hook
	for _, w := range wire {
		list = append(list, w.hook(t))
	}
	slices.SortFunc(list, func(a, b Hook) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Get returns one hook.
func (c *Client) Get(ctx context.Context, t Target, id int64) (Hook, error) {
	var w wireHook
	_, err := c.do(ctx, Call{Op: "view hook", Target: t.String(), Path: t.hook(id)}, &w)
	return w.hook(t), err
}

// Create creates a hook. Whether it was created although the answer was lost is found out by listing, so that a
// repetition never creates a second one. [ErrExists] when GitHub has it already.
func (c *Client) Create(ctx context.Context, t Target, s Spec) (Hook, error) {
	if s.ContentType == "" {
		s.ContentType = "json"
	}
	body := map[string]any{
		"name": "web", "active": s.Active, "events": s.Events,
		"config": map[string]string{"url": s.URL, "content_type": s.ContentType, "insecure_ssl": insecureSSL(s.InsecureSSL), "secret": s.Secret},
	}
	for try := uint(1); ; try++ {
		var w wireHook
		_, err := c.do(ctx, Call{Op: "create hook", Target: t.String(), Method: http.MethodPost, Path: t.base(), Body: body, Once: true}, &w)
		if err == nil && w.ID != 0 {
			return w.hook(t), nil
		}
		var failed *Error
		again := try > 1 && errors.Is(err, ErrExists) // created by the attempt before
		if errors.As(err, &failed) && !failed.lost && !again {
			return Hook{}, err
		}
		list, listErr := c.List(ctx, t)
		if listErr != nil {
			return Hook{}, errors.Join(err, listErr)
		}
		for _, h := range list {
			if h.Name == "web" && SameURL(h.URL, s.URL) && sameEvents(h.Events, s.Events) && h.HasSecret == (s.Secret != "") {
				return h, nil
			}
		}
		if try >= c.limits.Tries {
			if err == nil { // an answer of 2xx that says nothing, and no hook
				err = &Error{Op: "create hook", Target: t.String(), Message: "GitHub says that it created the hook, but does not list it", Cure: "run the command again later"}
			}
			return Hook{}, err
		}
		if err := sleep(ctx, c.limits.Pause<<min(try, 4)); err != nil {
			return Hook{}, err
		}
	}
}

// Edit changes whether a hook is active, and its events.
func (c *Client) Edit(ctx context.Context, t Target, id int64, change Change) (Hook, error) {
	body := map[string]any{}
	if change.Active != nil {
		body["active"] = *change.Active
	}
	if change.Events != nil {
		body["events"] = change.Events
	}
	var w wireHook
	_, err := c.do(ctx, Call{Op: "edit hook", Target: t.String(), Method: http.MethodPatch, Path: t.hook(id), Body: body}, &w)
	return w.hook(t), err
}

// Configure changes single settings of a hook's config; the others, the secret among them, stay.
func (c *Client) Configure(ctx context.Context, t Target, id int64, change ConfigChange) error {
	body := map[string]string{}
	for name, value := range map[string]*string{"url": change.URL, "secret": change.Secret, "content_type": change.ContentType, "insecure_ssl": change.InsecureSSL} {
		if value != nil {
			body[name] = *value
		}
	}
	return c.Do(ctx, Call{Op: "configure hook", Target: t.String(), Method: http.MethodPatch, Path: t.hook(id) + "/config", Body: body}, nil)
}

// Ping asks GitHub to send a ping to the hook's URL.
func (c *Client) Ping(ctx context.Context, t Target, id int64) error {
	return c.Do(ctx, Call{Op: "ping hook", Target: t.String(), Method: http.MethodPost, Path: t.hook(id) + "/pings"}, nil)
}

// Test asks GitHub to send the latest push of a repository, if the hook subscribes to pushes.
func (c *Client) Test(ctx context.Context, t Target, id int64) error {
	if t.IsOrg() {
		return &Error{Op: "test hook", Target: t.String(), Message: "GitHub has no tests for hooks of organizations", Cure: fmt.Sprintf("hookctl hooks ping %d --org %s", id, t)}
	}
	return c.Do(ctx, Call{Op: "test hook", Target: t.String(), Method: http.MethodPost, Path: t.hook(id) + "/tests", Once: true}, nil)
}

// Delete removes a hook.
func (c *Client) Delete(ctx context.Context, t Target, id int64) error {
	return c.Do(ctx, Call{Op: "delete hook", Target: t.String(), Method: http.MethodDelete, Path: t.hook(id)}, nil)
}

func sameEvents(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
