//go:build unix

package watch

import (
	"errors"
	"os"
	"path"
	"syscall"
)

// syncDir makes the entry of p in its directory durable.
func syncDir(root *os.Root, p string) error {
	dir, err := root.Open(path.Dir(p))
	if err != nil {
		return trouble("open the folder", path.Dir(p), err)
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that has no such thing
	}
	if err = errors.Join(err, dir.Close()); err != nil {
		return trouble("write the folder", path.Dir(p), err)
	}
	return nil
}
