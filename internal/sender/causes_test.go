package sender

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// secureReceiver is a real HTTPS server on loopback and a sender that trusts it.
func secureReceiver(t *testing.T, cfg *tls.Config, handler http.HandlerFunc) (addr string, s *Sender) {
	t.Helper()
	cert, parsed := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	cfg.Certificates = []tls.Certificate{cert}
	receiver := httptest.NewUnstartedServer(handler)
	receiver.TLS = cfg
	receiver.Config.ErrorLog = log.New(io.Discard, "", 0)
	receiver.StartTLS()
	t.Cleanup(receiver.Close)
	return receiver.Listener.Addr().String(), newSender(t, Options{Roots: roots})
}

func TestTLS_whyAReceiverRefuses(t *testing.T) {
	// Larger than what the sockets hold, so that the request is still being
	// written when the receiver refuses.
	large := []byte(`"` + strings.Repeat("x", 8<<20) + `"`)
	refuse := func(tls.ConnectionState) error { return errors.New("not this one") }
	ok := func(http.ResponseWriter, *http.Request) {}
	tests := []struct {
		name    string
		cfg     *tls.Config
		handler http.HandlerFunc
		kind    string
		why     string
	}{
		{"wants a client certificate, TLS 1.3", &tls.Config{ClientAuth: tls.RequireAnyClientCert}, ok, api.AttemptClientCertificate, "wants a client certificate, and the webhook has none (certificate required)"},
		{"wants a client certificate, TLS 1.2", &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, ok, api.AttemptClientCertificate, "wants a client certificate, and the webhook has none (handshake failure)"},
		{"asks for a client certificate, and goes on without", &tls.Config{ClientAuth: tls.RequestClientCert}, ok, "", ""},
		{"asks for a client certificate, then closes", &tls.Config{ClientAuth: tls.RequestClientCert}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, api.AttemptProtocol, "asked for a client certificate, of which there is none, and closed the connection"},
		{"refuses what TLS 1.3 agreed on", &tls.Config{VerifyConnection: refuse}, ok, api.AttemptTLS, "refuses TLS (bad certificate)"},
		{"offers another protocol", &tls.Config{NextProtos: []string{"acme-tls/1"}}, ok, api.AttemptHTTPVersion, "speaks HTTP/2 only"},
		{"has no cipher in common", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, ok, api.AttemptTLS, "refuses the TLS handshake (handshake failure)"},
		{"serves another name", &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, io.EOF }}, ok, api.AttemptTLS, "refuses TLS (internal error)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for size, body := range map[string][]byte{"small": []byte("{}"), "large": large} {
				addr, s := secureReceiver(t, tt.cfg.Clone(), tt.handler) // another sender, which resumes no session
				a := s.Send(t.Context(), Target{URL: "https://" + addr, AllowPrivate: true}, nil, body)
				if a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) || Delivered(a) != (tt.kind == "") {
					t.Errorf("%s body: got %d, %s %q, want %q with %q", size, a.Status, a.ErrorKind, a.Error, tt.kind, tt.why)
				}
			}
		})
	}
}

// The first frames of a server of HTTP/2: SETTINGS with three settings, or with
// none, and GOAWAY.
const (
	http2Settings = "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\xfa\x00\x06\x00\x10\x01\x40\x00\x04\x00\x10\x00\x00"
	http2Empty    = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	http2GoAway   = "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
)

func TestHTTP2Only_isSaid(t *testing.T) {
	cert, parsed := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	s := newSender(t, Options{Roots: roots})
	secured := func(behave func(net.Conn, <-chan struct{})) func(net.Conn, <-chan struct{}) {
		return func(c net.Conn, stop <-chan struct{}) {
			behave(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), stop)
		}
	}
	atOnce := func(text string) func(net.Conn, <-chan struct{}) {
		return then(func(c net.Conn, _ <-chan struct{}) { io.WriteString(c, text) })
	}
	inPieces := then(func(c net.Conn, _ <-chan struct{}) {
		for i := range http2Settings {
			io.WriteString(c, http2Settings[i:i+1])
		}
	})
	node := says("HTTP/1.0 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nMissing ALPN Protocol, expected `h2` to be available.\n")
	tests := []struct {
		name   string
		scheme string
		behave func(net.Conn, <-chan struct{})
	}{
		{"settings before the request", "http", atOnce(http2Settings)},
		{"settings after the request", "http", says(http2Settings)},
		{"settings byte by byte", "http", inPieces},
		{"empty settings", "http", atOnce(http2Empty)},
		{"goodbye at once", "http", atOnce(http2GoAway)},
		{"TLS without ALPN, before the request", "https", secured(atOnce(http2Settings))},
		{"TLS without ALPN, after the request", "https", secured(says(http2Settings))},
		{"as Node says it", "https", secured(node)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := rawReceiver(t, tt.behave)
			a := s.Send(t.Context(), Target{URL: tt.scheme + "://" + addr, AllowPrivate: true}, nil, []byte("{}"))
			if a.ErrorKind != api.AttemptHTTPVersion || !strings.Contains(a.Error, addr+" speaks HTTP/2 only") {
				t.Errorf("got %d, %s %q, want %s", a.Status, a.ErrorKind, a.Error, api.AttemptHTTPVersion)
			}
		})
	}
}

