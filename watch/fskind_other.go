//go:build !linux

package watch

// RemoteKind does not tell file systems apart here.
func RemoteKind(string) string { return "" }

// limitCure returns the command that raises the limit on open files, which is
// what watching takes here.
func limitCure(error) string { return "ulimit -n 65536" }
