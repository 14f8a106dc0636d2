//go:build !unix

package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// canSyncDirs tells whether a folder can be synced here.
const canSyncDirs = false

// pending is a hidden file that is to take the name of another. The library
// that does this elsewhere leaves this platform out, because a rename is not
// promised to be atomic here.
type pending struct {
	*os.File
	path string
	done bool
}

func newPending(path string, perm fs.FileMode) (*pending, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(perm); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &pending{File: f, path: path}, nil
}

// CloseAtomicallyReplace gives the file its name.
func (p *pending) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return err
	}
	p.done = true
	return nil
}

// Cleanup removes the file unless it has its name.
func (p *pending) Cleanup() error {
	if p.done {
		return nil
	}
	err := p.Close()
	if errors.Is(err, fs.ErrClosed) {
		err = nil
	}
	return errors.Join(err, os.Remove(p.Name()))
}
