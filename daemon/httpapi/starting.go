package httpapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/voxparse/voxparse/api"
)

// startingRetry is when somebody who met a daemon that starts may ask again. The
// check of a large database takes a while, and most starts are over at once.
const startingRetry = time.Second

// errStarting answers whatever a daemon that starts cannot do yet.
var errStarting = &api.Error{Code: api.Unavailable, RetryAfter: startingRetry,
	Message: "the daemon is starting: it opens its database, and after a crash checks it; ask again soon"}

// startingWait is how long a request waits for the end of the start. Most are over
// by then, and the one who asks does not notice.
const startingWait = 300 * time.Millisecond

// opened serves the API once it is open, and answers by starting where that takes
// long.
func (s *Server) opened(starting http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.open:
			s.routes.ServeHTTP(w, r)
			return
		default:
		}
		if r.URL.Path != "/livez" {
			wait := time.NewTimer(startingWait)
			defer wait.Stop()
			select {
			case <-s.open:
				s.routes.ServeHTTP(w, r)
				return
			case <-r.Context().Done():
			case <-wait.C:
			}
		}
		starting.ServeHTTP(w, r)
	})
}

// starting serves a daemon that does not have its database yet. It says nothing
// but that, so it needs no key.
func starting(version string, log *slog.Logger) http.Handler {
	h := api.Health{Status: api.HealthStarting, Version: version}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limitRest(w, r)
		switch r.URL.Path {
		case "/livez":
			writeJSON(w, http.StatusOK, h)
		case "/health", "/healthz", "/readyz":
			w.Header().Set("Retry-After", strconv.Itoa(int(startingRetry.Seconds())))
			writeJSON(w, http.StatusServiceUnavailable, h)
		default:
			writeError(w, r, log, errStarting)
		}
	})
}
