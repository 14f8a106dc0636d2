package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
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

// server serves the API.
type server struct{ cfg Config }

// Server is the API's server, with the limits of every connection set. Until Open
// is called a request waits for that, but not for long: then it is answered that
// the daemon starts.
type Server struct {
	*http.Server
	open   chan struct{} // closed by Open
	routes http.Handler  // set before that
}

// NewServer returns a server of a daemon that starts. Whoever serves a listener
// by it shuts it down.
func NewServer(version string, log *slog.Logger) *Server {
	s := &Server{open: make(chan struct{})}
	s.Server = &http.Server{
		Handler:           named(log, s.opened(starting(version, log))),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	return s
}

// Open has the server serve the API from now on. It is called once.
func (s *Server) Open(cfg Config) {
	s.routes = (&server{cfg}).handler()
	close(s.open)
}

// handler serves one route. Its error becomes the answer; once it has begun to
// answer it returns nil.
type handler func(http.ResponseWriter, *http.Request) error

// handler is the HTTP API, the same on the socket and on TCP, but for what is
// marked as the socket's own.
func (srv *server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range srv.handlers() {
		srv.cfg.Metrics.Route(pattern)
		mux.Handle(pattern, srv.serve(pattern, h))
	}
	return srv.guard(mux)
}

// handlers returns the handler of each pattern.
func (srv *server) handlers() map[string]handler {
	all := map[string]handler{}
	for _, routes := range []map[string]handler{srv.jobRoutes(), srv.webhookRoutes(), srv.folderRoutes(), srv.daemonRoutes(), srv.openAIRoutes()} {
		maps.Copy(all, routes)
	}
	return all
}

// jobRoutes are the routes of jobs and their results.
func (srv *server) jobRoutes() map[string]handler {
	return map[string]handler{
		"POST /v1/transcribe":       srv.submit,
		"GET /v1/jobs":              srv.listJobs,
		"GET /v1/jobs/{id}":         srv.showJob,
		"DELETE /v1/jobs/{id}":      srv.deleteJob,
		"GET /v1/jobs/{id}/result":  srv.showResult,
		"GET /v1/jobs/{id}/audio":   srv.showAudio,
		"GET /v1/jobs/{id}/events":  srv.jobEvents,
		"POST /v1/jobs/{id}/cancel": srv.cancelJob,
		"POST /v1/jobs/{id}/retry":  srv.retryJob,
		"GET /v1/search":            srv.searchTranscripts,
	}
}

// webhookRoutes are the routes of webhooks and their deliveries.
func (srv *server) webhookRoutes() map[string]handler {
	return map[string]handler{
		"POST /v1/webhooks":                    srv.createWebhook,
		"GET /v1/webhooks":                     srv.listWebhooks,
		"GET /v1/webhooks/{id}":                srv.showWebhook,
		"PATCH /v1/webhooks/{id}":              srv.patchWebhook,
		"DELETE /v1/webhooks/{id}":             srv.deleteWebhook,
		"GET /v1/webhooks/{id}/hold":           srv.leaseWebhook,
		"POST /v1/webhooks/{id}/test":          srv.testWebhook,
		"POST /v1/webhooks/{id}/rotate-secret": srv.rotateSecret,
		"POST /v1/webhooks/{id}/enable":        srv.enableWebhook,
		"POST /v1/webhooks/{id}/replay":        srv.replayWebhook,
		"GET /v1/webhooks/{id}/deliveries":     srv.listDeliveries,
		"GET /v1/deliveries":                   srv.listAllDeliveries,
		"GET /v1/jobs/{id}/deliveries":         srv.listJobDeliveries,
		"GET /v1/deliveries/{id}":              srv.showDelivery,
		"POST /v1/deliveries/{id}/redeliver":   srv.redeliver,
		"GET /v1/events":                       socketOnly(srv.events),
	}
}

// daemonRoutes are the routes of the daemon itself.
func (srv *server) daemonRoutes() map[string]handler {
	return map[string]handler{
		"GET /v1/doctor":         socketOnly(srv.showDoctor),
		"POST /v1/doctor":        socketOnly(srv.showDoctor),
		"POST /v1/daemon/stop":   socketOnly(srv.stopByRequest),
		"GET /v1/daemon/backup":  socketOnly(srv.backup),
		"POST /v1/daemon/backup": socketOnly(srv.backup),
		"GET /v1/status":         srv.showStatus,
		"GET /health":            srv.showHealth,
		"GET /healthz":           srv.showHealth,
		"GET /readyz":            srv.showReady,
		"GET /livez":             srv.showAlive,
		"GET /metrics":           srv.showMetrics,
		"GET /openapi.json":      showOpenAPI,
		"GET /docs":              showDocs,
	}
}

// serve turns a handler's error into the answer, and counts.
func (srv *server) serve(pattern string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &statusRecorder{ResponseWriter: w}
		if err := srv.call(h, rec, r); err != nil {
			limitRest(rec, r)
			writeError(rec, r, srv.cfg.Logger, err)
		}
		if rec.Header().Get("Content-Type") == streamType {
			srv.cfg.Metrics.Stream(pattern, rec.status)
			return
		}
		srv.cfg.Metrics.Request(pattern, rec.status, time.Since(began))
	})
}

// errPanicked is the error of a handler that panicked.
var errPanicked = api.Errorf(api.Internal, "internal error; see: voxparse daemon logs")

// call calls h. A panic of it is a fault of ours, not the end of the daemon: it
// is logged with its stack and counted, and becomes an error; where the answer
// has begun, the connection is cut, so that nobody takes it for complete.
func (srv *server) call(h handler, rec *statusRecorder, r *http.Request) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
			panic(v)
		}
		srv.cfg.Metrics.Panicked()
		srv.cfg.Logger.Error("a request panicked; this is a bug in voxparse", "method", r.Method, "path", r.URL.Path, "request_id", rec.Header().Get(requestIDHeader), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if rec.status != 0 {
			panic(http.ErrAbortHandler)
		}
		err = errPanicked
	}()
	return h(rec, r)
}

// limitRest bounds the time for which the server waits for the rest of a
// refused request: without it, a client that stalls keeps the answer back.
func limitRest(w http.ResponseWriter, r *http.Request) {
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

// Write notes the status of an answer that begins without one.
func (s *statusRecorder) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find deadlines and Flush.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
