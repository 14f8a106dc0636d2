//go:build !linux

package dropfolder_test

import (
	"os"
	"testing"
	"time"
)

// setTime gives a file a modification time.
func setTime(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}
