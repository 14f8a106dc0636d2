package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNamed_theAnswerAndTheLogHaveOneID(t *testing.T) {
	for _, tt := range []struct{ name, sent, want string }{
		{"none", "", ""},
		{"the client's", "trace-1.a_B:9", "trace-1.a_B:9"},
		{"one that would break a line", "a\tb", ""},
		{"too long", strings.Repeat("a", maxRequestID+1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			srv := &server{Config{Logger: logger, Metrics: &panics{}}}
			h := named(logger, srv.serve("GET /slip", func(http.ResponseWriter, *http.Request) error { return errors.New("a slip") }))
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/slip?q=secret", nil)
			if tt.sent != "" {
				r.Header.Set(requestIDHeader, tt.sent)
			}
			h.ServeHTTP(w, r)
			id := w.Header().Get(requestIDHeader)
			if tt.want != "" && id != tt.want || tt.want == "" && !strings.HasPrefix(id, requestPrefix) {
				t.Errorf("got the id %q, want %q or a new one", id, tt.want)
			}
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			if len(lines) != 2 || strings.Contains(log.String(), "secret") {
				t.Fatalf("got the log %s, want the error and the request, and no query", log.String())
			}
			for _, line := range lines {
				var got struct {
					RequestID string `json:"request_id"`
					Path      string
				}
				if err := json.Unmarshal([]byte(line), &got); err != nil || got.RequestID != id || got.Path != "/slip" {
					t.Errorf("got the line %s, %v, want the id %s", line, err, id)
				}
			}
		})
	}
}

func TestNamed_aConnectionThatIsCutIsLogged(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := named(logger, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer func() {
		if v := recover(); v != http.ErrAbortHandler || !strings.Contains(log.String(), "msg=request") {
			t.Errorf("got %v and the log %s, want the panic passed on and a line", v, log.String())
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/cut", nil))
}
