//go:build linux || darwin

package fsx_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/fsx"
)

func TestMayWrite(t *testing.T) {
	if err := fsx.MayWrite(t.TempDir()); err != nil {
		t.Errorf("got %v for a folder of ours, want nil", err)
	}
	if err := fsx.MayWrite(filepath.Join(t.TempDir(), "missing")); !os.IsNotExist(err) {
		t.Errorf("got %v for a missing folder, want that it does not exist", err)
	}
}
