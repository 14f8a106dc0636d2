package listener_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
)

func TestTCP_beyondThisMachine(t *testing.T) {
	cert, key := certificate(t, t.TempDir(), 1)
	for _, tt := range []struct {
		name string
		cfg  listener.TCPConfig
		says string // "" for an address that is bound
	}{
		{"loopback", listener.TCPConfig{Addr: "127.0.0.1:0"}, ""},
		{"localhost", listener.TCPConfig{Addr: "localhost:0"}, ""},
		{"no key", listener.TCPConfig{Addr: "0.0.0.0:0", InsecureHTTP: true}, "keys add"},
		{"no key, every address", listener.TCPConfig{Addr: ":0", Cert: cert, Key: key}, "keys add"},
		{"plain HTTP", listener.TCPConfig{Addr: "0.0.0.0:0", Keys: 1}, "insecure_http = true"},
		{"plain HTTP, every address", listener.TCPConfig{Addr: ":0", Keys: 1}, "insecure_http = true"},
		{"plain HTTP that is wanted", listener.TCPConfig{Addr: "0.0.0.0:0", Keys: 1, InsecureHTTP: true}, ""},
		{"TLS", listener.TCPConfig{Addr: "0.0.0.0:0", Keys: 1, Cert: cert, Key: key}, ""},
		{"a certificate without its key", listener.TCPConfig{Addr: "127.0.0.1:0", Cert: cert}, "set both or none"},
		{"a key that is no key", listener.TCPConfig{Addr: "127.0.0.1:0", Cert: cert, Key: cert}, "tls_cert and tls_key"},
		{"no port", listener.TCPConfig{Addr: "127.0.0.1"}, "an address and a port"},
		{"no such port", listener.TCPConfig{Addr: "127.0.0.1:99999"}, "bind 127.0.0.1:99999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := listener.TCP(t.Context(), tt.cfg)
			if err == nil {
				if cerr := l.Close(); cerr != nil {
					t.Error(cerr)
				}
			}
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "bind") && !errors.Is(err, api.Invalid) {
				t.Errorf("got %v, want api.Invalid", err)
			}
		})
	}
}

// One family of addresses was asked for: the other one stays free.
func TestTCP_bindsOneFamily(t *testing.T) {
	l, err := listener.TCP(t.Context(), listener.TCPConfig{Addr: "0.0.0.0:0", Keys: 1, InsecureHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp6", net.JoinHostPort("::1", port))
	if err != nil && strings.Contains(err.Error(), "cannot assign") {
		t.Skip("this machine has no IPv6")
	}
	if err != nil {
		t.Errorf("got %v, want [::1] free beside 0.0.0.0", err)
		return
	}
	_ = other.Close()
}

// bounded is a listener on loopback, and pairs of connections through it.
type bounded struct {
	t *testing.T
	l net.Listener
}

func (b bounded) dial() net.Conn {
	b.t.Helper()
	c, err := net.DialTimeout("tcp", b.l.Addr().String(), 20*time.Second)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (b bounded) pair() (client, server net.Conn) {
	b.t.Helper()
	client = b.dial()
	server, err := b.l.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = server.Close() })
	return client, server
}

// isClosed reports whether the other end of c was closed; it waits for that or
// for the byte that tells that it was not.
func isClosed(t *testing.T, c net.Conn) bool {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err != nil
}

func TestTCP_closesTheOldestStrangerWhenItIsFull(t *testing.T) {
	l, err := listener.TCP(t.Context(), listener.TCPConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := bounded{t, l}
	known, knownServer := b.pair()
	listener.Authenticated(knownServer)
	listener.Authenticated(knownServer) // again, with its next request
	first, firstServer := b.pair()
	for range listener.MaxTCPConns - 2 {
		b.pair()
	}
	_, last := b.pair()
	if !isClosed(t, first) {
		t.Error("got the oldest stranger left open when there was no room, want it closed")
	}
	_ = firstServer.Close() // once more: it gives its room back once
	if _, err := knownServer.Write([]byte("x")); err != nil || isClosed(t, known) {
		t.Errorf("got %v, want the connection that has shown a key left open", err)
	}
	if _, err := last.Write([]byte("x")); err != nil {
		t.Errorf("got %v on the newest connection, want it open", err)
	}
}

func TestTCP_waitsForRoomWhereEverybodyHasAKey(t *testing.T) {
	l, err := listener.TCP(t.Context(), listener.TCPConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	b := bounded{t, l}
	var servers []net.Conn
	for range listener.MaxTCPConns {
		_, s := b.pair()
		listener.Authenticated(s)
		servers = append(servers, s)
	}
	accepted := make(chan error, 2)
	accept := func() {
		c, err := l.Accept()
		if err == nil {
			listener.Authenticated(c)
		}
		accepted <- err
	}
	b.dial()
	go accept()
	select {
	case err := <-accepted:
		t.Fatalf("got %v from Accept without room, want it to wait", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := servers[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Errorf("got %v once there was room, want a connection", err)
	}
	waiting := b.dial()
	go accept()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v from Accept after Close, want net.ErrClosed", err)
	}
	_ = waiting.Close()
}

func TestAuthenticated_leavesOtherConnectionsAlone(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	listener.Authenticated(a)
	listener.Authenticated(nil)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
