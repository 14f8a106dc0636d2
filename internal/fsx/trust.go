package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
)

// checkPath refuses a folder that another user could put another in the place
// of. It looks at what lies above dir by its name, and above what a link on the
// way leads to, up to the first folder that is not this user's: that one has to
// be root's. A folder that others can write to is fine with its sticky bit set,
// which leaves to each user what is his, as in /tmp.
func checkPath(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("make %s absolute: %w", dir, err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return fmt.Errorf("follow %s: %w", dir, err)
	}
	if err := checkAbove(dir, abs); err != nil {
		return err
	}
	if real == abs {
		return nil
	}
	return checkAbove(dir, real)
}

// checkAbove looks at what path is in, and at path where that is a link. dir is
// what the error is about.
func checkAbove(dir, path string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSymlink {
		path = filepath.Dir(path)
	}
	return checkFrom(dir, path)
}

// checkFrom looks at path and at what that is in.
func checkFrom(dir, path string) error {
	for at := path; ; at = filepath.Dir(at) {
		fi, err := os.Lstat(at)
		if err != nil {
			return fmt.Errorf("look at what %s is in: %w", dir, err)
		}
		uid, known := Owner(fi)
		link := fi.Mode().Type() == fs.ModeSymlink
		top := at == filepath.Dir(at)
		switch {
		case !known:
			return nil
		case !Owned(fi) && !isRoot(uid) && !top:
			return api.Errorf(api.Invalid, "%s belongs to another user (uid %d), who could put something else in the place of %s; use another folder", at, uid, dir)
		case !link && othersMayWrite(fi) && fi.Mode()&fs.ModeSticky == 0:
			return api.Errorf(api.Invalid, "other users can write to %s (%#o) and could put something else in the place of %s; run: chmod go-w %s", at, fi.Mode().Perm(), dir, at)
		case top || !link && !Owned(fi):
			return nil
		}
	}
}

// makeDir makes dir and what it is in, unless what exists of that belongs to
// another user: nothing of ours is left where it is not wanted.
func makeDir(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("make %s absolute: %w", dir, err)
	}
	for at := abs; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if at == abs {
			break // it exists: the caller looks at it
		}
		if err := checkFrom(dir, at); err != nil {
			return err
		}
		break
	}
	return os.MkdirAll(abs, 0o700)
}

// othersMayWrite reports whether others than the owner can write to fi. The
// group of this user alone, which has his own number, is not others.
func othersMayWrite(fi fs.FileInfo) bool {
	perm := fi.Mode().Perm()
	return perm&0o002 != 0 || perm&0o020 != 0 && !ownGroup(fi)
}
