package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// serve runs h behind a Unix socket and returns a client of it.
func serve(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "vp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	c := client.New(socket)
	t.Cleanup(c.Close)
	return c
}

func TestEveryMethodCallsItsRoute(t *testing.T) {
	var got string
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
		io.WriteString(w, "{}")
	}))
	since := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	address, overlap := "http://127.0.0.1:1/", 3600
	tests := []struct {
		want string
		call func(context.Context) error
	}{
		{"GET /health", func(ctx context.Context) error { _, err := c.Health(ctx); return err }},
		{"GET /v1/status", func(ctx context.Context) error { _, err := c.Status(ctx); return err }},
		{"GET /v1/doctor", func(ctx context.Context) error { _, err := c.Doctor(ctx, false); return err }},
		{"POST /v1/doctor?probe=1", func(ctx context.Context) error { _, err := c.Doctor(ctx, true); return err }},
		{"GET /v1/search?limit=7&offset=2&q=leisure&speaker=agent&until=2026-05-03T12%3A00%3A00Z", func(ctx context.Context) error {
			_, err := c.Search(ctx, api.SearchRequest{Words: "leisure", Speaker: "agent", Until: since, Limit: 7, Offset: 2})
			return err
		}},
		{"GET /v1/daemon/backup", func(ctx context.Context) error { return c.Backup(ctx, io.Discard, "") }},
		{"GET /v1/jobs/job_1/audio", func(ctx context.Context) error { return c.Audio(ctx, "job_1", io.Discard) }},
		{"GET /metrics", func(ctx context.Context) error { _, err := c.Metrics(ctx); return err }},
		{"POST /v1/daemon/stop", c.Stop},
		{"GET /v1/jobs", func(ctx context.Context) error { _, err := c.Jobs(ctx, client.JobQuery{}); return err }},
		{"GET /v1/jobs?limit=5&offset=10&since=2026-05-03T12%3A00%3A00Z&status=failed", func(ctx context.Context) error {
			_, err := c.Jobs(ctx, client.JobQuery{Limit: 5, Offset: 10, Status: api.Failed, Since: since})
			return err
		}},
		{"GET /v1/jobs/job_1", func(ctx context.Context) error { _, err := c.Job(ctx, "job_1"); return err }},
		{"GET /v1/jobs/a%2Fb", func(ctx context.Context) error { _, err := c.Job(ctx, "a/b"); return err }},
		{"GET /v1/jobs/job_1/result", func(ctx context.Context) error { _, err := c.Result(ctx, "job_1"); return err }},
		{"GET /v1/jobs/job_1/result?format=srt", func(ctx context.Context) error { _, err := c.Formatted(ctx, "job_1", "srt"); return err }},
		{"POST /v1/jobs/job_1/cancel", func(ctx context.Context) error { _, err := c.CancelJob(ctx, "job_1"); return err }},
		{"POST /v1/jobs/job_1/retry", func(ctx context.Context) error { _, err := c.RetryJob(ctx, "job_1"); return err }},
		{"DELETE /v1/jobs/job_1", func(ctx context.Context) error { return c.DeleteJob(ctx, "job_1", false) }},
		{`POST /v1/webhooks {"url":"http://127.0.0.1:1/"}`, func(ctx context.Context) error {
			_, err := c.CreateWebhook(ctx, api.WebhookPatch{URL: &address})
			return err
		}},
		{"GET /v1/webhooks", func(ctx context.Context) error { _, err := c.Webhooks(ctx); return err }},
		{"GET /v1/webhooks/whk_1", func(ctx context.Context) error { _, err := c.Webhook(ctx, "whk_1"); return err }},
		{"PATCH /v1/webhooks/whk_1 {}", func(ctx context.Context) error {
			_, err := c.UpdateWebhook(ctx, "whk_1", api.WebhookPatch{})
			return err
		}},
		{"DELETE /v1/webhooks/whk_1?force=true", func(ctx context.Context) error { return c.DeleteWebhook(ctx, "whk_1", true) }},
		{"POST /v1/webhooks/whk_1/test", func(ctx context.Context) error { _, err := c.TestWebhook(ctx, "whk_1"); return err }},
		{`POST /v1/webhooks/whk_1/rotate-secret {"overlap_seconds":3600}`, func(ctx context.Context) error {
			_, err := c.RotateSecret(ctx, "whk_1", api.RotateRequest{OverlapSeconds: &overlap})
			return err
		}},
		{`POST /v1/webhooks/whk_1/enable {}`, func(ctx context.Context) error {
			_, err := c.EnableWebhook(ctx, "whk_1", api.ReplayRequest{})
			return err
		}},
		{`POST /v1/webhooks/whk_1/replay {"since":"2026-05-03T12:00:00Z"}`, func(ctx context.Context) error {
			_, err := c.Replay(ctx, "whk_1", api.ReplayRequest{Since: since})
			return err
		}},
		{"GET /v1/webhooks/whk_1/deliveries?limit=3&status=held", func(ctx context.Context) error {
			_, err := c.Deliveries(ctx, "whk_1", client.DeliveryQuery{Limit: 3, Status: api.DeliveryHeld})
			return err
		}},
		{"GET /v1/deliveries/dlv_1", func(ctx context.Context) error { _, err := c.Delivery(ctx, "dlv_1"); return err }},
		{"POST /v1/deliveries/dlv_1/redeliver", func(ctx context.Context) error { _, err := c.Redeliver(ctx, "dlv_1"); return err }},
		{`POST /v1/watches {"dir":"/d","options":{"recursive":true}}`, func(ctx context.Context) error {
			_, err := c.AddWatch(ctx, api.FolderRequest{Dir: "/d", Options: api.FolderOptions{Recursive: true}})
			return err
		}},
		{"GET /v1/watches", func(ctx context.Context) error { _, err := c.Watches(ctx); return err }},
		{"GET /v1/watches/wat_1", func(ctx context.Context) error { _, err := c.Watch(ctx, "wat_1"); return err }},
		{`PATCH /v1/watches/wat_1 {"options":{"after":"move"},"existing":"process"}`, func(ctx context.Context) error {
			_, err := c.UpdateWatch(ctx, "wat_1", api.FolderPatch{Options: json.RawMessage(`{"after":"move"}`), Existing: api.ExistingProcess})
			return err
		}},
		{"DELETE /v1/watches/wat_1", func(ctx context.Context) error { return c.RemoveWatch(ctx, "wat_1") }},
		{"POST /v1/watches/wat_1/pause", func(ctx context.Context) error { _, err := c.PauseWatch(ctx, "wat_1"); return err }},
		{"POST /v1/watches/wat_1/resume", func(ctx context.Context) error { _, err := c.ResumeWatch(ctx, "wat_1"); return err }},
		{"POST /v1/watches/wat_1/rescan", func(ctx context.Context) error { _, err := c.RescanWatch(ctx, "wat_1"); return err }},
		{"GET /v1/watches/explain?path=%2Fd%2Fa+b.mp3", func(ctx context.Context) error { _, err := c.ExplainFile(ctx, "/d/a b.mp3"); return err }},
	}
	for _, tt := range tests {
		if err := tt.call(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		if got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   api.Code
		text   string
		retry  time.Duration
	}{
		{"not found", 404, `{"error":{"message":"there is no job job_1","code":404}}`, api.NotFound, "there is no job job_1", 0},
		{"conflict", 409, `{"error":{"message":"plan pro has 5","code":409}}`, api.Conflict, "plan pro has 5", 0},
		{"lease", 409, `{"error":{"message":"taken","code":409,"type":"lease_lost"}}`, api.LeaseLost, "taken", 0},
		{"a type that does not fit", 409, `{"error":{"message":"taken","code":409,"type":"gone"}}`, api.Conflict, "taken", 0},
		{"rate limited", 429, `{"error":{"message":"slow down","code":429},"retry_after":7}`, api.RateLimited, "slow down", 7 * time.Second},
		{"credentials", 401, `{"error":{"message":"no key","code":401}}`, api.Unauthorized, "no key", 0},
		{"no reason", 500, `oops`, api.Internal, "without a reason", 0},
		{"redirect", 302, ``, api.Invalid, "status 302", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			_, err := c.Job(t.Context(), "job_1")
			var e *api.Error
			if !errors.As(err, &e) || !errors.Is(err, tt.want) || !strings.Contains(e.Message, tt.text) || e.RetryAfter != tt.retry {
				t.Errorf("got %#v, want code %s, %q, retry after %s", err, tt.want, tt.text, tt.retry)
			}
		})
	}
}

