//go:build unix && !linux

package fsx

// isUnmapped is false where there are no user namespaces.
func isUnmapped(int) bool { return false }
