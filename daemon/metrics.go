package daemon

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/voxparse/voxparse/api"
)

// metrics is what /metrics shows. No label holds a name, an address or an id
// that a user gave.
type metrics struct {
	handler  http.Handler
	requests *prometheus.HistogramVec
	accepted prometheus.Histogram
	waited   prometheus.Histogram
	ended    *prometheus.CounterVec
	audio    prometheus.Counter
	wall     prometheus.Counter
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
	disabled prometheus.Counter
}

func newMetrics(d *Daemon) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "voxparse_http_request_seconds",
			Help: "Time to answer a request, waiting and streams included.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"route", "status"}),
		accepted: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "voxparse_accept_seconds",
			Help: "Time from the first byte of an upload until its job is durable.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "voxparse_job_queue_seconds",
			Help: "Time from submission until a job is begun.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 10)}),
		ended:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "voxparse_jobs_ended_total", Help: "Jobs that ended in this run, by status."}, []string{"status"}),
		audio:    prometheus.NewCounter(prometheus.CounterOpts{Name: "voxparse_audio_seconds_total", Help: "Seconds of audio transcribed in this run."}),
		wall:     prometheus.NewCounter(prometheus.CounterOpts{Name: "voxparse_transcribe_seconds_total", Help: "Seconds spent transcribing in this run."}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "voxparse_delivery_attempts_total", Help: "Webhook attempts, by what they led to and why they failed."}, []string{"outcome", "error"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "voxparse_delivery_attempt_seconds",
			Help: "Time of one webhook attempt.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{Name: "voxparse_webhooks_disabled_total", Help: "Webhooks disabled by their failures or a 410."}),
	}
	reg := prometheus.NewRegistry()
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "voxparse_build_info", Help: "Always 1; the label is the version.",
		ConstLabels: prometheus.Labels{"version": d.opts.Version}}, func() float64 { return 1 })
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build, &stateCollector{d},
		m.requests, m.accepted, m.waited, m.ended, m.audio, m.wall, m.attempts, m.duration, m.disabled)
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return m
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) transcribed(audio float64, took time.Duration) {
	m.audio.Add(audio)
	m.wall.Add(took.Seconds())
}

func (m *metrics) attempt(outcome api.DeliveryState, att api.Attempt) {
	m.attempts.WithLabelValues(string(outcome), att.ErrorKind).Inc()
	m.duration.Observe(att.DurationMS / 1000)
}

func (d *Daemon) showMetrics(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePause))
	d.metrics.handler.ServeHTTP(w, r)
	return nil
}

// stateCollector reads the store's counters when it is asked.
type stateCollector struct{ d *Daemon }

var (
	jobsDesc       = prometheus.NewDesc("voxparse_jobs", "Jobs in the store, by status.", []string{"status"}, nil)
	deliveriesDesc = prometheus.NewDesc("voxparse_deliveries", "Deliveries in the store, by state.", []string{"state"}, nil)
	runningDesc    = prometheus.NewDesc("voxparse_jobs_running", "Jobs that this daemon works on.", nil, nil)
)

// Describe names what Collect gives.
func (c *stateCollector) Describe(out chan<- *prometheus.Desc) {
	out <- jobsDesc
	out <- deliveriesDesc
	out <- runningDesc
}

// Collect reads the counters.
func (c *stateCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	jobs, err := c.d.db.CountJobs(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(jobsDesc, err)
	}
	for s, n := range jobs {
		out <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(n), string(s))
	}
	deliveries, err := c.d.db.CountDeliveries(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(deliveriesDesc, err)
	}
	for s, n := range deliveries {
		out <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.GaugeValue, float64(n), string(s))
	}
	out <- prometheus.MustNewConstMetric(runningDesc, prometheus.GaugeValue, float64(c.d.work.count()))
}
