package service

import (
	"os"
	"path/filepath"
)

// Lingers reports whether systemd keeps a user's services running while the
// user is logged out, as `loginctl enable-linger` makes it.
func Lingers(user string) bool {
	_, err := os.Stat(filepath.Join("/var/lib/systemd/linger", filepath.Base(user)))
	return err == nil
}

// Installed reports whether there is an installation for m in d.
func Installed(m Kind, d Dirs) bool {
	files, err := Files(m, Spec{Program: filepath.Join(d.Home, "voxparse")}, d)
	if err != nil {
		return false
	}
	_, err = os.Stat(files[0].Path)
	return err == nil
}
