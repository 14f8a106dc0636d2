package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/metrics"
)

// counts are what a store has.
type counts struct{ err error }

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

func shown(m *metrics.Metrics) (status int, text string) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func newMetrics(err error) *metrics.Metrics {
	return metrics.New(metrics.Config{Version: "v1", Store: counts{err}, Running: func() int { return 4 }})
}

func TestMetrics_showWhatHappened(t *testing.T) {
	m := newMetrics(nil)
	m.Request("GET /health", 200, time.Second)
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
		`voxparse_http_request_seconds_count{route="GET /health",status="200"} 1`,
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
