package doctor

import (
	"context"
	"net"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/daemon/problem"
)

// certSoon is how long before its end a certificate should have been renewed.
const certSoon = 14 * 24 * time.Hour

// listens says what of the API can be reached over the network, and how.
func (m *machine) listens(context.Context) []api.Finding {
	const id = "listen"
	addr := m.cfg.Listen
	if addr == "" {
		return []api.Finding{ok(id, "the API is served on the Unix socket alone")}
	}
	host, _, err := net.SplitHostPort(addr)
	edit := "edit " + problem.Quote(m.cfg.ConfigFile)
	switch {
	case err != nil:
		return []api.Finding{fail(id, edit, "listen %q: want an address and a port", addr)}
	case m.cfg.TLSCert != "" || m.cfg.TLSKey != "":
		return []api.Finding{m.certificate(id, edit, addr)}
	case listener.IsLoopback(host):
		return []api.Finding{ok(id, "%s can be reached by this machine alone, with an API key", addr)}
	case m.cfg.InsecureHTTP:
		return []api.Finding{warn(id, edit+" and set tls_cert and tls_key", "%s", listener.TCPConfig{Addr: addr}.OpenToNetwork())}
	}
	return []api.Finding{fail(id, edit+" and set tls_cert and tls_key", "the daemon refuses to listen on %s over plain HTTP", addr)}
}

// certificate looks at what TLS is served with.
func (m *machine) certificate(id, edit, addr string) api.Finding {
	c := listener.Certificate{Cert: m.cfg.TLSCert, Key: m.cfg.TLSKey}
	ends, err := c.Expires()
	switch {
	case err != nil:
		return fail(id, edit, "%v", err)
	case m.now.After(ends):
		return fail(id, "openssl x509 -noout -dates -in "+problem.Quote(c.Cert), "the certificate of %s ended on %s", addr, ends.Format(time.DateOnly))
	case m.now.Add(certSoon).After(ends):
		return warn(id, "openssl x509 -noout -dates -in "+problem.Quote(c.Cert), "the certificate of %s ends on %s", addr, ends.Format(time.DateOnly))
	}
	return ok(id, "%s is served with TLS, and an API key; the certificate ends on %s", addr, ends.Format(time.DateOnly))
}
