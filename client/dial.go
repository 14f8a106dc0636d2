package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/peer"
)

// dialOwn connects to the daemon of this user behind socket, and to nobody
// else. A folder that does not exist is left to the dialer to report.
func dialOwn(ctx context.Context, socket string) (net.Conn, error) {
	if err := fsx.CheckTrusted(filepath.Dir(socket)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, notOurs(socket, err)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := checkPeer(c.(*net.UnixConn), socket); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// checkPeer refuses whoever is neither this user nor root, as which a service
// manager binds a socket for a user and who can do everything anyway.
func checkPeer(c *net.UnixConn, socket string) error {
	uid, err := peer.UID(c)
	if err != nil {
		return notOurs(socket, err)
	}
	if uid != os.Geteuid() && uid != 0 {
		return notOurs(socket, fmt.Errorf("another user (uid %d) listens there", uid))
	}
	return nil
}

func notOurs(socket string, err error) error {
	return api.Errorf(api.Invalid, "nothing was sent to %s: %v", socket, err)
}
