package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/store"
)

// requestIDHeader names a request in its answer and in the log, so that what a
// client saw is found there.
const requestIDHeader = "X-Request-Id"

const (
	requestPrefix = "req_"
	maxRequestID  = 128 // bytes
)

// named gives every request an id, the client's own where it sent one that is
// fit for a log, and logs its end at the level debug. Of the address only the
// path is logged: the rest may hold what somebody searched for.
func named(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !plainID(id) {
			id = store.NewID(requestPrefix)
		}
		w.Header().Set(requestIDHeader, id)
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		began, rec := time.Now(), &statusRecorder{ResponseWriter: w}
		defer func() { // also where a handler cuts the connection
			log.DebugContext(r.Context(), "request", "request_id", rec.Header().Get(requestIDHeader), "method", r.Method, "path", r.URL.Path,
				"status", rec.status, "took", time.Since(began).Round(time.Microsecond), "client", clientOf(r))
		}()
		next.ServeHTTP(rec, r)
	})
}

// plainID reports whether a client's id is short and of characters that need no
// care anywhere.
func plainID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// clientOf is the address of a client, or "socket".
func clientOf(r *http.Request) string {
	if overSocket(r) {
		return "socket"
	}
	return r.RemoteAddr
}
