package sender

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/voxparse/voxparse/api"
)

// dialer connects within connectTimeout, name resolution and TLS included.
type dialer struct {
	net net.Dialer
	tls *tls.Config
}

// connectError is a failure before anything was sent.
type connectError struct {
	stage string // api.AttemptConnect or api.AttemptTLS
	addr  string
	err   error
	asked bool // a client certificate was asked for
}

func (e *connectError) Error() string { return e.stage + " " + e.addr + ": " + e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := d.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return newConn(raw, false), nil
}

func (d *dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, &connectError{stage: api.AttemptConnect, addr: addr, err: err}
	}
	return raw, nil
}

func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	secured, asked, err := d.secure(ctx, raw, addr)
	if err != nil {
		raw.Close()
		return nil, &connectError{api.AttemptTLS, addr, err, asked}
	}
	return newConn(secured, asked), nil
}

// secure agrees TLS over raw. asked reports that the other side wanted a client
// certificate; none is given.
func (d *dialer) secure(ctx context.Context, raw net.Conn, addr string) (secured net.Conn, asked bool, err error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, false, err
	}
	cfg := d.tls.Clone()
	cfg.ServerName = host
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return new(tls.Certificate), nil
	}
	client := tls.Client(raw, cfg)
	err = client.HandshakeContext(ctx)
	return client, asked, err
}
