package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/metrics"
)

// counts are what a store has.
type counts struct{ err error }

func (c counts) Unreadable() int { return 2 }

func (c counts) CountJobs(context.Context) (map[api.JobStatus]int, error) {
	if c.err != nil {
		return nil, c.err
	}
	return map[api.JobStatus]int{api.Queued: 3}, nil
}

func (c counts) CountDeliveries(context.Context) (map[api.DeliveryStatus]int, error) {
	if c.err != nil {
		return nil, c.err
	}
	return map[api.DeliveryStatus]int{api.DeliveryHeld: 2}, nil
}

func (c counts) OldestQueued(context.Context) (time.Time, error) {
	return time.Now().Add(-time.Hour), c.err
}

func (c counts) OldestPending(context.Context) (time.Time, error) { return time.Time{}, c.err }

func shown(m *metrics.Metrics) (status int, text string) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func newMetrics(err error) *metrics.Metrics {
	return metrics.New(metrics.Config{Version: "v1", Store: counts{err}, Running: func() int { return 4 },
		Workers:  func() []api.Worker { return []api.Worker{{Restarts: 2}, {Restarts: 3}} },
		Folders:  func(context.Context) ([]api.Folder, error) { return []api.Folder{{Status: "offline"}}, err },
		FreeDisk: func() (uint64, bool) { return 1024, true }})
}

func TestMetrics_showWhatHappened(t *testing.T) {
	m := newMetrics(nil)
	m.Route("GET /health")
	m.Request("GET /health", 200, time.Second)
	m.Stream("GET /v1/events", 200)
	m.Panicked()
	m.JobAccepted(time.Second)
	m.JobBegun(2 * time.Second)
	m.JobEnded(api.Completed)
	m.Transcribed(30, 2*time.Second)
	m.Attempt(api.DeliveryPending, api.Attempt{ErrorKind: "timeout", DurationMS: 1500})
	m.WebhookDisabled()
	_, text := shown(m)
	for _, want := range []string{
		`voxparse_build_info{version="v1"} 1`,
		`voxparse_jobs{status="queued"} 3`,
		`voxparse_deliveries{status="held"} 2`,
		"voxparse_jobs_running 4",
		`voxparse_http_request_seconds_count{code="200",route="GET /health"} 1`,
		`voxparse_http_requests_total{code="200",route="GET /health"} 1`,
		`voxparse_http_requests_total{code="500",route="GET /health"} 0`,
		`voxparse_http_requests_total{code="200",route="GET /v1/events"} 1`,
		`voxparse_jobs_ended_total{status="failed"} 0`,
		`voxparse_delivery_attempts_total{error="",outcome="delivered"} 0`,
		`voxparse_delivery_attempts_total{error="tls",outcome="failed_permanent"} 0`,
		"voxparse_oldest_pending_delivery_age_seconds 0",
		"voxparse_worker_restarts_total 5",
		"voxparse_disk_free_bytes 1024",
		`voxparse_folders{status="offline"} 1`,
		`voxparse_folders{status="blocked"} 0`,
		"voxparse_http_panics_total 1",
		"voxparse_accept_seconds_sum 1",
		"voxparse_job_queue_seconds_sum 2",
		`voxparse_jobs_ended_total{status="completed"} 1`,
		"voxparse_audio_seconds_total 30",
		"voxparse_transcribe_seconds_total 2",
		`voxparse_delivery_attempts_total{error="timeout",outcome="pending"} 1`,
		"voxparse_delivery_attempt_seconds_sum 1.5",
		"voxparse_webhooks_disabled_total 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(text, `voxparse_http_request_seconds_count{code="200",route="GET /v1/events"}`) {
		t.Error("got a stream in the histogram, want it counted alone")
	}
}

func TestMetrics_areReadByPrometheus(t *testing.T) {
	_, text := shown(newMetrics(nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse the metrics: %v", err)
	}
	if age := families["voxparse_oldest_queued_job_age_seconds"].GetMetric()[0].GetGauge().GetValue(); age < 3600 {
		t.Errorf("got an oldest job of %g seconds, want an hour", age)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatalf("read the metrics: %v", err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "voxparse_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetrics_areShownWithoutAStoreThatAnswers(t *testing.T) {
	_, text := shown(newMetrics(errors.New("closed")))
	if !strings.Contains(text, "voxparse_jobs_running 4\n") || strings.Contains(text, "voxparse_deliveries{") {
		t.Errorf("got %s, want what this process knows by itself alone", text)
	}
}
