package httpapi

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
)

// ask has the server's handler answer one request.
func (s *Server) ask(method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader("x")))
	return w
}

func TestServer_saysThatTheDaemonStarts(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
		wait         time.Duration
	}{
		{"GET", "/livez", 200, `"status": ?"starting"`, 0},
		{"GET", "/health", 503, `"status": ?"starting"`, startingWait},
		{"GET", "/readyz", 503, `"status": ?"starting"`, startingWait},
		{"GET", "/v1/jobs", 503, "the daemon is starting", startingWait},
		{"POST", "/v1/transcribe", 503, "the daemon is starting", startingWait},
		{"POST", "/v1/audio/transcriptions", 503, "the daemon is starting", startingWait},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := NewServer("1.2.3", slog.New(slog.DiscardHandler))
			began := time.Now()
			w := s.ask(tt.method, tt.path)
			if took := time.Since(began); w.Code != tt.status || took != tt.wait {
				t.Errorf("%s: got %d after %v, want %d after %v", tt.path, w.Code, took, tt.status, tt.wait)
			}
			if body := strings.ReplaceAll(w.Body.String(), `": "`, `":"`); !strings.Contains(body, strings.ReplaceAll(tt.body, " ?", "")) {
				t.Errorf("%s: got %s, want %s in it", tt.path, body, tt.body)
			}
			if w.Header().Get(requestIDHeader) == "" {
				t.Errorf("%s: got no request id", tt.path)
			}
			if retry := w.Header().Get("Retry-After"); (retry != "") != (tt.status == 503) {
				t.Errorf("%s: got Retry-After %q with %d", tt.path, retry, w.Code)
			}
		})
	}
}

// A request that comes shortly before the end of the start is served like any.
func TestServer_servesWhoWaitedForTheEndOfTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer("1.2.3", slog.New(slog.DiscardHandler))
		answer := make(chan *httptest.ResponseRecorder)
		go func() { answer <- s.ask(http.MethodGet, "/livez/later") }()
		synctest.Wait()
		s.Open(Config{Logger: slog.New(slog.DiscardHandler), Metrics: uncounted{}, Keys: anyKey{}, Health: func() string { return api.HealthOK }})
		if w := <-answer; w.Code == http.StatusServiceUnavailable {
			t.Errorf("got %d, want the answer of the API", w.Code)
		}
		if w := s.ask(http.MethodGet, "/livez"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), api.HealthOK) {
			t.Errorf("got %d %s, want that all is well", w.Code, w.Body)
		}
	})
}
