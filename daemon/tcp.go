package daemon

import (
	"log/slog"

	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/internal/config"
)

// tcpConfig is what the settings say of the TCP address.
func tcpConfig(cfg *config.Config, keys int, log *slog.Logger) listener.TCPConfig {
	return listener.TCPConfig{Addr: cfg.Listen, Keys: keys, Cert: cfg.TLSCert, Key: cfg.TLSKey, InsecureHTTP: cfg.InsecureHTTP, Logger: log}
}

// OpenToNetwork says in a sentence that API keys and audio can be read on their
// way to the daemon, and what to do; "" where they cannot.
func OpenToNetwork(cfg *config.Config) string {
	if open := tcpConfig(cfg, 0, nil).OpenToNetwork(); open != "" {
		return open + "; set tls_cert and tls_key"
	}
	return ""
}
