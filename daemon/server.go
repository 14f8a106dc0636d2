package daemon

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Limits of every connection.
const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
	bodyTimeout    = 30 * time.Second // of a request that is no upload
	restTimeout    = time.Second      // of what is left of a body once the request is refused
)

// handler serves one route. Its error becomes the answer; once it has begun to
// answer it returns nil.
type handler func(http.ResponseWriter, *http.Request) error

// routes is the HTTP API, the same on the socket and on TCP, but for what is
// marked as the socket's own.
func (d *Daemon) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"POST /v1/transcribe":                  d.submit,
		"GET /v1/jobs":                         d.listJobs,
		"GET /v1/jobs/{id}":                    d.showJob,
		"DELETE /v1/jobs/{id}":                 d.deleteJob,
		"GET /v1/jobs/{id}/result":             d.showResult,
		"GET /v1/jobs/{id}/audio":              d.showAudio,
		"GET /v1/jobs/{id}/events":             d.jobEvents,
		"POST /v1/jobs/{id}/cancel":            d.cancelJob,
		"POST /v1/jobs/{id}/retry":             d.retryJob,
		"POST /v1/webhooks":                    d.createWebhook,
		"GET /v1/webhooks":                     d.listWebhooks,
		"GET /v1/webhooks/{id}":                d.showWebhook,
		"PATCH /v1/webhooks/{id}":              d.patchWebhook,
		"DELETE /v1/webhooks/{id}":             d.deleteWebhook,
		"GET /v1/webhooks/{id}/hold":           d.holdWebhook,
		"POST /v1/webhooks/{id}/test":          d.testWebhook,
		"POST /v1/webhooks/{id}/rotate-secret": d.rotateSecret,
		"POST /v1/webhooks/{id}/enable":        d.enableWebhook,
		"POST /v1/webhooks/{id}/replay":        d.replayWebhook,
		"GET /v1/webhooks/{id}/deliveries":     d.listDeliveries,
		"GET /v1/deliveries/{id}":              d.showDelivery,
		"POST /v1/deliveries/{id}/redeliver":   d.redeliver,
		"GET /v1/events":                       socketOnly(d.events),
		"GET /v1/doctor":                       socketOnly(d.showDoctor),
		"POST /v1/doctor":                      socketOnly(d.showDoctor),
		"POST /v1/daemon/stop":                 socketOnly(d.stopByRequest),
		"GET /v1/daemon/backup":                socketOnly(d.backup),
		"GET /v1/search":                       d.searchTranscripts,
		"GET /v1/status":                       d.showStatus,
		"GET /health":                          d.showHealth,
		"GET /metrics":                         d.showMetrics,
	} {
		mux.Handle(pattern, d.serve(pattern, h))
	}
	d.folderRoutes(mux)
	return d.guard(mux)
}

// serve turns a handler's error into the answer, and counts.
func (d *Daemon) serve(pattern string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &statusRecorder{ResponseWriter: w}
		if err := h(rec, r); err != nil {
			giveUpBody(rec, r)
			writeError(rec, r, d.log, err)
		}
		d.metrics.request(pattern, rec.status, time.Since(began))
	})
}

// giveUpBody bounds the time for which the server waits for the rest of a
// refused request: without it, a client that stalls keeps the answer back.
func giveUpBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(restTimeout))
	}
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find deadlines and Flush.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// guard is what every request meets first: who is it, and is there such a
// route. Nothing of a body is read before.
func (d *Daemon) guard(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !overSocket(r) {
			if err := d.admitTCP(r); err != nil {
				w.Header().Set("Connection", "close")
				giveUpBody(w, r)
				writeError(w, r, d.log, err)
				return
			}
		}
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			d.noRoute(w, r, mux)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// noRoute answers in our own words what the mux says by itself.
func (d *Daemon) noRoute(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	said := unsent{}
	mux.ServeHTTP(said, r)
	if allow := said.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		writeJSON(w, http.StatusMethodNotAllowed, api.ErrorBody{Error: api.ErrorDetail{
			Message: r.Method + " is not for " + r.URL.Path + "; there are: " + allow, Code: http.StatusMethodNotAllowed}})
		return
	}
	writeError(w, r, d.log, api.Errorf(api.NotFound, "there is no %s", r.URL.Path))
}

// unsent takes an answer that nobody is to see, but for its headers.
type unsent http.Header

// Header returns the headers.
func (u unsent) Header() http.Header { return http.Header(u) }

// Write drops the body.
func (u unsent) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader drops the status.
func (u unsent) WriteHeader(int) {}

// admitTCP checks a request that did not come by the socket: its Host, so that
// no web page can reach us under a name of its own, and its key.
func (d *Daemon) admitTCP(r *http.Request) error {
	if !d.knownHost(r.Host) {
		return api.Errorf(api.Invalid, "the host name %q is not one of this daemon's; add it to hosts in the config file", r.Host)
	}
	if r.URL.Path == "/health" {
		return nil
	}
	key := r.Header.Get("X-API-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && key == "" {
		key = strings.TrimSpace(bearer)
	}
	if key == "" {
		return api.Errorf(api.Unauthorized, "an API key is missing; send it as X-API-Key, or make one with: voxparse keys add")
	}
	if err := d.checkKey(key); err != nil {
		return err
	}
	keepConn(r)
	return nil
}

// knownHost reports whether a Host header names this daemon. An address is
// fine: only names can be made to point here by somebody else.
func (d *Daemon) knownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || net.ParseIP(name) != nil {
		return true
	}
	for _, h := range d.cfg.Hosts {
		if strings.EqualFold(h, name) || strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

type connKey struct{}

// overSocket reports whether a request came by the Unix socket.
func overSocket(r *http.Request) bool {
	_, ok := r.Context().Value(connKey{}).(*net.UnixConn)
	return ok
}

func socketOnly(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !overSocket(r) {
			return api.Errorf(api.NotFound, "there is no %s over TCP; it is for the Unix socket only", r.URL.Path)
		}
		return h(w, r)
	}
}

// httpServer returns a server with the limits of every connection set.
func (d *Daemon) httpServer() *http.Server {
	return &http.Server{
		Handler:           d.routes(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
}
