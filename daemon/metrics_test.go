package daemon_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/voxparse/voxparse/api"
)

var sample = regexp.MustCompile(`^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eInfNa]+$`)

func TestMetricsAreWellFormedAndTellNoSecret(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(http.StatusTeapot) })
	hook := r.register(f, func(p *api.WebhookPatch) {
		url := *p.URL + "/planted-path?token=planted-token"
		p.URL = &url
	})
	f.post([]part{{"@file", string(audio("planted words"))}, {"metadata", `{"case":"planted"}`}})
	f.post([]part{{"@file", string(audio("fail " + api.JobDamaged))}})
	f.ask("GET", "/v1/jobs/planted-id", "")
	f.ask("GET", "/planted-route", "")
	r.next()
	until(t, "the record of an attempt", func() bool {
		text, err := f.client.Metrics(t.Context())
		return err == nil && strings.Contains(text, "voxparse_delivery_attempts_total{")
	})
	text, err := f.client.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
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
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !sample.MatchString(line) {
			t.Errorf("got the line %q, want a sample", line)
		}
	}
	for _, never := range []string{"planted", hook.ID, hook.Secret, "127.0.0.1"} {
		if strings.Contains(text, never) {
			t.Errorf("the metrics hold %q", never)
		}
	}
	for _, want := range []string{`voxparse_jobs{status="completed"} 1`, `voxparse_jobs_ended_total{status="failed"} 1`, `voxparse_build_info{version="test"} 1`,
		`voxparse_http_request_seconds_count{code="200",route="POST /v1/transcribe"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
