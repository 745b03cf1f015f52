package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Delivery is one attempt of GitHub to deliver an event. A redelivery has the same GUID and an ID of its own.
type Delivery struct {
	ID          int64         `json:"id"` // larger than a float64 can hold
	GUID        string        `json:"guid"`
	Event       string        `json:"event"`
	Action      string        `json:"action,omitempty"`
	DeliveredAt time.Time     `json:"delivered_at"`
	ThrottledAt *time.Time    `json:"throttled_at,omitempty"`
	Redelivery  bool          `json:"redelivery"`
	Duration    time.Duration `json:"duration"`    // until the answer; seconds in JSON
	Status      string        `json:"status"`      // "OK", or what went wrong
	StatusCode  int           `json:"status_code"` // 0 where nothing answered
	Repository  string        `json:"repository"`  // or organization, of the hook
	HookID      int64         `json:"hook_id"`
	// The rest comes with a single delivery only.
	URL             string            `json:"url,omitempty"`
	RequestHeaders  map[string]string `json:"request_headers,omitempty"`
	Payload         json.RawMessage   `json:"payload,omitempty"` // as GitHub returns it: the bytes that were signed are gone
	ResponseHeaders map[string]string `json:"response_headers,omitempty"`
	ResponseBody    string            `json:"response_body,omitempty"`
}

// MarshalJSON writes the duration in seconds, as GitHub does.
func (d Delivery) MarshalJSON() ([]byte, error) {
	type plain Delivery
	return json.Marshal(struct {
		plain
		Duration float64 `json:"duration"`
	}{plain(d), d.Duration.Seconds()})
}

// OK reports whether the receiver took it.
func (d Delivery) OK() bool { return d.Status == "OK" }

// wireDelivery is a delivery in GitHub's JSON.
type wireDelivery struct {
	Delivery
	Duration float64 `json:"duration"` // in seconds
	Request  struct {
		Headers map[string]string `json:"headers"`
		Payload json.RawMessage   `json:"payload"`
	} `json:"request"`
	Response struct {
		Headers map[string]string `json:"headers"`
		Payload any               `json:"payload"`
	} `json:"response"`
}

func (w wireDelivery) delivery(t Target, hookID int64) Delivery {
	d := w.Delivery
	d.GUID, d.Event, d.Action, d.Status, d.URL = clean(d.GUID), clean(d.Event), clean(d.Action), clean(d.Status), clean(d.URL)
	d.Duration, d.Repository, d.HookID = time.Duration(w.Duration*float64(time.Second)), t.String(), hookID
	d.RequestHeaders, d.Payload, d.ResponseHeaders = cleanHeaders(w.Request.Headers), w.Request.Payload, cleanHeaders(w.Response.Headers)
	body, _ := w.Response.Payload.(string)
	d.ResponseBody = clean(body)
	return d
}

// cleanHeaders makes headers fit to be shown and kept. Once GitHub sent hook secrets in one of them; that goes no further.
func cleanHeaders(headers map[string]string) map[string]string {
	kept := make(map[string]string, len(headers))
	for name, value := range headers {
		if name = clean(name); !strings.EqualFold(name, "X-Github-Encoded-Secret") {
			kept[name] = clean(value)
		}
	}
	return kept
}

// DeliveryQuery selects deliveries of one hook.
type DeliveryQuery struct {
	Since  time.Time // only what was delivered at or after; zero for all that GitHub keeps (3 days)
	Failed bool      // only what failed
	After  int64     // only those with a larger id
	Limit  int       // 0 for all
}

// Deliveries lists the deliveries of a hook, newest first, without their payloads.
func (c *Client) Deliveries(ctx context.Context, t Target, id int64, q DeliveryQuery) ([]Delivery, error) {
	query := url.Values{"per_page": {"100"}}
	if q.Limit > 0 && q.Limit < 100 {
		query.Set("per_page", itoa(int64(q.Limit)))
	}
	if q.Failed {
		query.Set("status", "failure")
	}
	var list []Delivery
	err := pages(ctx, c, Call{Op: "list deliveries", Target: t.String(), Path: t.hook(id) + "/deliveries?" + query.Encode()}, func(page []wireDelivery) bool {
		for _, w := range page {
			if w.ID <= q.After || w.DeliveredAt.Before(q.Since) || (q.Limit > 0 && len(list) == q.Limit) {
				return false
			}
			list = append(list, w.delivery(t, id))
		}
		return q.Limit <= 0 || len(list) < q.Limit
	})
	return list, err
}

// DeliveriesOf lists the deliveries of many hooks, in their order, a few calls at a time. A hook that cannot be looked at
// has none and does not stop the others: its error is joined to the error.
func (c *Client) DeliveriesOf(ctx context.Context, hooks []Hook, q DeliveryQuery) ([][]Delivery, error) {
	lists, errs := make([][]Delivery, len(hooks)), make([]error, len(hooks))
	each(len(hooks), c.limits.Concurrent, func(i int) { lists[i], errs[i] = c.Deliveries(ctx, hooks[i].Target, hooks[i].ID, q) })
	return lists, errors.Join(errs...)
}

// Delivery returns one delivery with its payload.
func (c *Client) Delivery(ctx context.Context, t Target, id, deliveryID int64) (Delivery, error) {
	var w wireDelivery
	_, err := c.do(ctx, Call{Op: "view delivery", Target: t.String(), Path: t.hook(id) + "/deliveries/" + itoa(deliveryID), long: true}, &w)
	return w.delivery(t, id), err
}

// Redeliver asks GitHub to send a delivery again. It keeps its GUID.
func (c *Client) Redeliver(ctx context.Context, t Target, id, deliveryID int64) error {
	return c.Do(ctx, Call{Op: "redeliver", Target: t.String(), Method: http.MethodPost, Path: t.hook(id) + "/deliveries/" + itoa(deliveryID) + "/attempts"}, nil)
}
