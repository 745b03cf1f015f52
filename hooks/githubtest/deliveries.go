package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kept are the deliveries of a hook that the API still shows, newest first.
func (s *Server) kept(h *hook) []*delivery {
	days := time.Duration(3)
	if s.opts.Enterprise {
		days = 7
	}
	var list []*delivery
	for _, d := range slices.Backward(h.deliveries) {
		if s.now().Sub(d.DeliveredAt) < days*24*time.Hour {
			list = append(list, d)
		}
	}
	return list
}

const cursorPrefix = "v1_"

// listDeliveries pages by cursor: the Link header names the id after which the
// next page begins.
func (c *call) listDeliveries() answer {
	h := c.hook()
	q := c.r.URL.Query()
	status := q.Get("status")
	if status != "" && status != "success" && status != "failure" {
		return badRequest("For 'status', %q is not a member of [\"success\", \"failure\"].", status)
	}
	after := int64(0)
	if cursor := q.Get("cursor"); cursor != "" {
		id, err := strconv.ParseInt(strings.TrimPrefix(cursor, cursorPrefix), 10, 64)
		if err != nil || !strings.HasPrefix(cursor, cursorPrefix) {
			return refuse(http.StatusUnprocessableEntity, "Invalid cursor")
		}
		after = id
	}
	per := intQuery(c.r, "per_page", 30, 100)
	list := []map[string]any{}
	for _, d := range c.s.kept(h) {
		if after != 0 && d.ID >= after || status == "success" && !d.OK() || status == "failure" && d.OK() {
			continue
		}
		if len(list) == per {
			c.linkTo("next", "cursor", fmt.Sprint(cursorPrefix, list[per-1]["id"]))
			break
		}
		list = append(list, deliveryJSON(c.t, d))
	}
	return ok(list)
}

func deliveryJSON(t *target, d *delivery) map[string]any {
	m := map[string]any{"id": d.ID, "guid": d.GUID, "delivered_at": d.DeliveredAt.Format(time.RFC3339Nano), "redelivery": d.Redelivery,
		"duration": float64(d.Duration.Round(10*time.Millisecond)) / float64(time.Second), "status": d.Status, "status_code": d.StatusCode,
		"event": d.Event, "action": orNull(d.action), "installation_id": nil, "repository_id": nil, "throttled_at": nil}
	if t.repo != "" {
		m["repository_id"] = t.id
	}
	return m
}

func (c *call) delivery(h *hook) *delivery {
	id := c.id("delivery")
	return pick(c.s.kept(h), func(d *delivery) bool { return d.ID == id })
}

// getDelivery shows what was sent and answered. The payload is an object, so
// its original bytes are gone, as with GitHub.
func (c *call) getDelivery() answer {
	d := c.delivery(c.hook())
	m := deliveryJSON(c.t, d)
	m["url"] = d.config.URL
	m["request"] = map[string]any{"headers": d.request, "payload": json.RawMessage(d.payload)}
	m["response"] = map[string]any{"headers": d.answer, "payload": orNull(d.Response)}
	return ok(m)
}

// redeliver sends the payload of a delivery again, with the same GUID, to where
// the hook points now and signed with the secret that it has now.
func (c *call) redeliver() answer {
	h := c.hook()
	d := c.delivery(h)
	c.s.ship(c.s.load(c.t, h, Delivery{Event: d.Event, GUID: d.GUID, Redelivery: true}, d.payload))
	return answer{status: http.StatusAccepted, body: map[string]any{}}
}
