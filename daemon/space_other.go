//go:build !linux && !darwin

package daemon

// freeSpace is not known here.
func freeSpace(string) (uint64, bool) { return 0, false }
