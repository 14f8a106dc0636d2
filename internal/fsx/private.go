package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Owned reports whether the file belongs to the user that this process runs as.
// Where the platform has no user numbers, every file does.
func Owned(fi fs.FileInfo) bool {
	uid, known := Owner(fi)
	return !known || uid == os.Geteuid()
}

// othersMay are the permissions of others than the owner.
const othersMay = 0o077

// PrivateDir makes a folder that only this user can enter, and those above it.
// It may be a link, but of this user's or of root's. A folder that exists must
// belong to the user. Where others can enter it, it is closed to them if its
// name begins with "voxparse", and refused with api.Invalid otherwise: a folder
// that is not ours alone by its name is not changed behind its owner's back.
// A folder that another user could move away is refused with api.Invalid too.
func PrivateDir(dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := closeToOthers(dir, fi, hasOurName(dir)); err != nil {
		return err
	}
	return checkPath(dir)
}

// TrustedDir makes a folder as PrivateDir does, and refuses a link in its
// place with api.Invalid: for a folder at a place that others can foresee and
// can write to, such as one below /tmp.
func TrustedDir(dir string) error { return makeTrusted(dir, hasOurName(dir)) }

// OwnDir makes a folder as TrustedDir does, of which this program is the only
// user: where others could enter it, but not write to it, it is closed to them
// whatever its name is.
func OwnDir(dir string) error { return makeTrusted(dir, true) }

// CheckTrusted returns nil for a folder that only this user can enter and that
// nobody else can move away, and that is no link. It changes nothing. The error
// is api.Invalid, or that of the system, such as fs.ErrNotExist.
func CheckTrusted(dir string) error {
	fi, err := lstatDir(dir)
	if err != nil {
		return err
	}
	if !Owned(fi) {
		return belongsTo(dir, fi)
	}
	if _, known := Owner(fi); known && fi.Mode().Perm()&othersMay != 0 {
		return openToOthers(dir, fi.Mode().Perm())
	}
	return checkPath(dir)
}

func makeTrusted(dir string, ours bool) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	fi, err := lstatDir(dir)
	if err != nil {
		return err
	}
	if err := closeToOthers(dir, fi, ours); err != nil {
		return err
	}
	return CheckTrusted(dir)
}

// lstatDir looks at a folder, and refuses a link.
func lstatDir(dir string) (fs.FileInfo, error) {
	fi, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, err
	case fi.Mode().Type() == fs.ModeSymlink:
		return nil, api.Errorf(api.Invalid, "%s is a link, which could lead anywhere; remove it, or name the folder that it leads to", dir)
	case !fi.IsDir():
		return nil, api.Errorf(api.Invalid, "%s is not a folder; move it away", dir)
	}
	return fi, nil
}

// closeToOthers closes a folder of this user's to others where it is ours; it
// refuses one into which others may have put something.
func closeToOthers(dir string, fi fs.FileInfo, ours bool) error {
	perm := fi.Mode().Perm()
	_, known := Owner(fi)
	switch {
	case !known:
		return nil
	case !Owned(fi):
		return belongsTo(dir, fi)
	case perm&othersMay == 0:
		return nil
	case !ours:
		return openToOthers(dir, perm)
	case othersMayWrite(fi):
		return api.Errorf(api.Invalid, "other users can write to %s (%#o) and may have put something into it; look, then run: chmod 700 %s", dir, perm, dir)
	}
	return closeDir(dir)
}

func openToOthers(dir string, perm fs.FileMode) error {
	return api.Errorf(api.Invalid, "other users can enter %s (%#o); run: chmod 700 %s", dir, perm, dir)
}

func hasOurName(dir string) bool { return strings.HasPrefix(filepath.Base(dir), "voxparse") }

func belongsTo(dir string, fi fs.FileInfo) error {
	uid, _ := Owner(fi)
	return api.Errorf(api.Invalid, "%s belongs to another user (uid %d); use another folder", dir, uid)
}

func closeDir(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make %s private: %w", dir, errors.Unwrap(err))
	}
	return nil
}
