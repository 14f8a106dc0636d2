package listener

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
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/peer"
)

// MaxSocketPath is the longest path of a socket that binds on every platform,
// in bytes.
const MaxSocketPath = 100

// Unix binds the socket at path, which only our own user can reach. It removes
// a socket that is there already: the caller holds the lock of the data folder,
// which proves that nobody serves it. The error is api.Invalid where something
// else is at path, or where others could take the socket's place.
func Unix(ctx context.Context, path string, log *slog.Logger) (net.Listener, error) {
	if len(path) > MaxSocketPath {
		return nil, api.Errorf(api.Invalid, "the socket path %s has %d bytes, and at most %d can be bound; set a shorter one with --socket or VOXPARSE_SOCKET",
			path, len(path), MaxSocketPath)
	}
	if err := fsx.TrustedDir(filepath.Dir(path)); err != nil {
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
		uid, err := peer.UID(uc)
		if err == nil && uid == l.uid {
			return c, nil
		}
		l.log.Warn("refused a connection of another user", "uid", uid, "error", err)
		_ = c.Close()
	}
}
