package sender

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestAProbeReachesWithoutAnEvent(t *testing.T) {
	asked := make(chan *http.Request, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		w.Header().Set("Date", "Mon, 02 Jan 2023 03:04:05 GMT")
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	s := New(Options{Version: "test"})
	defer s.Close()
	p := s.Probe(t.Context(), Target{URL: server.URL + "/hook", AllowPrivate: true})
	if p.Status != http.StatusFound || p.Error != "" || !p.Date.Equal(time.Date(2023, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("got %+v, want the redirect itself and the date", p)
	}
	r := <-asked
	if r.Method != http.MethodHead || r.URL.Path != "/hook" || r.ContentLength != 0 || r.Header.Get("Webhook-Id") != "" || len(asked) != 0 {
		t.Errorf("got %s %s with %v and %d more, want one bare HEAD", r.Method, r.URL, r.Header, len(asked))
	}
}

func TestAProbeFollowsTheRulesOfSending(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := New(Options{Version: "test"})
	defer s.Close()
	for _, tt := range []struct {
		name, url string
		private   bool
		want      string
	}{
		{"a private address", "https://127.0.0.1/x", false, api.AttemptBlocked},
		{"a metadata service", "http://169.254.169.254/", true, api.AttemptBlocked},
		{"nobody there", server.URL, true, api.AttemptConnect},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p := s.Probe(t.Context(), Target{URL: tt.url, AllowPrivate: tt.private}); p.ErrorKind != tt.want || p.Error == "" || p.Status != 0 {
				t.Errorf("got %+v, want the kind %s", p, tt.want)
			}
		})
	}
}