func TestAnAbsentDaemonIsUnavailableAndSaysHowToStartIt(t *testing.T) {
	_, err := client.New(filepath.Join(t.TempDir(), "none", "s")).Status(t.Context())
	if !errors.Is(err, api.Unavailable) || !errors.Is(err, client.ErrUnreachable) || err.Error() != "daemon is not running; start it with: voxparse daemon start" {
		t.Errorf("got %v, want the fix", err)
	}
	_, err = client.NewTCP("http://127.0.0.1:1/v1/", "k").Status(t.Context())
	if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "cannot reach http://127.0.0.1:1 ") {
		t.Errorf("got %v, want the address", err)
	}
}

func TestABrokenConnectionIsUnknown(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if _, err := c.CancelJob(t.Context(), "job_1"); !errors.Is(err, api.Unknown) {
		t.Errorf("got %v, want api.Unknown: it may have happened", err)
	}
}

func TestTheCallersCancelStaysItsOwnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestTCPBearsTheKey(t *testing.T) {
	var got atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("X-API-Key") + " " + r.URL.Path)
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	if _, err := client.NewTCP(s.URL+"/v1", "vp_key").Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Load() != "vp_key /v1/status" {
		t.Errorf("got %q, want the key and one /v1", got.Load())
	}
}

// brokenWriter refuses everything.
type brokenWriter struct{}

var errFull = errors.New("no space left")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestDownloads(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "job_0"):
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(r.URL.Path, "job_cut"):
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		default:
			io.WriteString(w, "content")
		}
	}))
	var b strings.Builder
	if err := c.Audio(t.Context(), "job_1", &b); err != nil || b.String() != "content" {
		t.Errorf("got %q, %v, want the content", b.String(), err)
	}
	b.Reset()
	if err := c.Backup(t.Context(), &b, ""); err != nil || b.String() != "content" {
		t.Errorf("got %q, %v, want the content", b.String(), err)
	}
	if err := c.Audio(t.Context(), "job_0", io.Discard); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v, want api.NotFound", err)
	}
	if err := c.Audio(t.Context(), "job_cut", io.Discard); err == nil || errors.Is(err, api.NotFound) {
		t.Errorf("got %v, want the broken connection", err)
	}
	if err := c.Audio(t.Context(), "job_1", brokenWriter{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the writer's own error", err)
	}
	if err := c.Backup(t.Context(), brokenWriter{}, ""); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v, want api.Unavailable", err)
	}
}

func TestHoldWebhookEndsWithTheWebhookAndWithTheContext(t *testing.T) {
	held := make(chan struct{})
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "whk_0") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		io.WriteString(w, ": held\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		close(held)
		<-r.Context().Done()
	}))
	if err := c.HoldWebhook(t.Context(), "whk_0"); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v, want api.NotFound", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.HoldWebhook(ctx, "whk_1") }()
	<-held
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
