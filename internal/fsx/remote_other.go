//go:build !linux

package fsx

// RemoteKind does not tell file systems apart here.
func RemoteKind(string) string { return "" }

// NetworkKind does not tell file systems apart here.
func NetworkKind(string) (string, error) { return "", nil }
