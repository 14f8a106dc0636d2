package listener

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
	"github.com/voxparse/voxparse/internal/fsx"
)

// Inherited returns the socket that the service manager bound for us and
// keeps when we stop, or nil where it gave none. It has to be the one at path,
// in a folder that only we can enter: else the error is api.Invalid.
func Inherited(path string, log *slog.Logger) (net.Listener, error) {
	return inheritedFrom(activation.Files(true), path, log)
}

func inheritedFrom(files []*os.File, path string, log *slog.Logger) (net.Listener, error) {
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
	const fix = "write the units anew with: voxparse daemon install --socket-activation"
	if len(files) > 1 {
		return nil, api.Errorf(api.Invalid, "the service manager gave %d sockets, and the daemon has one; %s", len(files), fix)
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("use the socket that the service manager gave: %w", err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok || filepath.Clean(l.Addr().String()) != filepath.Clean(path) {
		return nil, errors.Join(api.Errorf(api.Invalid, "the service manager listens on %s, and the settings name %s; %s", l.Addr(), path, fix), l.Close())
	}
	u.SetUnlinkOnClose(false)
	if err := checkSocket(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &peerListener{Listener: l, log: log, uid: os.Geteuid()}, nil
}

// checkSocket refuses a socket that others could reach or replace.
func checkSocket(path string) error {
	if err := fsx.TrustedDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("look at the folder of the socket: %w", err)
	}
	st, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at the socket: %w", err)
	}
	uid, known := fsx.Owner(st)
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
