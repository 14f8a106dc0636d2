//go:build !linux && !darwin

package daemon

// mayWrite cannot be told here.
func mayWrite(string) error { return nil }
