//go:build linux || darwin

package daemon

import "golang.org/x/sys/unix"

// freeSpace returns what we may still write to the disk of dir, in bytes.
func freeSpace(dir string) (uint64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true //nolint:unconvert // its type differs between systems
}
