package httpapi

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
)

// guard checks every request before its body is read: who asks, and whether
// there is such a route.
func (srv *server) guard(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !overSocket(r) {
			if err := srv.admitTCP(r); err != nil {
				w.Header().Set("Connection", "close")
				limitRest(w, r)
				writeError(w, r, srv.cfg.Logger, err)
				return
			}
		}
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			srv.noRoute(w, r, mux)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// noRoute answers a request without a route as errors of the API are answered,
// which the mux does not do.
func (srv *server) noRoute(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	said := unsent{}
	mux.ServeHTTP(said, r)
	if allow := said.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		writeFailure(w, r, http.StatusMethodNotAllowed, api.Invalid, r.Method+" is not allowed for "+r.URL.Path+"; allowed: "+allow, 0)
		return
	}
	writeError(w, r, srv.cfg.Logger, api.Errorf(api.NotFound, "there is no %s", r.URL.Path))
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
func (srv *server) admitTCP(r *http.Request) error {
	if !srv.knownHost(r.Host) {
		return api.Errorf(api.Invalid, "the host name %q is not one of this daemon's; add it to hosts in the config file", r.Host)
	}
	if open[r.URL.Path] {
		return nil
	}
	key := r.Header.Get("X-API-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && key == "" {
		key = strings.TrimSpace(bearer)
	}
	if key == "" {
		return api.Errorf(api.Unauthorized, "an API key is missing; send it as X-API-Key, or make one with: voxparse keys add")
	}
	if err := srv.checkKey(key); err != nil {
		return err
	}
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		listener.Authenticated(c)
	}
	return nil
}

// open are the paths that need no key: they tell nothing about this daemon but
// that it runs, and in which version.
var open = map[string]bool{"/health": true, "/healthz": true, "/livez": true, "/readyz": true, "/openapi.json": true, "/docs": true}

// knownHost reports whether a Host header names this daemon. An address is
// fine, and so is none, as health checks of HTTP/1.0 have it: only names can be
// made to point here by somebody else.
func (srv *server) knownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "" || name == "localhost" || net.ParseIP(name) != nil {
		return true
	}
	for _, h := range srv.cfg.Settings.Hosts {
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

// checkKey refuses an API key that is not one of ours.
func (srv *server) checkKey(secret string) error {
	_, ok, err := srv.cfg.Keys.Match(secret)
	if err != nil {
		return err
	}
	if !ok {
		return api.Errorf(api.Unauthorized, "the API key is wrong or was revoked; make one with: voxparse keys add")
	}
	return nil
}
