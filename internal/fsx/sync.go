package fsx

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// SyncDir makes the names in the folder dir durable: files that were made,
// renamed or removed in it stay so after a power cut. It does nothing where the
// file system cannot do that for folders.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncOpen(d)
}

// SyncDirIn is SyncDir for the folder dir below root.
func SyncDirIn(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return syncOpen(d)
}

// syncOpen syncs the open folder d and closes it.
func syncOpen(d *os.File) error {
	err := d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || !canSyncDirs {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// SyncFile makes the content of the file at path durable.
func SyncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Rename gives the file at from the name to, durably, and replaces what has
// that name. Both lie on the same file system. The content of the file has to
// be durable already.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// RemoveIfExists removes the file at path. That there is none is no error.
func RemoveIfExists(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
