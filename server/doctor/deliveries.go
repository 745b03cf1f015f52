package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
)

// lastDeliveries looks at how GitHub's latest deliveries went, and says in words why one failed.
func (f *facts) lastDeliveries(_ context.Context, t hooks.Target) finding {
	list, err := f.recent[t]()
	if err != nil {
		return skipped(err)
	}
	if len(list) == 0 {
		return ok("none in the last 3 days")
	}
	newest := list[0]
	bad := 0
	for _, d := range list {
		if d.DeliveredAt.After(newest.DeliveredAt) {
			newest = d
		}
		if !d.OK() {
			bad++
		}
	}
	when := ago(f.cfg.Now().Sub(newest.DeliveredAt))
	if newest.OK() {
		text := fmt.Sprintf("the last one (%s, %s ago) arrived", newest.Event, when)
		if bad > 0 {
			return ok("%s; %d of %d before it failed", text, bad, len(list))
		}
		return ok("%s, as did all %d of the last 3 days", text, len(list))
	}
	why, fix := reason(newest)
	return fail(fix, "the last one (%s, %s ago) failed: %s; %d of %d failed in the last 3 days", newest.Event, when, why, bad, len(list))
}

// reason says in words why a delivery failed, and what to do. GitHub's own words come first: it writes 502 and 504
// also where nothing answered at all.
func reason(d hooks.Delivery) (why, fix string) {
	status := strings.ToLower(d.Status)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(status, w) {
				return true
			}
		}
		return false
	}
	const look = "hookctl status; is the tunnel or proxy up?"
	switch {
	case has("refused"):
		return "the connection was refused: nothing listens at the public address", "hookctl start, and check that the tunnel or proxy leads to its port"
	case has("ssl", "tls", "certificate"):
		return "GitHub does not trust the certificate of the public address", "renew the certificate, with its whole chain"
	case has("timed out", "timeout"):
		return "there was no answer within 10 seconds", look
	case has("resolve", "name or service", "no such host"):
		return "the name of the public URL does not resolve", "check the DNS entry, or set the hook's URL anew: hookctl setup"
	case has("connect"):
		return "GitHub could not connect to the public address", look
	}
	switch code := d.StatusCode; {
	case code == http.StatusUnauthorized:
		return "the signature was wrong: GitHub signs with another secret (401)", "hookctl rotate --all"
	case code == http.StatusForbidden:
		return "it was forbidden (403), by an allow-list or by the proxy", "check receiver.allow, and the rules of the proxy"
	case code == http.StatusNotFound:
		return "there is no such path at the public address (404)", "the URL ends in /webhook: hookctl setup"
	case code == http.StatusMethodNotAllowed:
		return "another program answers there (405)", "check where the tunnel or proxy leads to"
	case code == http.StatusRequestEntityTooLarge:
		return "the payload was refused as too large (413)", "raise the limit of the proxy to 25 MB"
	case code == http.StatusTooManyRequests:
		return "it was refused because of a rate limit (429)", "raise the limit of the tunnel or proxy"
	case code == http.StatusBadGateway, code == 530:
		return fmt.Sprintf("the tunnel or proxy is up and the receiver behind it did not answer (%d)", code), "hookctl start"
	case code == http.StatusServiceUnavailable:
		return "the receiver was too busy, or the proxy has nobody behind it (503)", "hookctl status"
	case code == http.StatusGatewayTimeout:
		return "the proxy waited in vain for the receiver (504)", "hookctl status"
	case code == http.StatusInsufficientStorage:
		return "the receiver's disk is full (507)", "hookctl events prune"
	case code >= 500:
		return fmt.Sprintf("the receiver had a problem (%d)", code), "read its log: hookctl status"
	case code >= 300 && code < 400:
		return fmt.Sprintf("the address redirects (%d), which GitHub does not follow", code), "give the hook the address that it redirects to: hookctl setup --url URL"
	case code == 0:
		return "nothing answered: " + text.Clean(d.Status), look
	}
	return fmt.Sprintf("%s (%d)", text.Clean(d.Status), d.StatusCode), "hookctl hooks deliveries"
}

// missed looks for events of which no attempt arrived and which the log does not have by other ways. As for catchup, a
// ping is never missed.
func (f *facts) missed(ctx context.Context, t hooks.Target) finding {
	list, err := f.recent[t]()
	if err != nil {
		return skipped(err)
	}
	own, _, err := f.ours(t)
	if err != nil {
		return skipped(err)
	}
	// Each hook has to deliver its own: hooks of one event share its GUID.
	var missing []hooks.Event
	var paths []string
	for _, h := range own {
		of := slices.DeleteFunc(slices.Clone(list), func(d hooks.Delivery) bool { return d.HookID != h.ID })
		for _, e := range hooks.GroupByGUID(of) {
			if !e.OK() && e.Event != "ping" {
				missing, paths = append(missing, e), append(paths, logs.PathName(h.URL))
			}
		}
	}
	if missing, err = f.unrecorded(ctx, missing, paths); err != nil {
		return warn("", "the log cannot be read: %v", err)
	}
	if len(missing) == 0 {
		return ok("none in the last 3 days")
	}
	last := missing[0]
	for _, e := range missing {
		if e.Latest().DeliveredAt.After(last.Latest().DeliveredAt) {
			last = e
		}
	}
	return fail("hookctl catchup "+flag(t), "%s never arrived, the last a %s %s ago",
		text.Count(len(missing), "delivery of the last 3 days", "deliveries of the last 3 days"), last.Event, ago(f.cfg.Now().Sub(last.Latest().DeliveredAt)))
}
