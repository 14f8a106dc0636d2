package fsx

import (
	"errors"
	"syscall"
)

// IsFull reports whether err says that there is no room left: on the disk, in
// the user's quota, or under the largest size that a file may have.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// IsReadOnly reports whether err says that the file system takes no writes.
func IsReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
