//go:build linux || darwin

package fsx

import "golang.org/x/sys/unix"

// FreeSpace returns how many bytes this user may still write to the disk of
// dir; known is false where the system cannot tell.
func FreeSpace(dir string) (bytes uint64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true // the type of Bsize differs between systems
}
