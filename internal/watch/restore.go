package watch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Restore moves a source that failed back from movedTo to p, or beside it where
// that is taken, for it to be named again; but not while the error file at the
// path report, as in Output, is there. It reports whether it did.
func (f *Finisher) Restore(movedTo, p, report string) (bool, error) {
	root, err := f.Place.Open()
	if err != nil {
		return false, err
	}
	defer root.Close()
	look := root.Lstat
	if filepath.IsAbs(report) {
		look = os.Lstat
	}
	if _, err := look(report); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if fi, err := root.Lstat(movedTo); err != nil || !fi.Mode().IsRegular() {
		return false, nil // somebody has taken it away
	}
	if err := f.folders(root, path.Dir(p)); err != nil {
		return false, err
	}
	if err := f.putBack(root, movedTo, p); err != nil {
		return false, trouble("move", movedTo, err)
	}
	return true, errors.Join(syncDir(root, p), syncDir(root, movedTo))
}
