package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
)

// maxSocketPath is the longest path of a socket that binds on every platform,
// in bytes.
const maxSocketPath = 100

// maxTCPConns bounds the connections over TCP, so that strangers cannot use up
// the daemon's file descriptors. The socket is not bounded.
const maxTCPConns = 256

// listenUnix binds the socket. The caller holds the database's lock, which
// proves that a socket found there is stale.
func listenUnix(ctx context.Context, path string, log *slog.Logger) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, api.Errorf(api.Invalid, "the socket path %s has %d bytes, and at most %d can be bound; set a shorter one with --socket or VOXPARSE_SOCKET",
			path, len(path), maxSocketPath)
	}
	if err := privateDir(filepath.Dir(path), false); err != nil {
		return nil, fmt.Errorf("prepare the folder of the socket: %w", err)
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("look at the socket: %w", err)
	case st.Mode().Type() != fs.ModeSocket:
		return nil, api.Errorf(api.Invalid, "%s exists and is not a socket; move it away, or set another path with --socket", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the stale socket: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("restrict the socket: %w", err), l.Close())
	}
	return &peerListener{Listener: l, log: log, uid: os.Geteuid()}, nil
}

// peerListener accepts connections of one user only.
type peerListener struct {
	net.Listener
	log *slog.Logger
	uid int
}

// Accept returns the next connection of our own user; others are closed.
func (l *peerListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uc, ok := c.(*net.UnixConn)
		if !ok {
			return c, nil
		}
		uid, err := peerUID(uc)
		if err == nil && uid == l.uid {
			return c, nil
		}
		l.log.Warn("refused a connection of another user", "uid", uid, "error", err)
		_ = c.Close()
	}
}

// listenTCP binds the API's address. It refuses one beyond loopback while no
// key exists, for then whoever guesses first makes no difference: nobody can
// use it, and the mistake would go unseen.
func listenTCP(ctx context.Context, addr string, keys int) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "listen %q: want an address and a port, such as 127.0.0.1:7733", addr)
	}
	if keys == 0 && !isLoopback(host) {
		return nil, api.Errorf(api.Invalid, "refusing to listen on %s beyond this machine without an API key; make one with: voxparse keys add", addr)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", addr, err)
	}
	return newBoundedListener(l, maxTCPConns), nil
}

// isLoopback reports whether a listen host is this machine alone. The empty
// host is every address.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
