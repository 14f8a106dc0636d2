package datalock

import (
	"fmt"
	"os"
	"path/filepath"
)

// mayHold reports whether process pid has the lock file open: a later process
// with the number of one that was killed does not.
func mayHold(pid int, lock *os.File) bool {
	want, err := lock.Stat()
	if err != nil {
		return false
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, name := range open {
		if is, err := os.Stat(name); err == nil && os.SameFile(is, want) {
			return true
		}
	}
	return false
}
