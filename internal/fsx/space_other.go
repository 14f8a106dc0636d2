//go:build !linux && !darwin

package fsx

// FreeSpace returns how many bytes this user may still write to the disk of
// dir; known is false where the system cannot tell.
func FreeSpace(string) (bytes uint64, known bool) { return 0, false }
