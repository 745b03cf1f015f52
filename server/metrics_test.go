package server

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hookctl/logs"
	"hookctl/server/sink"
)

// scrape reads the metrics as Prometheus would.
func (r *receiver) scrape(t *testing.T) map[string]string {
	t.Helper()
	there := httptest.NewServer(r.Metrics())
	defer there.Close()
	resp, err := http.Get(there.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	values := map[string]string{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	m := newMaestro(t)
	m.set(func(n int) (int, string) {
		if n == 1 {
			return 500, ""
		}
		return 201, ""
	})
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	r.deliver(t, "push_main", guid(1))
	r.awaitStatus(t, guid(1), logs.StatusSent)
	event, payload := sample(t, "push_main")
	do(t, request(t, r.url+"/webhook", event, guid(1), payload))
	do(t, request(t, r.url+"/webhook", event, guid(2), []byte("[]")))
	req := request(t, r.url+"/webhook", event, guid(2), payload)
	req.Body = io.NopCloser(strings.NewReader(strings.ToUpper(string(payload))))
	do(t, req)
	m.set(func(int) (int, string) { return 400, "" })
	r.deliver(t, "push_main", guid(3))
	r.awaitStatus(t, guid(3), logs.StatusFailed)
	await(t, "the queue is empty", func() bool { return r.Stats().Pending == 0 })

	got := r.scrape(t)
	for name, want := range map[string]string{
		`hookctl_deliveries_received_total`:                                      "2",
		`hookctl_deliveries_duplicate_total`:                                     "1",
		`hookctl_requests_rejected_total{reason="json"}`:                         "1",
		`hookctl_requests_rejected_total{reason="signature"}`:                    "1",
		`hookctl_durable_seconds_count`:                                          "2",
		`hookctl_notifications_pending`:                                          "0",
		`hookctl_notifications_sent_total`:                                       "1",
		`hookctl_notifications_failed_total`:                                     "1",
		`hookctl_notification_attempts_total{outcome="sent",sink="aimaestro"}`:   "1",
		`hookctl_notification_attempts_total{outcome="retry",sink="aimaestro"}`:  "1",
		`hookctl_notification_attempts_total{outcome="failed",sink="aimaestro"}`: "1",
		`hookctl_storage_alarm`:                                                  "0",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	if got[`hookctl_requests_arriving`] != "0" {
		t.Errorf("arriving: %q", got[`hookctl_requests_arriving`])
	}
	if got[`hookctl_spool_bytes`] == "" {
		t.Error("the spool is not measured")
	}
	st := r.Stats()
	if st.Received != 2 || st.Duplicates != 1 || st.Rejected != 2 || st.Sent != 1 || st.Failed != 1 || st.Alarm != "" {
		t.Errorf("%+v", st)
	}
}
