package sender

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Probe is what Sender.Probe found.
type Probe struct {
	Status    int           // of the answer, whatever it is; 0 where none came
	Date      time.Time     // the receiver's clock, from its Date header; zero where it sent none
	Error     string        // why no answer came, for a person
	ErrorKind string        // one of api's Attempt… kinds
	Took      time.Duration // until the answer
}

// Probe reports whether t can be reached, by a HEAD request under the rules of
// Send: the same addresses are refused, and no redirect is followed. It sends
// no event and no signature; any answer at all means that t was reached.
func (s *Sender) Probe(ctx context.Context, t Target) Probe {
	began := time.Now()
	timeout := t.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	u, err := parseTarget(t.URL, t.AllowPrivate)
	if err != nil {
		return Probe{Error: err.Error(), ErrorKind: api.AttemptBlocked}
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var used *conn
	within = httptrace.WithClientTrace(within, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { used, _ = i.Conn.(*conn) }})
	req := (&http.Request{
		Method: http.MethodHead, URL: u, Host: u.Host, Header: http.Header{"User-Agent": {s.userAgent}},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(within)
	resp, err := s.transports[policyOf(u.Scheme, t.AllowPrivate)].RoundTrip(req)
	took := time.Since(began)
	if err != nil {
		a := failure(err, attempted{host: u.Host, timeout: timeout, conn: used, stopped: ctx.Err() != nil})
		return Probe{Error: a.Error, ErrorKind: a.ErrorKind, Took: took}
	}
	resp.Body.Close()
	p := Probe{Status: resp.StatusCode, Took: took}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		p.Date = at
	}
	return p
}
