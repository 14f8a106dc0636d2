package listener

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// certLook is how often a certificate is looked at, at most.
const certLook = time.Second

// Certificate is the certificate of a TLS server, read again when its files
// have changed: a renewal needs no restart. Cert and Key are the paths of PEM
// files. It is safe for concurrent use.
type Certificate struct {
	Cert, Key string
	Logger    *slog.Logger // nil: discards

	mu     sync.Mutex
	looked time.Time
	read   [2]stamp // the files as they were when loaded
	loaded *tls.Certificate
}

// stamp tells whether a file has changed.
type stamp struct {
	size  int64
	mtime time.Time
}

// Get is for tls.Config.GetCertificate. While new files cannot be used, as half
// way through a renewal, the old certificate stays, and the log says why.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.looked) < certLook {
		return c.loaded, nil
	}
	c.looked = time.Now()
	now := [2]stamp{stampOf(c.Cert), stampOf(c.Key)}
	if c.loaded != nil && now == c.read {
		return c.loaded, nil
	}
	cert, err := c.load()
	switch {
	case err == nil:
		if c.loaded != nil && c.Logger != nil {
			c.Logger.Info("the TLS certificate was renewed", "path", c.Cert, "expires", cert.Leaf.NotAfter)
		}
		c.loaded, c.read = cert, now
	case c.loaded == nil:
		return nil, err
	default:
		c.read = now // said once for each change
		if c.Logger != nil {
			c.Logger.Warn("the TLS certificate has changed and cannot be used; the old one is served", "error", err)
		}
	}
	return c.loaded, nil
}

// load reads the files. The error is api.Invalid.
func (c *Certificate) load() (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "use the certificate of tls_cert and tls_key: %v", err)
	}
	return &cert, nil
}

// Expires returns when the certificate ends. The error is api.Invalid.
func (c *Certificate) Expires() (time.Time, error) {
	cert, err := c.load()
	if err != nil {
		return time.Time{}, err
	}
	return cert.Leaf.NotAfter, nil
}

// stampOf is the zero stamp for a file that cannot be looked at.
func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{st.Size(), st.ModTime()}
}
