package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// panics counts the requests that panicked.
type panics struct {
	uncounted
	n int
}

func (p *panics) Panicked() { p.n++ }

func TestServe_aPanicIsAnAnswerALogLineAndACount(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    handler
		cut  bool // no whole answer arrives
	}{
		{"before the answer", func(http.ResponseWriter, *http.Request) error { panic("a slip") }, false},
		{"within the answer", func(w http.ResponseWriter, _ *http.Request) error {
			if _, err := io.WriteString(w, "half of "); err != nil {
				return err
			}
			panic("a slip")
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			counted := &panics{}
			srv := &server{Config{Logger: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: counted}}
			served := httptest.NewServer(srv.serve("GET /slip", tt.h))
			defer served.Close()
			resp, err := http.Get(served.URL + "/slip")
			if err != nil && !tt.cut {
				t.Fatal(err)
			}
			if err == nil {
				defer resp.Body.Close()
				var body api.ErrorBody
				got, err := io.ReadAll(resp.Body)
				switch {
				case tt.cut && err == nil:
					t.Errorf("got %q, want a connection that is cut", got)
				case !tt.cut && (json.Unmarshal(got, &body) != nil || resp.StatusCode != http.StatusInternalServerError || body.Error.Type != api.Internal):
					t.Errorf("got %d %q, want a 500 in the form of all errors", resp.StatusCode, got)
				}
			}
			served.Close() // waits for the handler
			if counted.n != 1 {
				t.Errorf("got %d panics counted, want 1", counted.n)
			}
			for _, want := range []string{`"level":"ERROR"`, `"panic":"a slip"`, `"path":"/slip"`, "panic_test.go"} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("got the log %s, want %s in it", &log, want)
				}
			}
		})
	}
}
