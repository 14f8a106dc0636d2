package listener

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// MaxTCPConns bounds the connections over TCP, so that strangers cannot use up
// the daemon's file descriptors. The socket is not bounded. A process that may
// have few files open gets fewer: see tcpConns.
const MaxTCPConns = 256

// TCPConfig is what the API is served on besides the socket. Addr alone is
// required.
type TCPConfig struct {
	Addr         string // a host, which is an IP address, "localhost" or empty, and a port
	Keys         int    // how many API keys there are
	Cert, Key    string // paths of a certificate with its chain and of its key, in PEM; "" for plain HTTP
	InsecureHTTP bool   // plain HTTP beyond loopback is wanted
	Logger       *slog.Logger
}

// TCP binds cfg.Addr for at most MaxTCPConns connections at a time, with TLS
// where there is a certificate. An address of one family, such as 0.0.0.0, is
// bound for that family alone. The error is api.Invalid where Check has one.
func TCP(ctx context.Context, cfg TCPConfig) (net.Listener, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, cfg.network(), cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", cfg.Addr, err)
	}
	bounded := newBoundedListener(l, tcpConns(openFiles()))
	if cfg.Cert == "" {
		return bounded, nil
	}
	certificate := &Certificate{Cert: cfg.Cert, Key: cfg.Key, Logger: cfg.Logger}
	return tls.NewListener(bounded, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certificate.Get}), nil
}

// Check returns why the address is not to be served: api.Invalid, with what to
// do. Beyond this machine it takes a key, since nobody could use the API without
// one and the mistake would go unseen, and TLS, or the word that plain HTTP is
// wanted: keys and audio could be read on their way.
func (cfg TCPConfig) Check() error {
	host, _, err := net.SplitHostPort(cfg.Addr)
	switch {
	case err != nil:
		return api.Errorf(api.Invalid, "listen %q: want an address and a port, such as 127.0.0.1:7733", cfg.Addr)
	case (cfg.Cert == "") != (cfg.Key == ""):
		return api.Errorf(api.Invalid, "tls_cert and tls_key go together: set both or none")
	}
	if cfg.Cert != "" {
		if _, err := (&Certificate{Cert: cfg.Cert, Key: cfg.Key}).load(); err != nil {
			return err
		}
	}
	if IsLoopback(host) {
		return nil
	}
	if cfg.Keys == 0 {
		return api.Errorf(api.Invalid, "refusing to listen on %s beyond this machine without an API key; make one with: voxparse keys add", cfg.Addr)
	}
	if cfg.Cert == "" && !cfg.InsecureHTTP {
		return api.Errorf(api.Invalid, "refusing to listen on %s beyond this machine over plain HTTP, where API keys and audio can be read on their way; "+
			"set tls_cert and tls_key, or listen on 127.0.0.1 behind a proxy with TLS, or set insecure_http = true", cfg.Addr)
	}
	return nil
}

// OpenToNetwork says in a sentence that API keys and audio can be read on their
// way to the daemon; "" where they cannot, or where there is no address.
func (cfg TCPConfig) OpenToNetwork() string {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if cfg.Addr == "" || cfg.Cert != "" || err == nil && IsLoopback(host) {
		return ""
	}
	return cfg.Addr + " is open to the network over plain HTTP: API keys and audio can be read on their way"
}

// network is the family of addresses to bind: 0.0.0.0 is not [::] too.
func (cfg TCPConfig) network() string {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return "tcp"
	}
	host, _, _ = strings.Cut(host, "%") // a zone
	switch ip := net.ParseIP(host); {
	case ip == nil:
		return "tcp"
	case ip.To4() != nil:
		return "tcp4"
	}
	return "tcp6"
}

// IsLoopback reports whether a listen host is this machine alone. The empty
// host is every address.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// tcpConns is how many connections over TCP a process may have that may have
// that many files open: a quarter is for them, and as much for the audio that
// each sends. The rest is for the socket, the database and the workers.
func tcpConns(files uint64) int {
	return int(min(MaxTCPConns, max(4, files/4)))
}
