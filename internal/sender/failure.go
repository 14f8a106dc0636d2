package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	host      string        // and port, of the target
	timeout   time.Duration // of the whole attempt
	connected bool          // there was a connection, TLS included
	stopped   bool          // the caller's context ended
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
		return classifyDNS(dns)
	case isConnect && isTimeout(err) && connect.stage == api.AttemptTLS:
		return api.AttemptTimeout, fmt.Sprintf("%s accepts connections but TLS was not agreed within %s; is this its HTTPS port?", a.host, connectTimeout)
	case isTimeout(err) && !a.connected:
		return api.AttemptTimeout, fmt.Sprintf("no connection to %s within %s; check that the receiver runs and that no firewall drops the packets", a.host, min(connectTimeout, a.timeout))
	case isConnect && connect.stage == api.AttemptTLS:
		return api.AttemptTLS, tlsSentence(connect.err, a.host)
	case isConnect:
		return api.AttemptConnect, connectSentence(connect.err, a.host)
	case isTimeout(err):
		return api.AttemptTimeout, fmt.Sprintf("no answer within %s; answer 200 at once and do the work afterwards", a.timeout)
	}
	return api.AttemptProtocol, protocolSentence(err)
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

func classifyDNS(dns *net.DNSError) (kind, why string) {
	name := clip.Bytes(dns.Name, 255)
	switch {
	case dns.IsNotFound:
		return api.AttemptDNS, "the name " + name + " does not exist; check the host of the webhook"
	case dns.IsTimeout:
		return api.AttemptDNS, "the name server did not answer for " + name + " in time; check this machine's network and DNS"
	}
	return api.AttemptDNS, "the name " + name + " could not be resolved; check this machine's network and DNS"
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

func tlsSentence(err error, host string) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &authority):
		return "the certificate of " + host + " is not signed by an authority this machine trusts; use a trusted one, or add its authority to the system's"
	case errors.As(err, &name):
		return "the certificate of " + host + " is for another name; get one for the host in the webhook's URL"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + host + " is expired or not valid yet; renew it, and check this machine's clock"
	case errors.As(err, &record):
		return host + " does not speak TLS; use the HTTPS port, or http:// for a private address"
	case strings.Contains(err.Error(), "protocol version"):
		// crypto/tls has no error type for it: ours to refuse, or theirs.
		return host + " offers no TLS 1.2 or newer; enable it there"
	case errors.As(err, &alert):
		return host + " refuses TLS (" + alert.Error() + "); check its certificate, and that it serves this name"
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE):
		return host + " closed the connection during the TLS handshake; check its certificate, and that it serves this name"
	}
	return "TLS with " + host + " did not come about: " + cause(err)
}

func protocolSentence(err error) string {
	text := err.Error()
	switch {
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed) || strings.Contains(text, "server closed"):
		return "the connection was closed before an answer came; see the receiver's log, and answer 200 before closing"
	case strings.Contains(text, "headers exceeded"):
		return fmt.Sprintf("the headers of the answer are larger than %d KiB; send fewer", maxHeaderBytes>>10)
	case strings.Contains(text, "malformed HTTP"):
		return "the answer is not HTTP; is this the receiver's port?"
	}
	return "the answer cannot be read as HTTP: " + cause(err)
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
