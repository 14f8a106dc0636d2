package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/voxparse/voxparse/api"
)

// inheritedSocket returns the socket that the service manager bound for us and
// keeps when we stop, or nil where it gave none. It has to be the one that the
// settings name, in a place that only we can enter.
func inheritedSocket(path string, log *slog.Logger) (net.Listener, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	var closing error
	defer func() {
		for _, f := range files { // what is used was duplicated
			closing = errors.Join(closing, f.Close())
		}
		if closing != nil {
			log.Debug("close what the service manager gave", "error", closing)
		}
	}()
	const cure = "write the units anew with: voxparse daemon install --socket-activation"
	if len(files) > 1 {
		return nil, api.Errorf(api.Invalid, "the service manager gave %d sockets, and the daemon has one; %s", len(files), cure)
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("use the socket that the service manager gave: %w", err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok || filepath.Clean(l.Addr().String()) != filepath.Clean(path) {
		return nil, errors.Join(api.Errorf(api.Invalid, "the service manager listens on %s, and the settings name %s; %s", l.Addr(), path, cure), l.Close())
	}
	u.SetUnlinkOnClose(false)
	if err := checkSocket(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &peerListener{Listener: l, log: log, uid: os.Geteuid()}, nil
}

// checkSocket refuses a socket that others could reach or replace.
func checkSocket(path string) error {
	if err := privateDir(filepath.Dir(path), false); err != nil {
		return fmt.Errorf("look at the folder of the socket: %w", err)
	}
	st, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at the socket: %w", err)
	}
	uid, known := ownerOf(st)
	switch {
	case st.Mode().Type() != fs.ModeSocket:
		return api.Errorf(api.Invalid, "%s is not a socket; move it away", path)
	case known && uid != os.Geteuid():
		return api.Errorf(api.Invalid, "the socket %s belongs to another user (uid %d)", path, uid)
	case st.Mode().Perm()&0o077 != 0:
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("restrict the socket: %w", err)
		}
	}
	return nil
}
