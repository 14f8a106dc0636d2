package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile makes the file at path hold data, whole or not at all, durably: a
// reader sees the old content or the new one, also after a power cut. perm does
// not depend on the umask. What has the name is replaced.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return WriteFileFrom(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFileFrom is WriteFile with what fill writes. If fill fails, nothing
// changes and its error is returned as it is.
func WriteFileFrom(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	f, err := newPending(path, perm)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return SyncDir(filepath.Dir(path))
}

// CreateFile is WriteFile for a file that must not exist yet: the error is
// fs.ErrExist where the name is taken, and what has it stays as it is.
func CreateFile(path string, data []byte, perm fs.FileMode) error {
	f, err := newPending(path, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err = errors.Join(err, f.Cleanup()); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
