//go:build unix

package fsx

import (
	"io/fs"
	"os"
	"syscall"
)

// Owner returns the number of the user that a file belongs to; known is false
// where the platform has no such numbers.
func Owner(fi fs.FileInfo) (uid int, known bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// ownGroup reports whether fi's group is the one that systems make for each
// user, with the user's number, and that has no other members.
func ownGroup(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Gid) == os.Getegid() && int(st.Gid) == os.Geteuid()
}

// isRoot reports whether uid is the number of the user who may do everything.
// In a user namespace that does not map him, root is seen as nobody.
func isRoot(uid int) bool { return uid == 0 || isUnmapped(uid) }
