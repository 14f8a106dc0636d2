package problem_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/daemon/problem"
)

func TestTryWrite(t *testing.T) {
	dir := t.TempDir()
	if err := problem.TryWrite(dir); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v afterwards, want nothing left", left, err)
	}
	if err := problem.TryWrite(filepath.Join(dir, "missing")); !os.IsNotExist(err) {
		t.Errorf("got %v for a missing folder, want that it does not exist", err)
	}
}
