package metrics

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

// Config is what metrics need. All of it is required.
type Config struct {
	Version string     // of the program
	Store   Counts     // asked whenever the metrics are
	Running func() int // how many jobs this daemon works on

	Workers  func() []api.Worker
	Folders  func(ctx context.Context) ([]api.Folder, error)
	FreeDisk func() (bytes uint64, known bool) // of the data folder
}

// Metrics is what /metrics shows.
type Metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	panics   prometheus.Counter
	answered *prometheus.HistogramVec
	accepted prometheus.Histogram
	waited   prometheus.Histogram
	ended    *prometheus.CounterVec
	audio    prometheus.Counter
	wall     prometheus.Counter
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
	disabled prometheus.Counter
}

// New returns metrics that start from zero.
func New(cfg Config) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "voxparse_http_requests_total", Help: "Requests that were answered, streams included, by route and status code."}, []string{"route", "code"}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "voxparse_http_panics_total", Help: "Requests whose handling panicked; each is a bug in voxparse, and is in the log."}),
		answered: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "voxparse_http_request_seconds",
			Help: "Time to answer a request, waiting included, streams not.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"route", "code"}),
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
		ConstLabels: prometheus.Labels{"version": cfg.Version}}, func() float64 { return 1 })
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build, &storeCollector{cfg},
		m.requests, m.panics, m.answered, m.accepted, m.waited, m.ended, m.audio, m.wall, m.attempts, m.duration, m.disabled)
	m.begin()
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return m
}

// ServeHTTP writes the metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// begin shows the counters at zero, so that the first of anything is seen as a
// growth.
func (m *Metrics) begin() {
	for _, status := range []api.JobStatus{api.Completed, api.Failed, api.Cancelled} {
		m.ended.WithLabelValues(string(status))
	}
	m.attempts.WithLabelValues(string(api.DeliveryDelivered), "")
	for _, outcome := range []api.DeliveryStatus{api.DeliveryPending, api.DeliveryFailed} {
		for _, kind := range api.AttemptErrorKinds {
			m.attempts.WithLabelValues(string(outcome), kind)
		}
	}
}

// Route shows the counters of a route at zero: of answers as they should be,
// and of faults.
func (m *Metrics) Route(route string) {
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		m.requests.WithLabelValues(route, strconv.Itoa(status))
	}
}

// Request notes an answered request.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.answered.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Stream notes a stream that has ended, however long it was.
func (m *Metrics) Stream(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// Panicked notes a request whose handling panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }

// JobAccepted notes a job that is durable, took after the first byte of its
// upload.
func (m *Metrics) JobAccepted(took time.Duration) { m.accepted.Observe(took.Seconds()) }

// JobBegun notes a job that is begun, waited after its submission.
func (m *Metrics) JobBegun(waited time.Duration) { m.waited.Observe(waited.Seconds()) }

// JobEnded notes the end of a job.
func (m *Metrics) JobEnded(status api.JobStatus) { m.ended.WithLabelValues(string(status)).Inc() }

// Transcribed notes so many seconds of audio, transcribed in took.
func (m *Metrics) Transcribed(audio float64, took time.Duration) {
	m.audio.Add(audio)
	m.wall.Add(took.Seconds())
}

// Attempt notes a webhook attempt and what it led to.
func (m *Metrics) Attempt(outcome api.DeliveryStatus, att api.Attempt) {
	m.attempts.WithLabelValues(string(outcome), att.ErrorKind).Inc()
	m.duration.Observe(att.DurationMS / 1000)
}

// WebhookDisabled notes a webhook that was disabled by its failures or a 410.
func (m *Metrics) WebhookDisabled() { m.disabled.Inc() }
