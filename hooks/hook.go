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

// Hook is a webhook as GitHub has it. Its secret cannot be read. As JSON it is one of `hooks list`.
type Hook struct {
	Target       Target    `json:"repository"`
	ID           int64     `json:"id"`
	URL          string    `json:"url"`
	Events       []string  `json:"events"` // sorted; "*" for every event
	Active       bool      `json:"active"`
	InsecureSSL  bool      `json:"insecure_ssl"` // GitHub does not check the certificate
	LastResponse Response  `json:"last_response"`
	ContentType  string    `json:"content_type"` // "json" or "form"
	HasSecret    bool      `json:"has_secret"`
	Name         string    `json:"name"` // "web"; "cli" for one of gh webhook forward
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Response is what the receiver last answered, as GitHub saw it.
type Response struct {
	Code    int    `json:"code"`   // 0 without a delivery, which is null in JSON
	Status  string `json:"status"` // "active" is good; "unused" for a new hook
	Message string `json:"message,omitempty"`
}

// MarshalJSON writes null for no code.
func (r Response) MarshalJSON() ([]byte, error) {
	type plain Response
	out := struct {
		Code *int `json:"code"`
		plain
	}{plain: plain(r)}
	if r.Code != 0 {
		out.Code = &r.Code
	}
	return json.Marshal(out)
}

// None reports that nothing is known of an answer: nothing was delivered yet, or the hook is of an organization, of which GitHub
// gives no last response.
func (r Response) None() bool {
	return r.Code == 0 && r.Message == "" && (r.Status == "" || r.Status == "unused" || r.Status == "active")
}

// Change is what can be changed of a hook itself. A nil field stays. The config has its own call, [Client.Configure],
// because GitHub replaces it whole here and a secret would be lost.
type Change struct {
	Active *bool    `json:"active,omitempty"`
	Events []string `json:"events,omitempty"`
}

// ConfigChange is what can be changed of a hook's config. A nil field stays. It prints itself without the secret.
type ConfigChange struct {
	URL         *string `json:"url,omitempty"`
	Secret      *string `json:"secret,omitempty"`
	ContentType *string `json:"content_type,omitempty"`
	InsecureSSL *string `json:"insecure_ssl,omitempty"` // "0" or "1"
}

// String names the fields that change.
func (c ConfigChange) String() string {
	if c.Secret != nil {
		c.Secret = new(secret.Fingerprint(*c.Secret))
	}
	var fields []string
	for _, f := range []struct {
		name  string
		value *string
	}{{"url", c.URL}, {"secret", c.Secret}, {"content_type", c.ContentType}, {"insecure_ssl", c.InsecureSSL}} {
		if f.value != nil {
			fields = append(fields, f.name+" "+*f.value)
		}
	}
	return strings.Join(fields, ", ")
}

// GoString is String.
func (c ConfigChange) GoString() string { return c.String() }

// MarshalJSON writes the fingerprint in the secret's place.
func (c ConfigChange) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// wireHook is a hook in GitHub's JSON.
type wireHook struct {
	Hook
	API    string `json:"url"` // of the hook itself at the API, which names its target as it is called now
	Config struct {
		URL         string `json:"url"`
		ContentType string `json:"content_type"`
		InsecureSSL any    `json:"insecure_ssl"` // "0", "1", 0 or 1
		Secret      string `json:"secret"`       // masked
	} `json:"config"`
}

func (w wireHook) hook(t Target) Hook {
	h := w.Hook
	h.Target, h.Name, h.URL, h.ContentType = w.target(t), clean(w.Name), clean(w.Config.URL), clean(w.Config.ContentType)
	h.InsecureSSL, h.HasSecret = fmt.Sprint(w.Config.InsecureSSL) == "1", w.Config.Secret != ""
	h.LastResponse.Status, h.LastResponse.Message = clean(h.LastResponse.Status), clean(h.LastResponse.Message)
	h.Events = make([]string, len(w.Events))
	for i, e := range w.Events {
		h.Events[i] = clean(e)
	}
	slices.Sort(h.Events)
	return h
}

// target is what a hook is on: another one than was asked for where that was renamed.
func (w wireHook) target(asked Target) Target {
	parts := strings.Split(w.API, "/")
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

// Create creates the hook of a request, with its NewEvents. Whether it was created although the answer was lost is found out by
// listing, so that a repetition never creates a second one. [ErrExists] when GitHub has it already.
func (c *Client) Create(ctx context.Context, t Target, r SetupRequest) (Hook, error) {
	body := map[string]any{
		"name": "web", "active": r.Active, "events": r.NewEvents,
		"config": map[string]string{"url": r.URL, "content_type": "json", "insecure_ssl": insecureSSL(r.InsecureSSL), "secret": r.Secret},
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
			if h.Name == "web" && SameURL(h.URL, r.URL) && sameEvents(h.Events, r.NewEvents) && h.HasSecret == (r.Secret != "") {
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
	var w wireHook
	_, err := c.do(ctx, Call{Op: "edit hook", Target: t.String(), Method: http.MethodPatch, Path: t.hook(id), Body: change}, &w)
	return w.hook(t), err
}

// Configure changes single settings of a hook's config; the others, the secret among them, stay.
func (c *Client) Configure(ctx context.Context, t Target, id int64, change ConfigChange) error {
	type plain ConfigChange // which shows the secret
	return c.Do(ctx, Call{Op: "configure hook", Target: t.String(), Method: http.MethodPatch, Path: t.hook(id) + "/config", Body: plain(change)}, nil)
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
