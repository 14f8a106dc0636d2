//go:build !linux

package watch

// limitFix returns the command that raises the limit on open files, which is
// what watching takes here.
func limitFix(error) string { return "ulimit -n 65536" }
