//go:build !unix

package fsx

import "io/fs"

// Owner returns the number of the user that a file belongs to; known is false
// where the platform has no such numbers.
func Owner(fs.FileInfo) (uid int, known bool) { return 0, false }

// ownGroup cannot be told here.
func ownGroup(fs.FileInfo) bool { return true }

// isRoot reports whether uid is the number of the user who may do everything.
func isRoot(int) bool { return true }
