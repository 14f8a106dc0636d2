//go:build unix

package vault

import (
	"io/fs"
	"syscall"
)

// openNoLink has the opening of a link fail.
const openNoLink = syscall.O_NOFOLLOW

// othersMay reports whether others may read or write a file.
func othersMay(fi fs.FileInfo) bool { return fi.Mode().Perm()&0o077 != 0 }
