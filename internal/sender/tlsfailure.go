package sender

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// The TLS alerts that are told apart (RFC 8446, section 6).
const (
	alertHandshakeFailure      tls.AlertError = 40
	alertBadCertificate        tls.AlertError = 42
	alertUnsupportedCert       tls.AlertError = 43
	alertCertificateUnknown    tls.AlertError = 46
	alertUnknownCA             tls.AlertError = 48
	alertAccessDenied          tls.AlertError = 49
	alertProtocolVersion       tls.AlertError = 70
	alertUnrecognizedName      tls.AlertError = 112
	alertCertificateRequired   tls.AlertError = 116
	alertNoApplicationProtocol tls.AlertError = 120
)

// refusesClient are the alerts with which a receiver that asked for a client
// certificate says that it has none, or another than it wants.
var refusesClient = []tls.AlertError{
	alertHandshakeFailure, alertBadCertificate, alertUnsupportedCert, alertCertificateUnknown, alertUnknownCA, alertAccessDenied,
}

// remoteAlert returns the words of the TLS alert with which the other side ended
// the connection. In TLS 1.3 one about the client's certificate comes only
// after the handshake, where an answer is read.
func remoteAlert(err error) (words string, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return "", false
	}
	return op.Err.Error(), true
}

// isAlert reports whether an alert is one of those, by its words: crypto/tls keeps
// the type of the alerts that it receives to itself.
func isAlert(words string, alerts ...tls.AlertError) bool {
	for _, a := range alerts {
		if words == a.Error() {
			return true
		}
	}
	return false
}

// classifyTLS says why TLS with host came to nothing. asked is whether the
// receiver asked for a client certificate, of which there is none.
func classifyTLS(err error, host string, asked bool) (kind, why string) {
	words, alerted := remoteAlert(err)
	words = strings.TrimPrefix(words, "tls: ")
	alert := func(alerts ...tls.AlertError) bool { return alerted && isAlert("tls: "+words, alerts...) }
	switch {
	case alert(alertCertificateRequired), asked && alert(refusesClient...), asked && isClosed(err):
		return api.AttemptClientCertificate, wantsCertificate(host, words)
	case alert(alertNoApplicationProtocol):
		return api.AttemptHTTPVersion, onlyHTTP2(host)
	}
	return api.AttemptTLS, tlsSentence(err, host, words)
}

func wantsCertificate(host, said string) string {
	if said != "" {
		said = " (" + said + ")"
	}
	return host + " wants a client certificate, and the webhook has none" + said + "; let it take requests without one, and verify their signature instead"
}

// tlsSentence is for what has no kind of its own. alert is "" without one.
func tlsSentence(err error, host, alert string) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return "the certificate of " + host + " is not signed by an authority this machine trusts; use a trusted one, or add its authority to the system's"
	case errors.As(err, &name):
		return "the certificate of " + host + " is for another name; get one for the host in the webhook's URL"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + host + " is expired or not valid yet; renew it, and check this machine's clock"
	case errors.As(err, &record):
		return host + " does not speak TLS; use the HTTPS port, or http:// for a private address"
	case isAlert("tls: "+alert, alertProtocolVersion), strings.Contains(err.Error(), "protocol version"):
		// crypto/tls has no error type for it: ours to refuse, or theirs.
		return host + " offers no TLS 1.2 or newer; enable it there"
	case isAlert("tls: "+alert, alertUnrecognizedName):
		return host + " serves no such name (" + alert + "); check the host in the webhook's URL, and the names that the receiver serves"
	case isAlert("tls: "+alert, alertHandshakeFailure):
		return host + " refuses the TLS handshake (" + alert + "); enable the usual ciphers of TLS 1.2 or 1.3 there"
	case alert != "":
		return host + " refuses TLS (" + alert + "); see its log"
	case isClosed(err):
		return host + " closed the connection during the TLS handshake; check its certificate, and that it serves this name"
	}
	return "TLS with " + host + " did not come about: " + cause(err)
}
