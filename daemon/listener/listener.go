package listener

import (
	"context"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/peer"
)

// MaxSocketPath is the longest path of a socket that binds on every platform,
// in bytes.
const MaxSocketPath = 100

// Unix binds the socket at path, which only our own user can reach. It removes
// a socket that is there already: the caller holds the lock of the data folder,
// which proves that nobody serves it. The error is api.Invalid where something
// else is at path, or where others could take the socket's place. A socket that
// vanishes is bound again within two seconds.
func Unix(ctx context.Context, path string, log *slog.Logger) (net.Listener, error) {
	return unixEvery(ctx, path, log, lookEvery)
}

func unixEvery(ctx context.Context, path string, log *slog.Logger, every time.Duration) (net.Listener, error) {
	if len(path) > MaxSocketPath {
		return nil, api.Errorf(api.Invalid, "the socket path %s has %d bytes, and at most %d can be bound; set a shorter one with --socket or VOXPARSE_SOCKET",
			path, len(path), MaxSocketPath)
	}
	s, err := keepSocket(ctx, path, log, every)
	if err != nil {
		return nil, err
	}
	return &peerListener{Listener: s, log: log, uid: os.Geteuid()}, nil
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
		uid, err := peer.UID(uc)
		if err == nil && uid == l.uid {
			return c, nil
		}
		l.log.Warn("refused a connection of another user", "uid", uid, "error", err)
		_ = c.Close()
	}
}