func TestRefusal_thatAnAnswerExplains(t *testing.T) {
	plain, s := secureReceiver(t, &tls.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "<html><head><title>400 No required SSL certificate was sent</title></head></html>")
	})
	tests := []struct{ name, url, kind, why string }{
		{"plain HTTP to the port of HTTPS", "http://" + plain, api.AttemptStatus, "400 Bad Request: its port is for HTTPS; write https://"},
		{"nginx without a client certificate", "https://" + plain, api.AttemptClientCertificate, "wants a client certificate, and the webhook has none (400 Bad Request)"},
	}
	for _, tt := range tests {
		a := s.Send(t.Context(), Target{URL: tt.url, AllowPrivate: true}, nil, []byte("{}"))
		if a.Status != http.StatusBadRequest || a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) {
			t.Errorf("%s: got %d, %s %q, want %s with %q", tt.name, a.Status, a.ErrorKind, a.Error, tt.kind, tt.why)
		}
	}
}

func TestRetryAfter_isSaidWhereItCame(t *testing.T) {
	var asks string
	status := http.StatusServiceUnavailable
	receiver := newHook(t, func(w http.ResponseWriter, _ *http.Request) {
		if asks != "" {
			w.Header().Set("Retry-After", asks)
		}
		w.WriteHeader(status)
	})
	s := newSender(t, Options{})
	for _, tt := range []struct {
		status int
		asks   string
		want   string
	}{
		{503, "", "it answered 503 Service Unavailable; see the receiver's log"},
		{503, "soon", "it answered 503 Service Unavailable; see the receiver's log"},
		{503, "120", "it answered 503 Service Unavailable and asks to wait 2m0s (Retry-After)"},
		{429, "", "it answered 429 Too Many Requests; a rate limit of the webhook makes it fewer"},
		{429, "5", "it answered 429 Too Many Requests and asks to wait 5s (Retry-After)"},
		{500, "5", "it answered 500 Internal Server Error; see the receiver's log"},
	} {
		status, asks = tt.status, tt.asks
		if a := s.Send(t.Context(), Target{URL: receiver.URL, AllowPrivate: true}, nil, nil); a.Error != tt.want {
			t.Errorf("%d with Retry-After %q: got %q, want %q", tt.status, tt.asks, a.Error, tt.want)
		}
	}
}

func TestDNS_whyANameHasNoAddress(t *testing.T) {
	dns := newNameserver(t)
	dns.fail("broken.test")
	down := newNameserver(t)
	down.conn.Close()
	tests := []struct {
		name string
		dns  *nameserver
		host string
		why  string
	}{
		{"no such name", dns, "missing.test", "the name missing.test does not exist"},
		{"a name server that fails", dns, "broken.test", "the name server answered with a failure for broken.test"},
		{"no name server", down, "any.test", "no name server can be reached"},
	}
	for _, tt := range tests {
		s := newSender(t, Options{Resolver: tt.dns.resolver()})
		a := s.Send(t.Context(), Target{URL: "https://" + tt.host + "/"}, nil, nil)
		if a.ErrorKind != api.AttemptDNS || !strings.Contains(a.Error, tt.why) {
			t.Errorf("%s: got %s %q, want %s with %q", tt.name, a.ErrorKind, a.Error, api.AttemptDNS, tt.why)
		}
	}
}

func TestConn_writingReturnsWhatTheReceiverSaidLast(t *testing.T) {
	gone := &net.OpError{Op: "write", Net: "tcp", Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:443")), Err: syscall.EPIPE}
	alert := &net.OpError{Op: "remote error", Err: alertCertificateRequired}
	for name, tt := range map[string]struct{ read, want error }{
		"an alert":              {alert, alert},
		"that it is gone":       {syscall.ECONNRESET, gone},
		"the end":               {io.EOF, gone},
		"nothing, for a moment": {nil, gone},
	} {
		c := newConn(scripted{read: tt.read, write: gone}, true)
		if tt.read != nil {
			c.Read(make([]byte, 1))
		}
		if _, err := c.Write([]byte("x")); err != tt.want {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// scripted is a connection that fails as it is told.
type scripted struct {
	net.Conn
	read, write error
}

func (s scripted) Read([]byte) (int, error)  { return 0, s.read }
func (s scripted) Write([]byte) (int, error) { return 0, s.write }
