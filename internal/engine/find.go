package engine

import (
	"fmt"
	"os"
	"path/filepath"
)

// Find returns the path of the worker program: $VOXPARSE_ENGINE where it is
// set, else voxparse-engine beside this program (links resolved).
func Find() (string, error) {
	if p := os.Getenv("VOXPARSE_ENGINE"); p != "" {
		if err := Runnable(p); err != nil {
			return "", fmt.Errorf("VOXPARSE_ENGINE: %w", err)
		}
		return filepath.Abs(p)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find voxparse-engine: %w", err)
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	p := filepath.Join(filepath.Dir(self), "voxparse-engine")
	if err := Runnable(p); err != nil {
		return "", fmt.Errorf("find voxparse-engine: %w; install it beside voxparse, or name it in VOXPARSE_ENGINE", err)
	}
	return p, nil
}

// Runnable returns nil when path is a file that may be executed, and else why not.
func Runnable(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if fi.IsDir() || fi.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not a program", path)
	}
	return nil
}
