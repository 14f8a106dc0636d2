//go:build !linux

package watch

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// createNameless is not to be had here.
func createNameless(*os.Root, string, []byte, fs.FileMode, func() error) error {
	return errors.ErrUnsupported
}

// setModified gives the file at p a modification time.
func setModified(root *os.Root, p string, at time.Time) error {
	return root.Chtimes(p, time.Time{}, at)
}

// renameExclusive is not to be had here.
func renameExclusive(*os.Root, string, string) error { return errors.ErrUnsupported }
