package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// metrics are one receiver's counts, in a registry of their own.
type metrics struct {
	registry           *prometheus.Registry
	received           prometheus.Counter
	rejected           *prometheus.CounterVec
	duplicates         prometheus.Counter
	durable            prometheus.Histogram
	notified           *prometheus.CounterVec
	sentAll, failedAll prometheus.Counter
	rejectedAll        prometheus.Counter // not shown: Prometheus adds the reasons up
}

func newMetrics(s *Server) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		received:    counter("hookctl_deliveries_received_total", "Deliveries recorded, duplicates not counted."),
		duplicates:  counter("hookctl_deliveries_duplicate_total", "Deliveries that had been recorded before."),
		rejectedAll: counter("hookctl_requests_rejected", "Requests refused."),
		sentAll:     counter("hookctl_notifications_sent_total", "Notifications that a sink has taken."),
		failedAll:   counter("hookctl_notifications_failed_total", "Notifications that failed for good."),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookctl_requests_rejected_total", Help: "Requests refused, by reason.",
		}, []string{"reason"}),
		notified: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookctl_notification_attempts_total", Help: "Attempts to notify, by sink and outcome (sent, retry, failed).",
		}, []string{"sink", "outcome"}),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookctl_durable_seconds", Help: "From a checked signature to a durable record.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	m.registry.MustRegister(m.received, m.rejected, m.duplicates, m.durable, m.notified, m.sentAll, m.failedAll)
	// These are computed when the metrics are read.
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("hookctl_notifications_pending", "Notifications waiting to be sent.", func() float64 {
		n, _ := s.queue.pending()
		return float64(n)
	})
	gauge("hookctl_connections_open", "Open connections.", func() float64 { return float64(s.conns.count()) })
	gauge("hookctl_requests_arriving", "Requests whose body is still being read.", func() float64 { return float64(s.reading.Load()) })
	gauge("hookctl_storage_alarm", "1 while deliveries cannot be stored or files cannot be written.", func() float64 {
		for _, a := range s.standingAlarms() {
			if a.Key == alarmStorage || a.Key == alarmFiles {
				return 1
			}
		}
		return 0
	})
	gauge("hookctl_alarms", "Alarms that stand, as status shows them.", func() float64 { return float64(len(s.standingAlarms())) })
	gauge("hookctl_spool_bytes", "Bytes that are durable and not yet a record file.", func() float64 { return float64(s.log.Health().SpoolBytes) })
	return m
}

func (m *metrics) reject(reason string) {
	m.rejected.WithLabelValues(reason).Inc()
	m.rejectedAll.Inc()
}

// Metrics answers with the receiver's counts, and with what others have, as Prometheus text. Serve it on a loopback address
// only.
func (s *Server) Metrics(others ...prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(append(prometheus.Gatherers{s.metrics.registry}, others...), promhttp.HandlerOpts{})
}

// stats reads the counters back, so that there is one count of everything.
func (m *metrics) stats() Stats {
	return Stats{
		Received: value(m.received), Rejected: value(m.rejectedAll), Duplicates: value(m.duplicates), Sent: value(m.sentAll), Failed: value(m.failedAll),
	}
}

func value(c prometheus.Metric) int64 {
	var d dto.Metric
	if c.Write(&d) != nil {
		return 0
	}
	return int64(d.GetCounter().GetValue())
}

// logQuiet lets at most ten lines a second of a flood through to the log.
type logQuiet struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

func (q *logQuiet) do(write func()) {
	q.mu.Lock()
	if now := time.Now(); now.Sub(q.since) > time.Second {
		q.since, q.n = now, 0
	}
	q.n++
	over := q.n > 10
	q.mu.Unlock()
	if !over {
		write()
	}
}
