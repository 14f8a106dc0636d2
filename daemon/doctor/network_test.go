package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/internal/config"
)

// certify gives c a certificate that ends then.
func certify(t *testing.T, c *config.Config, ends time.Time) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, of, of, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	c.TLSCert, c.TLSKey = filepath.Join(c.DataDir, "cert.pem"), filepath.Join(c.DataDir, "key.pem")
	if err := errors.Join(os.WriteFile(c.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(c.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorSaysWhatIsOpen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(*testing.T, *config.Config)
		level string
		says  string
	}{
		{"the socket alone", func(*testing.T, *config.Config) {}, api.LevelOK, "on the Unix socket alone"},
		{"loopback", func(_ *testing.T, c *config.Config) { c.Listen = "127.0.0.1:7733" }, api.LevelOK, "by this machine alone"},
		{"plain HTTP", func(_ *testing.T, c *config.Config) { c.Listen = "0.0.0.0:7733" }, api.LevelError, "refuses to listen"},
		{"plain HTTP that is wanted", func(_ *testing.T, c *config.Config) { c.Listen, c.InsecureHTTP = "0.0.0.0:7733", true }, api.LevelWarn, "open to the network over plain HTTP"},
		{"TLS", func(t *testing.T, c *config.Config) {
			c.Listen = "0.0.0.0:7733"
			certify(t, c, time.Now().AddDate(1, 0, 0))
		}, api.LevelOK, "served with TLS"},
		{"a certificate that ends soon", func(t *testing.T, c *config.Config) {
			c.Listen = "0.0.0.0:7733"
			certify(t, c, time.Now().AddDate(0, 0, 3))
		}, api.LevelWarn, "ends on"},
		{"one that has ended", func(t *testing.T, c *config.Config) {
			c.Listen = "0.0.0.0:7733"
			certify(t, c, time.Now().AddDate(0, 0, -3))
		}, api.LevelError, "ended on"},
		{"one that is not there", func(_ *testing.T, c *config.Config) { c.Listen, c.TLSCert, c.TLSKey = "0.0.0.0:7733", "none", "none" }, api.LevelError, "tls_cert"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := healthy(t)
			tt.set(t, cfg)
			found := false
			for _, f := range doctor.Examine(t.Context(), cfg, "test", false) {
				if f.ID != "listen" {
					continue
				}
				found = true
				if f.Level != tt.level || !strings.Contains(f.Message, tt.says) || (f.Fix == "") != (f.Level == api.LevelOK) {
					t.Errorf("got %+v, want %s with %q, and a fix where there is a fault", f, tt.level, tt.says)
				}
			}
			if !found {
				t.Error("got no word about what is open")
			}
		})
	}
}
