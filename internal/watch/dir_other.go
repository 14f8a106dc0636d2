//go:build !linux

package watch

import (
	"errors"
	"io/fs"
	"os"
)

// createNameless is not to be had here.
func createNameless(*os.Root, string, []byte, fs.FileMode, func() error) error {
	return errors.ErrUnsupported
}

// renameExclusive is not to be had here.
func renameExclusive(*os.Root, string, string) error { return errors.ErrUnsupported }
