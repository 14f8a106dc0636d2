package sender

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// rawReceiver accepts connections on loopback and does with each what the test
// wants. stop is closed when the test ends.
func rawReceiver(t *testing.T, behave func(conn net.Conn, stop <-chan struct{})) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				behave(conn, stop)
			})
		}
	})
	t.Cleanup(func() {
		close(stop)
		listener.Close()
		wg.Wait()
	})
	return listener.Addr().String()
}

// readRequest reads one request with its body.
func readRequest(conn io.Reader) error {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// says returns a behavior: read the request, write text, close.
func says(text string) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, _ <-chan struct{}) {
		if readRequest(conn) == nil {
			io.WriteString(conn, text)
		}
	}
}

// then holds the connection open after what comes before.
func then(first func(net.Conn, <-chan struct{})) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, stop <-chan struct{}) {
		first(conn, stop)
		<-stop
	}
}

// repeats writes text again and again until the other side is gone.
func repeats(head, text string, every time.Duration) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, stop <-chan struct{}) {
		if readRequest(conn) != nil {
			return
		}
		io.WriteString(conn, head)
		tick := time.NewTicker(max(every, 1))
		defer tick.Stop()
		for {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			if every == 0 {
				continue
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}
}

func reset(conn net.Conn, _ <-chan struct{}) {
	readRequest(conn)
	conn.(*net.TCPConn).SetLinger(0)
}

func TestMisbehavingReceivers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name    string
		behave  func(net.Conn, <-chan struct{})
		timeout time.Duration
		status  int
		kind    string
		why     string
		cut     bool
	}{
		{name: "closes at once", behave: func(net.Conn, <-chan struct{}) {}, kind: api.AttemptProtocol, why: "closed before an answer"},
		{name: "closes after the request", behave: says(""), kind: api.AttemptProtocol, why: "closed before an answer"},
		{name: "resets", behave: reset, kind: api.AttemptProtocol, why: "closed before an answer"},
		{name: "closes inside the header", behave: says(ok + "Content-Le"), kind: api.AttemptProtocol, why: "cannot be read as HTTP"},
		{name: "never reads", behave: then(func(net.Conn, <-chan struct{}) {}), timeout: 300 * time.Millisecond, kind: api.AttemptTimeout, why: "no answer within 300ms"},
		{name: "stalls before the header", behave: then(says("")), timeout: 300 * time.Millisecond, kind: api.AttemptTimeout, why: "answer 200 at once"},
		{name: "stalls inside the header", behave: then(says(ok + "X: ")), timeout: 300 * time.Millisecond, kind: api.AttemptTimeout, why: "no answer within"},
		{name: "dribbles its header", behave: repeats(ok+"X: ", "a", 20*time.Millisecond), timeout: 300 * time.Millisecond, kind: api.AttemptTimeout, why: "no answer within"},
		{name: "stalls after the header", behave: then(says(ok + "Content-Length: 10\r\n\r\nabc")), timeout: 300 * time.Millisecond, status: 200, cut: true},
		{name: "stalls after the header for as long as it may", behave: then(says(ok + "Content-Length: 10\r\n\r\nabc")), status: 200, cut: true},
		{name: "dribbles its body", behave: repeats(ok+"Content-Length: 100000\r\n\r\n", "a", 50*time.Millisecond), status: 200, cut: true},
		{name: "has an endless body", behave: repeats(ok+"\r\n", strings.Repeat("a", 1024), 0), status: 200, cut: true},
		{name: "has an endless chunk", behave: repeats(ok+"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", strings.Repeat("a", 1024), 0), status: 200, cut: true},
		{name: "ends its body too early", behave: says(ok + "Content-Length: 10\r\n\r\nabc"), status: 200, cut: true},
		{name: "has a broken chunk", behave: says(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), status: 200, cut: true},
		{name: "is no HTTP", behave: says("220 mail.example.com ESMTP\r\n"), kind: api.AttemptProtocol, why: "not HTTP"},
		{name: "answers before it reads", behave: then(func(c net.Conn, _ <-chan struct{}) { io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n") }), kind: api.AttemptProtocol},
		{name: "answers without reading the body", behave: then(func(c net.Conn, _ <-chan struct{}) {
			io.ReadFull(c, make([]byte, 1)) // an answer before any request is another matter
			io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
		}), status: 200},
		{name: "sends binary", behave: says("\x00\x01\x02\xff\xfe\r\n\r\n"), kind: api.AttemptProtocol, why: "not HTTP"},
		{name: "sends an endless header line", behave: repeats(ok+"X: ", strings.Repeat("a", 1024), 0), kind: api.AttemptProtocol, why: "larger than 64 KiB"},
		{name: "sends endless header lines", behave: repeats(ok, "X: "+strings.Repeat("a", 1024)+"\r\n", 0), kind: api.AttemptProtocol, why: "larger than 64 KiB"},
		{name: "sends endless interim answers", behave: repeats("", "HTTP/1.1 100 Continue\r\n\r\n", 0), kind: api.AttemptProtocol, why: "larger than 64 KiB"},
		{name: "sends an interim answer first", behave: says("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n"), status: 200},
		{name: "switches protocols", behave: then(says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")), status: 101, kind: api.AttemptStatus, why: "101"},
		{name: "has a malformed header", behave: says("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), kind: api.AttemptProtocol, why: "HTTP"},
		{name: "has two lengths", behave: says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na"), kind: api.AttemptProtocol, why: "HTTP"},
		{name: "speaks HTTP/1.0", behave: says("HTTP/1.0 200 OK\r\n\r\nfine"), status: 200},
	}
	s := newSender(t, Options{})
	body := []byte(`{"a":"` + strings.Repeat("x", 80<<10) + `"}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := rawReceiver(t, tt.behave)
			a := s.Send(t.Context(), Target{URL: "http://" + addr, AllowPrivate: true, Timeout: tt.timeout}, nil, body)
			if a.Status != tt.status || a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) || a.Truncated != tt.cut || len(a.ResponseBody) > maxKeptBody {
				t.Errorf("got %d, %q %q, cut %t, %d bytes, want %d, %q with %q, cut %t", a.Status, a.ErrorKind, a.Error, a.Truncated, len(a.ResponseBody), tt.status, tt.kind, tt.why, tt.cut)
			}
		})
	}
}

func TestConnectionsThatDoNotComeAbout(t *testing.T) {
	dns := newNameserver(t)
	dns.silence("silent.test")
	dns.set("empty.test")
	s := newSender(t, Options{Resolver: dns.resolver()})
	refused := rawReceiver(t, func(net.Conn, <-chan struct{}) {})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	stuck := rawReceiver(t, then(func(net.Conn, <-chan struct{}) {}))
	smtp := rawReceiver(t, then(func(c net.Conn, _ <-chan struct{}) { io.WriteString(c, "220 mail.example.com ESMTP\r\n") }))
	tests := []struct {
		name, url string
		timeout   time.Duration
		kind, why string
	}{
		{"no such name", "https://missing.test/", 0, api.AttemptDNS, "the name missing.test does not exist"},
		{"a name without addresses", "https://empty.test/", 0, api.AttemptDNS, "empty.test"},
		{"a name server that is silent", "https://silent.test/", 0, api.AttemptDNS, "did not answer for silent.test in time"},
		{"nobody listens", "http://" + closed.Addr().String(), 0, api.AttemptConnect, "is the receiver running on that port?"},
		{"closes during TLS", "https://" + refused, 0, api.AttemptTLS, "during the TLS handshake"},
		{"never answers TLS", "https://" + stuck, 0, api.AttemptTimeout, "TLS was not agreed within 5s"},
		{"never answers TLS, short timeout", "https://" + stuck, 200 * time.Millisecond, api.AttemptTimeout, "within 200ms"},
		{"speaks another protocol", "https://" + smtp, 0, api.AttemptTLS, "does not speak TLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.Send(t.Context(), Target{URL: tt.url, AllowPrivate: true, Timeout: tt.timeout}, nil, []byte("{}"))
			if a.Status != 0 || a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) {
				t.Errorf("got %d, %s %q, want %s with %q", a.Status, a.ErrorKind, a.Error, tt.kind, tt.why)
			}
		})
	}
}

// certificate returns one for 127.0.0.1 or another name, signed by itself.
func certificate(t *testing.T, until time.Time, name string) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

func TestTLSIsVerified(t *testing.T) {
	later := time.Now().Add(24 * time.Hour)
	tests := []struct {
		name    string
		host    string // of the certificate
		until   time.Time
		trusted bool
		max     uint16
		kind    string
		why     string
	}{
		{name: "trusted", host: "127.0.0.1", until: later, trusted: true},
		{name: "TLS 1.2", host: "127.0.0.1", until: later, trusted: true, max: tls.VersionTLS12},
		{name: "TLS 1.1", host: "127.0.0.1", until: later, trusted: true, max: tls.VersionTLS11, kind: api.AttemptTLS, why: "no TLS 1.2 or newer"},
		{name: "self-signed", host: "127.0.0.1", until: later, kind: api.AttemptTLS, why: "not signed by an authority"},
		{name: "expired", host: "127.0.0.1", until: time.Now().Add(-time.Hour), trusted: true, kind: api.AttemptTLS, why: "expired"},
		{name: "not valid yet", host: "127.0.0.1", until: time.Now().Add(72 * time.Hour), trusted: true, kind: api.AttemptTLS, why: "not valid yet"},
		{name: "for another name", host: "example.com", until: later, trusted: true, kind: api.AttemptTLS, why: "for another name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert, parsed := certificate(t, tt.until, tt.host)
			roots := x509.NewCertPool()
			if tt.trusted {
				roots.AddCert(parsed)
			}
			cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tt.max}
			addr := rawReceiver(t, func(c net.Conn, stop <-chan struct{}) {
				says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(tls.Server(c, cfg), stop)
			})
			s := newSender(t, Options{Roots: roots})
			a := s.Send(t.Context(), Target{URL: "https://" + addr, AllowPrivate: true}, nil, []byte("{}"))
			if a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) || Delivered(a) != (tt.kind == "") {
				t.Errorf("got %d, %s %q, want %q with %q", a.Status, a.ErrorKind, a.Error, tt.kind, tt.why)
			}
		})
	}
}
