package listener_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voxparse/voxparse/daemon/listener"
)

// certificate writes a certificate of 127.0.0.1 with that serial number, and
// its key, to dir.
func certificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "voxparse"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func serial(t *testing.T, c *listener.Certificate) int64 {
	t.Helper()
	got, err := c.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return got.Leaf.SerialNumber.Int64()
}

func TestCertificate_isReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir, 1)
	c := &listener.Certificate{Cert: cert, Key: key, Logger: discard}
	if got := serial(t, c); got != 1 {
		t.Fatalf("got certificate %d, want 1", got)
	}
	if err := os.WriteFile(cert, []byte("half a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener.LookAgain(c)
	if got := serial(t, c); got != 1 {
		t.Errorf("got certificate %d while the new one cannot be used, want 1", got)
	}
	if _, err := c.Expires(); err == nil {
		t.Error("got no error for what lies in the file, want one")
	}
	certificate(t, dir, 22)
	listener.LookAgain(c)
	if got := serial(t, c); got != 22 {
		t.Errorf("got certificate %d, want the new one, 22", got)
	}
	if _, err := (&listener.Certificate{Cert: key, Key: cert}).Get(nil); err == nil {
		t.Error("got no error for files that are in the wrong order")
	}
}

func TestTCP_servesTLS(t *testing.T) {
	cert, key := certificate(t, t.TempDir(), 7)
	l, err := listener.TCP(t.Context(), listener.TCPConfig{Addr: "127.0.0.1:0", Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			listener.Authenticated(c)
			_, err = c.Write([]byte("x"))
			err = errors.Join(err, c.Close())
		}
		served <- err
	}()
	pool := x509.NewCertPool()
	data, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatalf("read the certificate: %v", err)
	}
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); n != 1 {
		t.Errorf("got %d bytes, %v, want one", n, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTCPConns_leavesFilesForTheSocket(t *testing.T) {
	for files, want := range map[uint64]int{8: 4, 64: 16, 256: 64, 1024: 256, 1 << 20: 256} {
		if got := listener.TCPConns(files); got != want {
			t.Errorf("%d files: got %d connections, want %d", files, got, want)
		}
	}
}
