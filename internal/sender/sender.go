package sender

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/webhook"
)

// Times and sizes of an attempt.
const (
	DefaultTimeout = 15 * time.Second // of a whole attempt, where its target says nothing
	connectTimeout = 5 * time.Second  // name, connection and TLS
	bodyGrace      = 2 * time.Second  // for the response body, once its header decided the attempt
	idleTimeout    = 60 * time.Second // of a kept connection
	idlePerHost    = 8                // as many as one webhook has in flight
	idleTotal      = 256              // as many as are in flight in all
	maxHeaderBytes = 64 << 10         // of a response, on the wire
)

// Options are the settings of a Sender. The zero value is ready to use.
type Options struct {
	Version  string         // of voxparse, for the User-Agent
	Roots    *x509.CertPool // nil: those of the system
	Resolver *net.Resolver  // nil: that of the system
}

// Target is where one attempt goes.
type Target struct {
	URL          string
	Timeout      time.Duration // of the whole attempt; 0: DefaultTimeout
	AllowPrivate bool          // may reach loopback and private addresses
}

// Sender posts events, one attempt at a time, and keeps connections open for the
// next. It never follows a redirect, never uses a proxy, and speaks HTTP/1.1. It
// is safe for concurrent use. Close ends its idle connections.
type Sender struct {
	userAgent  string
	transports map[policy]*http.Transport // apart, so that no policy borrows another's connection
}

// New returns a Sender.
func New(o Options) *Sender {
	version := o.Version
	if version == "" {
		version = "dev"
	}
	s := &Sender{userAgent: "voxparse/" + version, transports: make(map[policy]*http.Transport)}
	for _, p := range []policy{{public: true}, {public: true, private: true}, {private: true}} {
		s.transports[p] = transport(p, o)
	}
	return s
}

// Close ends the connections that are kept open. Attempts under way go on.
func (s *Sender) Close() {
	for _, t := range s.transports {
		t.CloseIdleConnections()
	}
}

func transport(p policy, o Options) *http.Transport {
	d := &dialer{
		net: net.Dialer{Resolver: o.Resolver, Control: p.control, KeepAlive: 30 * time.Second},
		tls: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            o.Roots,
			NextProtos:         []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(idleTotal),
		},
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil, // the environment has no say in where an event goes
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		Protocols:              protocols,
		DisableCompression:     true, // the response is kept as it is, and cannot be a bomb
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         4 << 10,
	}
}

// Send makes one attempt to post body to t with header and returns how it went:
// StartedAt, DurationMS, the headers that were sent, and Status with the response, or Error and ErrorKind.
// ID and Number are the caller's to fill in. An attempt succeeded if Delivered
// says so.
//
// The attempt ends after t.Timeout, its connecting after 5 s. Of the response the
// headers (8 KiB) and the beginning of the body (16 KiB) are kept, Set-Cookie
// only by name. A body that goes on, or dribbles for 2 s after its header, is
// cut, and its connection closed.
//
// An attempt that we spoilt ourselves, because ctx ended or this process has no
// file descriptor left, has the kind api.AttemptLocal and must not be charged.
func (s *Sender) Send(ctx context.Context, t Target, header http.Header, body []byte) api.Attempt {
	start := time.Now()
	a := s.send(ctx, t, header, body)
	a.StartedAt = start.UTC()
	a.DurationMS = float64(time.Since(start).Microseconds()) / 1000
	return a
}

// Delivered reports whether a is a success: a final status of 200 to 299.
func Delivered(a api.Attempt) bool { return a.Status >= 200 && a.Status <= 299 }

func (s *Sender) send(ctx context.Context, t Target, header http.Header, body []byte) api.Attempt {
	timeout := t.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	u, err := parseTarget(t.URL, t.AllowPrivate)
	if err != nil {
		return api.Attempt{Error: err.Error(), ErrorKind: api.AttemptBlocked}
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var used *conn
	within = httptrace.WithClientTrace(within, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { used, _ = i.Conn.(*conn) }})
	headers := s.header(header)
	req := (&http.Request{
		Method:        http.MethodPost,
		URL:           u,
		Host:          u.Host,
		Header:        headers,
		Body:          reader(body),
		GetBody:       func() (io.ReadCloser, error) { return reader(body), nil },
		ContentLength: int64(len(body)),
		Proto:         "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(within)
	// RoundTrip and not Client.Do: it knows no redirects and no cookies.
	resp, err := s.transports[policyOf(u.Scheme, t.AllowPrivate)].RoundTrip(req)
	if err != nil {
		a := failure(err, attempted{host: u.Host, timeout: timeout, conn: used, stopped: ctx.Err() != nil})
		if used != nil {
			a.RequestHeaders = sentHeaders(headers)
		}
		return a
	}
	dribble := time.AfterFunc(bodyGrace, cancel)
	defer dribble.Stop()
	a := answer(resp)
	a.RequestHeaders = sentHeaders(headers)
	return a
}

// reader returns body as the transport wants it: an empty one would be sent in
// chunks if it were not NoBody.
func reader(body []byte) io.ReadCloser {
	if len(body) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(body))
}

// spelling is how our headers are written on the wire, by what http.Header makes
// of their names. No receiver should care; some do.
var spelling = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		webhook.HeaderSignature, webhook.HeaderSignaturePrevious, webhook.HeaderSignatureNext, webhook.HeaderTimestamp, webhook.HeaderEventType, webhook.HeaderEventID, webhook.HeaderDeliveryID, webhook.HeaderAttempt,
		webhook.HeaderStandardID, webhook.HeaderStandardTimestamp, webhook.HeaderStandardSignature,
	} {
		m[http.CanonicalHeaderKey(name)] = name
	}
	return m
}()

// sentHeaders are the headers of a request as the log keeps them.
func sentHeaders(h http.Header) map[string]string {
	sent := make(map[string]string, len(h))
	for name, values := range h {
		if len(values) > 0 {
			sent[name] = strings.Join(values, ", ")
		}
	}
	return sent
}

// header returns what goes out: h, who we are, and what the body is.
func (s *Sender) header(h http.Header) http.Header {
	out := make(http.Header, len(h)+3)
	for k, v := range h {
		if spelled, ours := spelling[k]; ours {
			k = spelled
		}
		out[k] = v
	}
	out["Content-Type"] = []string{"application/json"}
	out["User-Agent"] = []string{s.userAgent}
	// An empty value is not sent. It lets the transport try again when a kept
	// connection turns out to have been closed by the receiver in between,
	// which is nobody's fault; the event id makes that safe.
	out["Idempotency-Key"] = nil
	return out
}
