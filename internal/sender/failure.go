package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
)

// attempted is what is known of an attempt beside its error.
type attempted struct {
	host    string        // and port, of the target
	timeout time.Duration // of the whole attempt
	conn    *conn         // that the request was given; nil: there was none, with TLS
	stopped bool          // the caller's context ended
}

// failure says in a sentence why there was no answer, and of which kind that is.
func failure(err error, a attempted) api.Attempt {
	kind, why := classify(err, a)
	return api.Attempt{ErrorKind: kind, Error: why}
}

func classify(err error, a attempted) (kind, why string) {
	var blocked *blockedError
	var dns *net.DNSError
	var connect *connectError
	isConnect := errors.As(err, &connect)
	switch {
	case a.stopped:
		return api.AttemptLocal, "voxparse stopped before the answer came; the attempt does not count"
	case !isWithoutIPv6(err) && (isAny(err, exhausted...) || errors.As(err, &dns) && saysAny(dns.Err, exhausted...)):
		return api.AttemptLocal, "this machine has no file descriptor, port or memory left for a connection; the attempt does not count"
	case errors.As(err, &blocked):
		return api.AttemptBlocked, blocked.Error()
	case errors.As(err, &dns):
		return api.AttemptDNS, dnsSentence(dns)
	case isConnect && isTimeout(err) && connect.stage == api.AttemptTLS:
		return api.AttemptTimeout, fmt.Sprintf("%s accepts connections but TLS was not agreed within %s; is this its HTTPS port?", a.host, connectTimeout)
	case isTimeout(err) && a.conn == nil:
		return api.AttemptTimeout, fmt.Sprintf("no connection to %s within %s; check that the receiver runs and that no firewall drops the packets", a.host, min(connectTimeout, a.timeout))
	case isConnect && connect.stage == api.AttemptTLS:
		return classifyTLS(connect.err, a.host, connect.asked)
	case isConnect:
		return api.AttemptConnect, connectSentence(connect.err, a.host)
	case isTimeout(err):
		return api.AttemptTimeout, fmt.Sprintf("no answer within %s; answer 200 at once and do the work afterwards", a.timeout)
	}
	return classifyProtocol(err, a)
}

// exhausted are the errors of a machine that has run out of something.
var exhausted = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL}

// isWithoutIPv6 reports whether err is that of a machine without IPv6, which
// has no address to connect from. With IPv4 the same error means that no port
// is left.
func isWithoutIPv6(err error) bool {
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !errors.As(err, &op) {
		return false
	}
	to, ok := op.Addr.(*net.TCPAddr)
	return ok && to.IP.To4() == nil
}

func dnsSentence(dns *net.DNSError) string {
	name := clip.Bytes(dns.Name, 255)
	switch {
	case dns.IsNotFound:
		return "the name " + name + " does not exist, or has no address; check the host of the webhook"
	case dns.IsTimeout:
		return "the name server did not answer for " + name + " in time; check this machine's network and DNS"
	case strings.HasSuffix(dns.Err, "server misbehaving"):
		// What net says of SERVFAIL, REFUSED and the like.
		return "the name server answered with a failure for " + name + "; check the DNS records of that name, and the name server of this machine"
	case saysAny(dns.Err, syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN):
		return "the name " + name + " could not be resolved: no name server can be reached; check this machine's network and DNS"
	}
	return "the name " + name + " could not be resolved; check this machine's network and DNS"
}

func connectSentence(err error, host string) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return host + " refuses connections; is the receiver running on that port?"
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL):
		return host + " cannot be reached from this machine; check the network and the address"
	case errors.Is(err, syscall.ECONNRESET):
		return host + " closed the connection at once; check the receiver and what is in front of it"
	}
	return "no connection to " + host + ": " + cause(err)
}

// classifyProtocol is for a connection that came about and brought no answer.
func classifyProtocol(err error, a attempted) (kind, why string) {
	asked := a.conn != nil && a.conn.asked
	if _, alerted := remoteAlert(err); alerted {
		return classifyTLS(err, a.host, asked)
	}
	text := err.Error()
	switch {
	case errors.Is(err, errHTTP2Only):
		return api.AttemptHTTPVersion, onlyHTTP2(a.host)
	case errors.Is(err, errNotHTTP), strings.Contains(text, "malformed HTTP"):
		return api.AttemptProtocol, "the answer is not HTTP; is this the receiver's port?"
	case isClosed(err) && asked:
		return api.AttemptProtocol, a.host + " asked for a client certificate, of which there is none, and closed the connection before an answer came; see the receiver's log"
	case isClosed(err):
		return api.AttemptProtocol, "the connection was closed before an answer came; see the receiver's log, and answer 200 before closing"
	case strings.Contains(text, "headers exceeded"):
		return api.AttemptProtocol, fmt.Sprintf("the headers of the answer are larger than %d KiB; send fewer", maxHeaderBytes>>10)
	}
	return api.AttemptProtocol, "the answer cannot be read as HTTP: " + cause(err)
}

// isClosed reports whether err says that the other side closed the connection.
func isClosed(err error) bool {
	return isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed) || strings.Contains(err.Error(), "server closed")
}

func onlyHTTP2(host string) string {
	return host + " speaks HTTP/2 only, and webhooks are sent in HTTP/1.1; let the receiver, or the proxy before it, take HTTP/1.1 too"
}

// cause is the innermost message of err, bounded.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return clip.Bytes(strings.ToValidUTF8(err.Error(), "\ufffd"), 200)
		}
		err = inner
	}
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// saysAny reports whether text ends with the message of one of targets: a
// net.DNSError keeps of its cause no more than that.
func saysAny(text string, targets ...error) bool {
	for _, t := range targets {
		if strings.HasSuffix(text, t.Error()) {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || (errors.As(err, &timeout) && timeout.Timeout())
}
